"""What a process writes is searched for what somebody should see."""

import pytest

from app.sandbox.tail import Tail

OURS = "14:03:22.101 WARNING upstream.slow ms=4012"
JSON = '{"at": "2026-11-22T14:03:22.101Z", "level": "error", "event": "job.failed"}'
GUNICORN = "[2026-11-22 14:03:22 +0000] [71] [ERROR] Worker (pid:72) was sent SIGKILL! Perhaps out of memory?"
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in <module>',
    "    1 / 0",
    "ZeroDivisionError: by",
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    path.write_text("from before WARNING\n")
    return path


def write(log, *lines):
    with log.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("line", [OURS, JSON, GUNICORN])
def test_warning_is_found_among_the_rest(log, line):
    tail = Tail(log)

    write(log, "14:03:22.100 INFO    call.done", line, "14:03:22.102 INFO    call.done")

    assert list(tail.alarms()) == [line]


def test_each_warning_is_found_once(log):
    tail = Tail(log)
    write(log, OURS)
    first = list(tail.alarms())
    write(log, JSON)

    assert (first, list(tail.alarms())) == ([OURS], [JSON])


def test_traceback_is_shown_whole(log):
    tail = Tail(log)

    write(log, OURS, *TRACEBACK, "14:03:22.102 INFO    call.done")

    assert list(tail.alarms()) == [OURS, *TRACEBACK]


def test_line_is_shown_when_it_is_complete(log):
    tail = Tail(log)
    with log.open("a") as file:
        file.write(OURS[:20])
    early = list(tail.alarms())
    write(log, OURS[20:])

    assert (early, list(tail.alarms())) == ([], [OURS])


def test_word_in_the_data_is_no_alarm(log):
    tail = Tail(log)

    write(log, "14:03:22.100 INFO    call.done " + "x" * 100 + " ERROR", "WARNINGS off")

    assert list(tail.alarms()) == []


def test_last_lines_are_the_last(log):
    write(log, *map(str, range(20)))

    assert Tail(log).last(3) == ["17", "18", "19"]
