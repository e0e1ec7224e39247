"""What the vault sealed opens with its keys, in its place, unaltered, and nowhere else."""

import pytest

from app.core import vault
from app.core.config import Settings
from app.core.errors import Invalid
from app.core.vault import CannotOpen, Vault

OLD, NEW = "old " * 8, "new " * 8
PLACE = "integration.credential:6f1c"


def test_a_sealed_value_opens_in_its_place():
    safe = Vault([NEW])

    assert safe.open(safe.seal("Bearer sésame", place=PLACE), place=PLACE) == "Bearer sésame"


def test_a_sealed_value_shows_nothing_and_differs_each_time():
    safe = Vault([NEW])

    once, again = safe.seal("Bearer sesame", place=PLACE), safe.seal("Bearer sesame", place=PLACE)

    assert "sesame" not in once
    assert once != again


def test_a_sealed_value_moved_to_another_row_stays_shut():
    safe = Vault([NEW])
    sealed = safe.seal("Bearer sesame", place=PLACE)

    with pytest.raises(CannotOpen, match="belongs to another row"):
        safe.open(sealed, place="integration.credential:7a2d")


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_an_altered_value_stays_shut(at):
    safe = Vault([NEW])
    sealed = safe.seal("Bearer sesame", place=PLACE)
    altered = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]

    with pytest.raises(CannotOpen):
        safe.open(altered, place=PLACE)


@pytest.mark.parametrize("sealed", ["", "v1", "v1.", "v1..", "v1.x.!", "plain text", "v2.12345678.AAAA"])
def test_what_is_no_sealed_value_is_refused_in_words(sealed):
    with pytest.raises(CannotOpen, match=PLACE):
        Vault([NEW]).open(sealed, place=PLACE)


def test_the_first_key_seals_and_all_open():
    sealed = Vault([OLD]).seal("Bearer sesame", place=PLACE)
    both = Vault([NEW, OLD])

    resealed = both.reseal(sealed, place=PLACE)

    assert both.open(sealed, place=PLACE) == "Bearer sesame"
    assert (both.is_current(sealed), both.is_current(resealed)) == (False, True)
    assert Vault([NEW]).open(resealed, place=PLACE) == "Bearer sesame"


def test_a_missing_key_is_named():
    sealed = Vault([OLD]).seal("Bearer sesame", place=PLACE)

    with pytest.raises(CannotOpen, match="not among POSTERN_ENCRYPTION_KEYS") as caught:
        Vault([NEW]).open(sealed, place=PLACE)

    assert sealed.split(".")[1] in caught.value.message


def test_a_vault_without_keys_is_refused():
    with pytest.raises(Invalid):
        Vault([])


def test_development_needs_no_key_of_its_own():
    settings = Settings(environment="development")

    sealed = vault.from_settings(settings).seal("Bearer sesame", place=PLACE)

    assert vault.from_settings(settings).open(sealed, place=PLACE) == "Bearer sesame"
