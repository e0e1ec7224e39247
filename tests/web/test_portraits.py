"""The picture of an organisation: initials that people expect, in a colour that stays."""

from uuid import UUID

import pytest

from app.web import portraits


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Acme Research", "AR"),
        ("acme", "A"),
        ("The Long Name of a Company", "TC"),
        ("山田 太郎", "山太"),
        ("e\u0301cole", "É"),
        ("“Quoted” & Sons", "QS"),
        ("… !", "?"),
        ("", "?"),
    ],
)
def test_initials_are_of_the_first_and_the_last_word(name, initials):
    assert portraits.initials(name) == initials


def test_colour_depends_on_the_id_alone():
    assert portraits.hue(UUID(int=7)) == portraits.hue(UUID(int=7))
    assert {portraits.hue(UUID(int=place)) for place in range(100)} == set(portraits.HUES)
