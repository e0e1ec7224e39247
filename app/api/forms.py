"""What can be asked of an admin key, as a form."""

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, Length


class AdminKeyForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """days: how long it works, "" for ever. The view says what may be chosen."""

    name = StringField(
        "Name",
        validators=[
            DataRequired("Give it a name, such as the program that will use it."),
            Length(max=80, message="Use a name of at most 80 characters."),
        ],
    )
    role = SelectField("Role")
    days = SelectField("Works for")
