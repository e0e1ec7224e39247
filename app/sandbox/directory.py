"""Who can sign in at the identity stand-in, and what the stand-ins and the portal have agreed on.

No secret in here is one.
"""

from dataclasses import dataclass

import requests
from pydantic import SecretStr

from app.core.config import PREFIX, OidcProvider, Settings
from app.sandbox import stripe

PROVIDER_NAME = "local"
CLIENT_ID = "postern"
CLIENT_SECRET = "postern-in-development"  # noqa: S105  (known to everyone; the stand-in answers on loopback only)
ANSWERS_WITHIN_S = 2.0
USAGE_EVERY_S = 5.0
"""At most: whoever tries things out does not want to wait for minutes until Stripe knows of their calls."""
PASSWORD = "let-me-in"  # noqa: S105  (printed by `postern run`)


@dataclass(frozen=True)
class Person:
    """user_name is also the subject (`sub`) that the stand-in reports, so accounts survive its restarts."""

    user_name: str
    given_name: str
    family_name: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def email(self) -> str:
        return f"{self.user_name}@example.com"


PEOPLE = (
    Person("alex", "Alex", "Mason"),
    Person("sam", "Sam", "Reyes"),
    Person("kim", "Kim", "Osei"),
    Person("robin", "Robin", "Falk"),
    Person("dana", "Dana", "Whitlock"),
    Person("noor", "Noor", "Haddad"),
    Person("ines", "Inês", "Duarte"),
)


def issuer(settings: Settings) -> str:
    """The stand-in's address. Another host than the portal's, so that neither sees the other's cookies."""
    return f"http://localhost:{settings.identity_port}"


def provider(settings: Settings) -> OidcProvider:
    """The stand-in as the portal needs to know it."""
    return OidcProvider(
        name=PROVIDER_NAME,
        label="Continue with local sign-in",
        discovery_url=f"{issuer(settings)}/.well-known/openid-configuration",
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
    )


def redirect_uri(settings: Settings) -> str:
    """Where the stand-in sends people back to after signing in."""
    return f"{settings.portal_url}/sign-in/{PROVIDER_NAME}/callback"


def has_stripe(settings: Settings) -> bool:
    """Whether the stand-in for Stripe is the one to talk to: unless the settings have a key of their own."""
    return not settings.takes_payments


def stripe_url(settings: Settings) -> str:
    """The address of the stand-in for Stripe."""
    return f"http://127.0.0.1:{settings.stripe_port}"


def beside(settings: Settings) -> Settings:
    """The same settings, and with the stand-in that runs beside this process if one does: for commands that are typed
    in another terminal than `postern run`.
    """
    if not has_stripe(settings) or not settings.is_development or not _answers(settings):
        return settings
    keys = {"stripe_key": SecretStr(stripe.KEY), "stripe_webhook_secret": SecretStr(stripe.WEBHOOK_SECRET)}
    return settings.model_copy(update={"stripe_url": stripe_url(settings), **keys})


def _answers(settings: Settings) -> bool:
    try:
        said = requests.get(f"{stripe_url(settings)}/_health", timeout=ANSWERS_WITHIN_S).json()
    except (requests.RequestException, ValueError):
        return False
    return bool(said == {"status": "ok"})


def stripe_environment(settings: Settings) -> dict[str, str]:
    """The settings with which a process talks to it; none if there is a key already."""
    if not has_stripe(settings):
        return {}
    return {
        f"{PREFIX}STRIPE_URL": stripe_url(settings),
        f"{PREFIX}STRIPE_KEY": stripe.KEY,
        f"{PREFIX}STRIPE_WEBHOOK_SECRET": stripe.WEBHOOK_SECRET,
        f"{PREFIX}USAGE_EVERY_S": f"{min(USAGE_EVERY_S, settings.usage_every_s):g}",
    }
