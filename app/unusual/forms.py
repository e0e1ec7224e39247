"""What an organisation chooses about alerts on use, as a form."""

from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField
from wtforms.validators import NumberRange

from app.unusual import rules
from app.unusual.rules import Choice


class WholeField(IntegerField):  # type: ignore[misc]  # WTForms has no types
    """A number, or none: what else was typed is for the validators to speak of, once."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Raises nothing."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            self.data = None


def _number(label: str, name: str) -> WholeField:
    least, most = rules.BOUNDS[name]
    words = f"{label}: write a whole number from {least:,} to {most:,}."
    return WholeField(label, validators=[NumberRange(least, most, message=words)])


class AlertsForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Which rules are on, and their numbers."""

    rate = BooleanField(rules.WORDS[rules.RATE])
    factor = _number("Times the usual", "factor")
    rate_calls = _number("Calls an hour, at least", "rate_calls")
    errors_ = BooleanField(rules.WORDS[rules.ERRORS], name="errors")
    error_percent = _number("Percent that fail", "error_percent")
    error_calls = _number("Calls an hour, at least", "error_calls")
    country = BooleanField(rules.WORDS[rules.COUNTRY])
    client = BooleanField(rules.WORDS[rules.CLIENT])
    silent = BooleanField(rules.WORDS[rules.SILENT])
    silent_days = _number("Days without a call", "silent_days")

    def fill(self, choice: Choice) -> None:
        """As it is chosen now."""
        for rule, field in self._rules.items():
            field.data = choice.has(rule)
        for name in rules.BOUNDS:
            self[name].data = getattr(choice, name)

    def choice(self) -> Choice:
        """What it asks for, once it has been found valid."""
        off = frozenset(rule for rule, field in self._rules.items() if not field.data)
        return Choice(off=off, **{name: int(self[name].data) for name in rules.BOUNDS})

    @property
    def _rules(self) -> dict[str, BooleanField]:
        return {
            rules.RATE: self.rate,
            rules.ERRORS: self.errors_,
            rules.COUNTRY: self.country,
            rules.CLIENT: self.client,
            rules.SILENT: self.silent,
        }
