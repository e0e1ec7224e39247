"""The rules that scanners are given find exactly what we generate, under any brand."""

import json
import math
import re
import tomllib
from collections import Counter

import pytest

from app.core.config import Settings
from app.keys import tokens
from app.leaks import scanners

SETTINGS = Settings(key_brand="acme1", product_name='Acme "A" \\ Co', portal_url="https://portal.example")


def rule_of_gitleaks():
    (rule,) = tomllib.loads(scanners.gitleaks(SETTINGS))["rules"]
    return rule


def regex_of_trufflehog():
    (line,) = re.findall(r"^      key: '(.*)'$", scanners.trufflehog(SETTINGS), re.M)
    return line


def entropy(text):
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


@pytest.mark.parametrize("pattern", [rule_of_gitleaks()["regex"], regex_of_trufflehog()])
def test_every_key_is_found_and_no_near_miss(pattern):
    found = re.compile(pattern, re.ASCII)
    for environment in tokens.KINDS:
        for _ in range(500):
            key = tokens.generate("acme1", environment).secret
            assert entropy(key) > scanners.ENTROPY
            for text in (key, f'KEY="{key}"', f"Bearer {key},", f"https://x.test/?k={key}&a", f"-{key}.", f"\n{key}\n"):
                assert found.search(text).group(0) == key
            random = key.rpartition("_")[2]
            for miss in (
                key[:-1],
                key + "0",
                "x" + key,
                "_" + key,
                key.upper(),
                f"acme2_{environment}_{random}",
                f"acme1_prod_{random}",
                f"acme1-{environment}-{random}",
                f"acme1_{environment}_{random[:-1]}-",
                random,
            ):
                assert found.search(miss) is None, miss
    for word in ("(?=", "(?!", "(?<", "\\1"):
        assert word not in pattern  # RE2 and Hyperscan know no such things


def test_gitleaks_gets_a_rule_beside_its_own():
    rules, rule = tomllib.loads(scanners.gitleaks(SETTINGS)), rule_of_gitleaks()

    assert rules["extend"] == {"useDefault": True}
    assert rule["id"] == "acme1-api-key"
    assert rule["keywords"] == ["acme1_live_", "acme1_test_", "acme1_admin_"]
    assert rule["description"].startswith('API key of Acme "A" \\ Co; report it at https://portal.example/report-a-key')
    assert rule["entropy"] == 3.5


def test_trufflehog_gets_a_custom_detector():
    """As in trufflehog's proto/custom_detectors.proto; strings as in JSON, which YAML reads alike."""
    about = json.dumps('API key of Acme "A" \\ Co; report it at https://portal.example/report-a-key')

    lines = [line for line in scanners.trufflehog(SETTINGS).splitlines() if not line.startswith("#")]

    assert lines == [
        "detectors:",
        "  - name: acme1_api_key",
        f"    description: {about}",
        "    keywords:",
        "      - acme1_live_",
        "      - acme1_test_",
        "      - acme1_admin_",
        "    regex:",
        r"      key: '(\bacme1_(?:live|test|admin)_[0-9A-Za-z]{36}\b)'",
        "    entropy: 3.5",
    ]


def test_github_is_told_what_it_asks_for():
    text = scanners.github(SETTINGS)

    for words in (
        "https://portal.example/github/secret-scanning",
        "acme1_live_api_key",
        r"\bacme1_live_[0-9A-Za-z]{36}\b",
        r"\bacme1_test_[0-9A-Za-z]{36}\b",
        r"\bacme1_admin_[0-9A-Za-z]{36}\b",
        "secret-scanning@github.com",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) < 120
