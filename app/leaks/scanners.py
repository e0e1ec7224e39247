"""Rules by which scanners find our keys, with the brand of this installation in them: for gitleaks, trufflehog, GitHub.

Formats: github.com/gitleaks/gitleaks (README, “Configuration”), github.com/trufflesecurity/trufflehog
(proto/custom_detectors.proto), docs.github.com (“Secret scanning partner program”).
"""

import json
from dataclasses import dataclass

from app.core.config import Settings
from app.keys import tokens

ENTROPY = 3.5
"""Bits per character that scanners ask of a find: keys have 4 and more, “pst_live_xxxx…” has not."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of key as scanners know it. name: GitHub's `type` in what it reports."""

    name: str
    label: str
    pattern: str


def kinds(settings: Settings) -> list[Kind]:
    """Live keys, test keys, admin keys."""
    return [_kind(settings, kind) for kind in tokens.KINDS]


def gitleaks(settings: Settings) -> str:
    """A configuration file, which keeps the rules that gitleaks has by itself."""
    brand = settings.key_brand
    return "\n".join(
        [
            f"# Finds API keys of {_plain(settings.product_name)} before they are published.",
            f"# gitleaks git --config {brand}-gitleaks.toml",
            f"title = {_quoted(f'API keys of {settings.product_name}')}",
            "",
            "[extend]",
            "useDefault = true",
            "",
            "[[rules]]",
            f'id = "{brand}-api-key"',
            f"description = {_quoted(f'API key of {settings.product_name}; report it at {report_url(settings)}')}",
            f"regex = '''{tokens.pattern(brand)}'''",
            f"keywords = {json.dumps(_keywords(brand))}",
            f"entropy = {ENTROPY}",
            "",
        ]
    )


def trufflehog(settings: Settings) -> str:
    """A custom detector."""
    brand = settings.key_brand
    return "\n".join(
        [
            f"# Finds API keys of {_plain(settings.product_name)} before they are published.",
            f"# trufflehog git file://. --config {brand}-trufflehog.yaml",
            "detectors:",
            f"  - name: {brand}_api_key",
            f"    description: {_quoted(f'API key of {settings.product_name}; report it at {report_url(settings)}')}",
            "    keywords:",
            *(f"      - {keyword}" for keyword in _keywords(brand)),
            "    regex:",
            f"      key: '({tokens.pattern(brand)})'",
            f"    entropy: {ENTROPY}",
            "",
        ]
    )


def github(settings: Settings) -> str:
    """What whoever runs this installation writes to GitHub to take part, as the text of a mail."""
    lines = [
        "To: secret-scanning@github.com",
        f"Subject: Secret scanning partner program: {_plain(settings.product_name)}",
        "",
        f"We would like API keys of {_plain(settings.product_name)} to be found by secret scanning.",
        "",
        f"Endpoint: {endpoint_url(settings)}",
        "It checks Github-Public-Key-Identifier and -Signature, and answers with feedback",
        "(token_hash, true_positive or false_positive).",
        "",
    ]
    for kind in kinds(settings):
        lines += [
            f"Name: {kind.name}",
            f"What: {kind.label}",
            f"Regular expression: {kind.pattern}",
            "",
        ]
    lines += [
        "Prefix: as in the expressions. Random part: 30 characters of base 62, 178 bits.",
        "Checksum: the last 6 characters, CRC-32 of the random part in base 62 (0-9A-Za-z), as in GitHub's own tokens.",
        "",
        "A test account for your analysis: (write here whom to ask)",
        "",
    ]
    return "\n".join(lines)


def report_url(settings: Settings) -> str:
    """Where anybody reports a key."""
    return settings.portal_url.rstrip("/") + "/report-a-key"


def endpoint_url(settings: Settings) -> str:
    """Where GitHub reports keys."""
    return settings.portal_url.rstrip("/") + "/github/secret-scanning"


def _kind(settings: Settings, kind: tokens.Kind) -> Kind:
    brand = settings.key_brand
    return Kind(
        name=f"{brand}_{kind}_api_key",
        label=f"{kind.capitalize()} API key of {_plain(settings.product_name)}",
        pattern=tokens.pattern(brand, kind),
    )


def _keywords(brand: str) -> list[str]:
    return [f"{brand}_{kind}_" for kind in tokens.KINDS]


def _plain(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    """For TOML and YAML alike, whose double quotes read as JSON's."""
    return json.dumps(_plain(text), ensure_ascii=False)
