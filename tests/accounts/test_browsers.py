"""Browsers in words that their owner recognises."""

import pytest

from app.accounts.browsers import in_words

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (MAC + "Chrome/142.0.0.0 Safari/537.36", "Chrome on a Mac"),
        (MAC + "Version/26.0 Safari/605.1.15", "Safari on a Mac"),
        (WINDOWS + "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        (WINDOWS + "Chrome/142.0.0.0 Safari/537.36 OPR/120.0.0.0", "Opera on Windows"),
        (IPHONE + "Version/18.5 Mobile/15E148 Safari/604.1", "Safari on an iPhone"),
        (IPHONE + "CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome on an iPhone"),
        (ANDROID + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet on Android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("curl/8.5.0", "curl"),
        ("", "An unknown browser"),
        ("<script>alert(1)</script>", "An unknown browser"),
    ],
)
def test_user_agent_is_put_into_words(user_agent, words):
    assert in_words(user_agent) == words
