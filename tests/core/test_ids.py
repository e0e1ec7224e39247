import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core import ids

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def moment_of(identifier):
    """The milliseconds in its first ten characters."""
    number = 0
    for character in identifier[4:14]:
        number = number * 32 + CROCKFORD.index(character)
    return number


def test_an_id_has_its_kind_and_26_characters():
    assert re.fullmatch(rf"rcp_[{CROCKFORD}]{{26}}", ids.receipt_id())
    assert re.fullmatch(rf"req_[{CROCKFORD}]{{26}}", ids.request_id())


def test_an_id_holds_the_millisecond_in_which_it_was_made():
    before = time.time_ns() // 1_000_000
    made = [moment_of(ids.receipt_id()) for _ in range(1_000)]
    after = time.time_ns() // 1_000_000

    assert made == sorted(made)
    assert before <= made[0] <= made[-1] <= after


def test_ids_of_many_threads_are_all_different():
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [ids.receipt_id() for _ in range(2_000)], range(8)))

    assert len({one for some in made for one in some}) == 16_000


def test_the_moment_of_an_id_is_when_it_was_made():
    for made in (ids.receipt_id(), ids.request_id()):
        assert abs(ids.moment_of(made).timestamp() - time.time()) < 60
        assert ids.lowest_receipt(ids.moment_of(made))[4:] == made[4:14]
    for text in ("", "rcp_", "req_ILOU000000", "rcp_0123", "rcp_ZZZZZZZZZZ", "rcp_6000000000"):
        with pytest.raises(ValueError, match="no id"):
            ids.moment_of(text)


FORK = """
import os
from app.core import ids

ids.receipt_id()  # so that there is a stock to inherit
if child := os.fork():
    os.waitpid(child, 0)
os.write(1, (" ".join(ids.receipt_id()[14:] for _ in range(10)) + " ").encode())
"""


def test_a_forked_process_makes_ids_of_its_own():
    output = subprocess.run([sys.executable, "-c", FORK], check=True, capture_output=True, text=True).stdout

    assert len(set(output.split())) == len(output.split()) == 20
