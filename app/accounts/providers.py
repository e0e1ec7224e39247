"""Which identity providers people may sign in with: GitHub, Google and any OpenID provider, from the settings."""

from dataclasses import dataclass

from app.core.config import PREFIX, Settings
from app.core.errors import Invalid

OF_ORGANISATIONS = "sso"
"""What stands in for the name of a provider that an organisation connected, in addresses and with identities."""
GOOGLE_DISCOVERY_URL = "https://accounts.google.com/.well-known/openid-configuration"

CHOOSE = "select_account"
"""All that GitHub and Google can be asked for: neither knows “login”."""


@dataclass(frozen=True)
class Provider:
    """One button. discovery_url: None for GitHub, which speaks OAuth but not OpenID Connect.

    prompt: what has it ask who is there, though it knows: “login” asks for proof (OpenID Connect Core 1.0, 3.1.2.1).
    """

    name: str
    label: str
    client_id: str
    client_secret: str
    discovery_url: str | None
    prompt: str = "login"

    @property
    def short_name(self) -> str:
        """What it is called in a sentence: “GitHub”."""
        return self.label.removeprefix("Continue with ")


def of(settings: Settings) -> tuple[Provider, ...]:
    """In the order of their buttons.

    Raises Invalid if two have one name, if one is called OF_ORGANISATIONS, or if one would be reached in the clear
    outside development.
    """
    found = []
    if settings.github_client_id:
        secret = settings.github_client_secret.get_secret_value()
        found.append(Provider("github", "Continue with GitHub", settings.github_client_id, secret, None, CHOOSE))
    if settings.google_client_id:
        secret = settings.google_client_secret.get_secret_value()
        found.append(
            Provider("google", "Continue with Google", settings.google_client_id, secret, GOOGLE_DISCOVERY_URL, CHOOSE)
        )
    for one in settings.oidc_providers:
        if not settings.is_development and not one.discovery_url.startswith("https://"):
            raise Invalid(f"{PREFIX}OIDC_PROVIDERS: “{one.name}” must be reached by https outside development.")
        secret = one.client_secret.get_secret_value()
        found.append(Provider(one.name, one.label, one.client_id, secret, one.discovery_url))
    names = [one.name for one in found]
    if OF_ORGANISATIONS in names:
        raise Invalid(
            f"{PREFIX}OIDC_PROVIDERS: no provider can be called “{OF_ORGANISATIONS}”, which is the way to sign in with "
            "an organisation’s own provider. Give it another name."
        )
    if len(names) != len(set(names)):
        raise Invalid(f"{PREFIX}OIDC_PROVIDERS: two providers have the same name.")
    return tuple(found)
