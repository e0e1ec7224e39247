"""Inviting, as forms. The services check the rules."""

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length

from app.organisations import inviting

_DAYS = (1, 3, 7, 14, 30)


class _InviteForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    role = SelectField("Role", choices=[], validate_choice=False)
    days = SelectField(
        "Good for",
        choices=[SelectChoice(str(days), "1 day" if days == 1 else f"{days} days") for days in _DAYS],
        default=str(inviting.DAYS_USUAL),
        validate_choice=False,
    )

    @property
    def whole_days(self) -> int:
        """0 for what is no number."""
        said = self.days.data or ""
        return int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 0


class MailForm(_InviteForm):
    """To one person."""

    email = StringField("E-mail", validators=[DataRequired("Give their e-mail address."), Length(max=254)])


class LinkForm(_InviteForm):
    """To whoever has the link."""

    uses = IntegerField("How many people", default=5, validators=[DataRequired("Say how many people may use it.")])
