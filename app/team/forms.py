"""What can be asked about an organisation, as forms. The services check the rules."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

_NAME = DataRequired("Give the organisation a name, such as that of your company or project.")
_LONG = Length(max=120, message="Use a name of at most 120 characters.")


class NewForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """One more organisation."""

    name = StringField("Name", validators=[_NAME, _LONG])


class SettingsForm(FlaskForm):  # type: ignore[misc]
    """What it is called, and where bills go while nobody has paid yet."""

    name = StringField("Name", validators=[_NAME, _LONG])
    slug = StringField("Slug", validators=[DataRequired("Give it a slug, such as “acme-research”."), Length(max=40)])
    billing_email = StringField("Billing e-mail", validators=[Length(max=254, message="That address is too long.")])


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """The name, so that nobody deletes by accident."""

    name = StringField("Name of the organisation", validators=[DataRequired("Type the name of the organisation.")])
