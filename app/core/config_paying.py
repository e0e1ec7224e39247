"""The settings of paying, as a part of all others (core/config.py)."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class PayingSettings(BaseSettings):
    """What an installation can choose about Stripe. Without a key nobody pays."""

    stripe_key: SecretStr = Field(
        SecretStr(""),
        description="Secret or restricted key of Stripe; test and live are told apart by it. `postern run` starts a "
        "stand-in for Stripe unless it is set.",
    )
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signing secret of the webhook endpoint at Stripe; needed beside the key."
    )
    stripe_url: str = Field("", description="Address of a stand-in for Stripe, without a path; empty is Stripe itself.")
    stripe_tax: bool = Field(False, description="Let Stripe compute taxes and ask customers for their tax ids.")
    grace_days: int = Field(
        7,
        ge=0,
        le=90,
        description="So long calls go on after an invoice could not be collected, while Stripe still tries.",
    )
    top_up_offers: tuple[int, ...] = Field(
        (1_000, 2_500, 10_000),
        description="Amounts of prepaid credit that the page offers, in the currency's minor unit (JSON list).",
    )
    top_up_least: int = Field(500, ge=100, description="Least credit that can be bought at once, in minor units.")
    top_up_most: int = Field(200_000, le=99_999_999, description="Most credit that can be bought at once.")
    usage_every_s: float = Field(
        300.0, gt=0, description="How often the worker closes what was used into ranges for Stripe's meters."
    )

    @property
    def grace(self) -> timedelta:
        """The days of grace."""
        return timedelta(days=self.grace_days)

    @property
    def takes_payments(self) -> bool:
        """Whether there is a Stripe, or a stand-in for it, to talk to."""
        return bool(self.stripe_key.get_secret_value())

    @property
    def stripe_mode(self) -> Literal["test", "live"]:
        """By the key's own prefix (`sk_live_`, `rk_live_`); a stand-in is always test."""
        is_live = self.stripe_key.get_secret_value().startswith(("sk_live_", "rk_live_")) and not self.stripe_url
        return "live" if is_live else "test"

    @model_validator(mode="after")
    def _stripe_is_whole(self) -> Self:
        if self.takes_payments and not self.stripe_webhook_secret.get_secret_value():
            raise ValueError(
                "POSTERN_STRIPE_WEBHOOK_SECRET is missing beside the key: what Stripe tells is checked by it."
            )
        return self

    @model_validator(mode="after")
    def _top_ups_make_sense(self) -> Self:
        if not all(self.top_up_least <= one <= self.top_up_most for one in (self.top_up_least, *self.top_up_offers)):
            raise ValueError("POSTERN_TOP_UP_OFFERS must lie between POSTERN_TOP_UP_LEAST and POSTERN_TOP_UP_MOST.")
        return self
