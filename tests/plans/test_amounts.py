import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.plans import amounts, reading


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0.25c", 250_000_000),
        ("0.05 usd", 5_000_000_000),
        ("0.05USD", 5_000_000_000),
        ("50", 5_000_000_000_000),
        ("0", 0),
        ("0.000000001c", 1),
        ("0.00000000001 usd", 1),
    ],
)
def test_amounts_are_read_as_whole_nano_minor_units(text, nanos):
    assert amounts.parse(text, currency="usd") == nanos


@pytest.mark.parametrize(
    "text",
    ["", "-1", "1e3", "nan", "0x1", "1,50", "٣", "0.05 eur", "0.0000000001c", "1" * 16, "999999999999999", "5 c c"],
)
def test_what_is_no_amount_is_refused_in_words(text):
    with pytest.raises(Invalid) as refusal:
        amounts.parse(text, currency="usd")

    assert refusal.value.message.endswith(".")


def test_a_currency_without_decimals_has_no_cents():
    assert amounts.parse("5 jpy", currency="jpy") == 5_000_000_000
    assert amounts.shown(5_000_000_000, currency="jpy") == "¥5"
    with pytest.raises(Invalid, match="hundredths"):
        amounts.parse("5c", currency="jpy")


@pytest.mark.parametrize(
    ("nanos", "shown"), [(0, "$0.00"), (250_000_000, "$0.0025"), (5_000_000_000_000, "$50.00"), (1, "$0.00000000001")]
)
def test_amounts_are_shown_exactly(nanos, shown):
    assert amounts.shown(nanos, currency="usd") == shown


@pytest.mark.parametrize(
    ("minor", "currency", "shown", "recorded", "written"),
    [
        (1_234_567, "eur", "€12,345.67", "€12345.67", "12345.67"),
        (-123_456_789, "usd", "-$1,234,567.89", "-$1234567.89", "-1234567.89"),
        (99_999, "gbp", "£999.99", "£999.99", "999.99"),
        (1_234_567, "jpy", "¥1,234,567", "¥1234567", "1234567"),
        (100_000, "chf", "1,000.00 chf", "1000.00 chf", "1000.00"),
    ],
)
def test_thousands_are_set_apart_for_people_and_never_for_programs(minor, currency, shown, recorded, written):
    nanos = minor * amounts.NANOS

    assert amounts.shown_minor(minor, currency=currency) == amounts.shown(nanos, currency=currency) == shown
    assert amounts.recorded(nanos, currency=currency) == recorded
    assert amounts.written(nanos, currency=currency) == written


def test_decimals_are_never_set_apart():
    assert amounts.shown(1_234_567_000_000_001, currency="usd") == "$12,345.67000000001"


@given(st.integers(0, amounts.LARGEST_NANOS // 100), st.sampled_from(sorted(amounts.EXPONENTS)))
def test_what_is_written_reads_as_what_it_was_and_is_shown_alike(nanos, currency):
    written = amounts.written(nanos, currency=currency)

    assert amounts.parse(written, currency=currency) == nanos
    assert written in amounts.shown(nanos, currency=currency).replace(",", "")


@pytest.mark.parametrize(
    ("nanos", "minor"),
    [(0, 0), (499_999_999, 0), (500_000_000, 1), (1_499_999_999, 1), (1_500_000_000, 2), (-500_000_000, -1)],
)
def test_halves_are_rounded_up_and_a_credit_undoes_its_charge(nanos, minor):
    assert amounts.to_minor(nanos) == minor
    assert amounts.to_minor(-nanos) == -minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("25", "usd", 2500),
        (" $1,234.50 ", "usd", 123450),
        ("25 USD", "usd", 2500),
        ("¥2,500", "jpy", 2500),
        ("5 CHF", "chf", 500),
        ("€5,00", "eur", 5_00),
        ("5,000", "jpy", 5_000),
    ],
)
def test_customers_write_amounts_as_they_read_them(text, currency, minor):
    assert amounts.parse_typed_minor(text, currency=currency) == minor


@pytest.mark.parametrize(
    "text", ["", "25,0", "1,000,00", "1.000,00", "-5", "5 eur", "0.25c", "1e3", "٣", "0.001", "1" * 15]
)
def test_what_customers_cannot_mean_comes_back_with_what_to_write(text):
    with pytest.raises(Invalid) as refusal:
        amounts.parse_typed_minor(text, currency="usd")

    assert re.search(r"such as 25\.00\.|less than \$90,000,000\.00\.", refusal.value.message)


def test_fees_are_whole_minor_units():
    assert amounts.parse_minor("49.00", currency="usd") == 4900
    assert amounts.parse_minor("4900", currency="jpy") == 4900
    assert amounts.shown_minor(-4900, currency="usd") == "-$49.00"
    assert amounts.shown_minor(4900, currency="jpy") == "¥4,900"
    with pytest.raises(Invalid, match="2 decimals"):
        amounts.parse_minor("49.001", currency="usd")
    with pytest.raises(Invalid, match="no decimals"):
        amounts.parse_minor("49.5", currency="jpy")


def test_currencies_with_three_decimals_are_refused_and_not_rounded():
    assert set(amounts.EXPONENTS.values()) == {0, 2}

    for currency in ("bhd", "kwd", "tnd"):
        with pytest.raises(Invalid, match="choose one of"):
            reading.from_text(f'currencies = ["{currency}"]\n[plans.free]\nname = "Free"\nwords = "."\nkind = "free"\n')
        with pytest.raises(Invalid, match="Prices here are in usd"):
            amounts.parse(f"1.005 {currency}", currency="usd")
