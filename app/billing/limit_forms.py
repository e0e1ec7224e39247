"""What can be asked of caps and warnings, as forms."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length

from app.billing import limit_list
from app.core.errors import Invalid
from app.plans import periods


class CapForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A cap on spending. whose: “all”, “key:” or “integration:” and an id; its choices are the page's."""

    whose = SelectField("For", choices=[])
    amount = StringField("Most that may be spent", validators=[DataRequired("Say how much.")])
    period = SelectField("In each", choices=[SelectChoice(periods.MONTH, "Month"), SelectChoice(periods.DAY, "Day")])
    action = SelectField("When it is reached", choices=[SelectChoice(*said) for said in limit_list.ACTIONS.items()])


class AlertForm(FlaskForm):  # type: ignore[misc]
    """At which shares warnings come."""

    thresholds = StringField("Warn at, in percent", validators=[Length(max=60)])
    by_mail = BooleanField("Send them by mail")

    def numbers(self) -> list[int]:
        """“50, 80, 100” as numbers; [] for nothing. Raises Invalid."""
        parts = [part.strip().removesuffix("%").strip() for part in (self.thresholds.data or "").split(",")]
        parts = [part for part in parts if part]
        if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
            raise Invalid("Write whole numbers with commas between them, such as “50, 80, 100”.")
        return [int(part) for part in parts]
