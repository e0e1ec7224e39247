"""What can be asked of a key, as a form."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length


class KeyForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A key's name."""

    name = StringField(
        "Name",
        validators=[
            DataRequired("Give the key a name, such as the program that will use it."),
            Length(max=80, message="Use a name of at most 80 characters."),
        ],
    )
