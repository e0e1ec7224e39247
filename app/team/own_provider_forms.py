"""Connecting an identity provider and adding a domain, as forms. The services check the rules."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length
from wtforms.widgets import PasswordInput

from app.organisations import providers

_LONG = Length(max=255, message="Use at most 255 characters.")


class ProviderForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Which, and as whom we are known there."""

    label = StringField("What your people call it", validators=[Length(max=60)])
    issuer = StringField(
        "Issuer", validators=[DataRequired("Give the issuer, such as https://login.example.com."), _LONG]
    )
    client_id = StringField("Client id", validators=[DataRequired("Give the client id."), _LONG])
    client_secret = PasswordField(
        "Client secret", validators=[Length(max=1000)], widget=PasswordInput(hide_value=False)
    )  # what was typed stays typed; the one that is kept never comes here
    default_role = SelectField(
        "Role of who comes in for the first time",
        choices=[SelectChoice(role, role.capitalize()) for role in providers.DEFAULT_ROLES],
        default=providers.DEFAULT_ROLES[-1],
        validate_choice=False,
    )


class DomainForm(FlaskForm):  # type: ignore[misc]
    """What stands behind the @."""

    name = StringField("Domain", validators=[DataRequired("Give a domain, such as example.com."), Length(max=253)])
