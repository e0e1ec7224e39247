"""What can be asked of a webhook, as a form."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, Length


class EndpointForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Where to tell."""

    url = StringField(
        "Address",
        validators=[
            DataRequired("Give the address that is to be told, such as https://example.com/postern."),
            Length(max=2048, message="Use an address of at most 2,048 characters."),
        ],
    )
    with_audit = BooleanField("Send each entry of the audit log there, too")
