"""What can be asked about leaked keys, as forms."""

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length

from app.leaks import words


class ReportForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A key that somebody found."""

    key = TextAreaField(
        "The key",
        validators=[
            DataRequired("Paste the key that you found."),
            Length(max=20_000, message="That is too long. Paste the key, or the lines around it."),
        ],
    )
    where = StringField(
        "Where you found it",
        validators=[
            DataRequired("Say where you found it: the address of a page, or a few words."),
            Length(max=1_000, message="Use at most 1,000 characters."),
        ],
    )


class PolicyForm(FlaskForm):  # type: ignore[misc]
    """What is to be done with keys that leak."""

    act = StringField("When a live key leaks", validators=[AnyOf(words.POLICIES, "Choose what is to happen.")])
