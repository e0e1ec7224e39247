"""The settings of leaked keys, as a part of all others (core/config.py)."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class LeakSettings(BaseSettings):
    """What an installation can choose about reports of leaked keys."""

    github_keys_url: str = Field(
        "https://api.github.com/meta/public_keys/secret_scanning",
        description="Where GitHub lists the keys that it signs reports of leaked keys with; asked when one comes.",
    )
    github_token: SecretStr = Field(
        SecretStr(""), description="Token of GitHub without any rights, to ask for that list more often; may be empty."
    )
    reports_per_address: int = Field(
        10, ge=1, description="Leaked keys that one address may report by the form within five minutes."
    )

    @model_validator(mode="after")
    def _list_has_an_address(self) -> Self:
        parts = urlsplit(self.github_keys_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("POSTERN_GITHUB_KEYS_URL must be an address, such as https://api.github.com/….")
        return self
