"""What the benchmark makes of its numbers; how fast anything is, no test says."""

import json
from datetime import UTC, datetime

import pytest

from bench import calls, measure, report, results, visit, wrk
from bench.measure import Cell, Subject
from bench.problems import Unmeasurable
from bench.report import Metric

OUTPUT = """Running 1s test @ http://127.0.0.1:9/mcp
  1 threads and 16 connections

MEASURED {"answers": 100, "seconds": 1.05, "bytes": 20000, "p50_ms": 0.5, "p99_ms": 2.25, "errors": \
{"connect": 0, "read": 3, "write": 0, "timeout": 0, "not 2xx": 0}}
"""
SPEED = Metric("calls/s", lambda cell, _: cell.per_second, "{:,.0f}".format)
ADDED = Metric("added p50 ms", lambda cell, direct: cell.p50_ms - direct.p50_ms if direct else None, "{:.2f}".format)


def cell(subject, *, number=0, callers=1, per_second=1000.0, p50_ms=1.0, foreign_cores=0.0, errors=None):
    return Cell(
        subject=subject,
        callers=callers,
        round=number,
        answers=1000,
        per_second=per_second,
        p50_ms=p50_ms,
        p99_ms=2 * p50_ms,
        cpu_us=30.0,
        rss_mb=40.0,
        foreign_cores=foreign_cores,
        errors=errors or {},
    )


def load(*, answers=100, each=200, **errors):
    kinds = dict.fromkeys(("connect", "read", "write", "timeout", wrk.NOT_2XX), 0)
    return wrk.Load(answers=answers, seconds=1.0, bytes=answers * each, p50_ms=1, p99_ms=2, errors={**kinds, **errors})


def subject(**more):
    return Subject("gateway", wrk.Request("http://127.0.0.1:9/mcp", {}), process=None, **more)


def test_wrk_output_is_read():
    read = wrk.read(OUTPUT)

    assert (read.answers, read.seconds, read.p99_ms) == (100, 1.05, 2.25)
    assert read.failures == {"read": 3}


def test_silent_wrk_is_no_measurement():
    with pytest.raises(Unmeasurable, match="did not say"):
        wrk.read("Running 1s test @ http://127.0.0.1:9/mcp\n")


def test_answers_that_are_not_2xx_refuse_the_run():
    with pytest.raises(Unmeasurable, match="7 of 100 answers were not 2xx"):
        measure.check(subject(), load(**{wrk.NOT_2XX: 7}), callers=16)


def test_no_answer_at_all_refuses_the_run():
    with pytest.raises(Unmeasurable, match="not one answer"):
        measure.check(subject(), load(answers=0), callers=16)


def test_answers_of_another_size_refuse_the_run():
    measure.check(subject(answer_bytes=201), load(each=200), callers=16)

    with pytest.raises(Unmeasurable, match="answers of 200 bytes, and a right one has 300"):
        measure.check(subject(answer_bytes=300), load(each=200), callers=16)


def test_right_answers_are_settled():
    settled = []

    measure.check(subject(settle=lambda *what: settled.append(what)), load(), callers=16)

    assert settled == [(load(), 16)]


def test_medians_are_over_rounds_by_callers_and_subject():
    cells = [cell("nginx", number=n, per_second=speed) for n, speed in enumerate((900, 5000, 1000))]
    cells += [cell("nginx", callers=16, per_second=7000)]

    assert report.medians(cells, SPEED) == {(1, "nginx"): 1000, (16, "nginx"): 7000}


def test_ratios_are_within_a_round():
    """The machine was ten times slower in the second round; the ratio was the same."""
    cells = [cell("nginx", number=0, per_second=1000), cell("gateway", number=0, per_second=500)]
    cells += [cell("nginx", number=1, per_second=100), cell("gateway", number=1, per_second=50)]

    assert report.ratios(cells, SPEED, to="nginx") == {(1, "nginx"): 1.0, (1, "gateway"): 0.5}


def test_added_time_is_beyond_the_direct_call():
    cells = [cell("direct", p50_ms=0.25), cell("nginx", p50_ms=0.5), cell("gateway", p50_ms=1.0)]

    added = report.medians(cells, ADDED, baseline="direct")
    multiple = report.ratios(cells, ADDED, to="nginx", baseline="direct")

    assert added == {(1, "direct"): 0.0, (1, "nginx"): 0.25, (1, "gateway"): 0.75}
    assert multiple[1, "gateway"] == 3.0


def test_without_nginx_there_are_no_ratios():
    cells = [cell("direct"), cell("gateway")]

    assert report.ratios(cells, SPEED, to="nginx") == {}
    assert "multiples of nginx" not in calls.tables(cells, ["Ledger: fine."])
    assert "multiples of nginx" in calls.tables([*cells, cell("nginx")], ["Ledger: fine."])


def test_table_shows_each_line_and_its_errors():
    cells = [
        cell("nginx", per_second=58_000),
        cell("nginx", number=1, per_second=58_000, errors={"read": 1}),
        cell("gateway", per_second=17_000, errors={"timeout": 2}),
    ]

    shown = report.absolute(cells, [SPEED, ADDED], ["nginx", "gateway"])

    assert shown.splitlines() == [
        "| callers | target  | calls/s | added p50 ms |    errors |",
        "|--------:|---------|--------:|-------------:|----------:|",
        "|       1 | nginx   |  58,000 |            – |    1 read |",
        "|       1 | gateway |  17,000 |            – | 2 timeout |",
    ]


def test_noise_is_named():
    assert "quiet enough" in report.quietness([cell("nginx", foreign_cores=0.02)])
    assert "preliminary" in report.quietness([cell("nginx", foreign_cores=0.5)])


def test_report_names_day_commit_and_machine():
    section = report.Section("gateway", "Calls through the gateway", "| a table |", numbers={})

    page = report.page(datetime(2026, 11, 22, 14, 3, tzinfo=UTC), "1a2b3c4", {"disk": "fast"}, [section])

    assert page.startswith("# Benchmark of 2026-11-22 14:03 UTC, commit 1a2b3c4\n")
    assert "## Calls through the gateway\n\n| a table |" in page
    assert "- disk: fast\n" in page


def test_only_a_whole_run_becomes_the_latest(tmp_path):
    at = datetime(2026, 11, 22, tzinfo=UTC)
    numbers = {"gateway": {"cells": [cell("nginx")]}}

    results.keep(results.name_of(at, "1a2b3c4", is_whole=False), numbers, "part", latest="", folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-11-22-1a2b3c4-part.json",
        "2026-11-22-1a2b3c4-part.md",
    ]

    results.keep(results.name_of(at, "1a2b3c4", is_whole=True), numbers, "whole", latest="latest", folder=tmp_path)
    assert (tmp_path / "latest.md").read_text() == "whole"
    kept = json.loads((tmp_path / "2026-11-22-1a2b3c4.json").read_text())
    assert kept["gateway"]["cells"][0]["subject"] == "nginx"


@pytest.mark.parametrize("revision", [calls.HANDSHAKE, calls.MODERN])
def test_call_numbers_itself_in_either_era(revision):
    request = calls.request("http://127.0.0.1:9/mcp", "pst_live_x", revision)

    message = json.loads(request.body.replace(wrk.ID, "1000000000001"))

    assert message["id"] == 1000000000001
    assert message["method"] == "tools/call"
    assert ("Mcp-Name" in request.headers) is (revision == calls.MODERN)


def test_browser_fetches_what_a_page_shows():
    html = """<link rel="stylesheet" href="/a.css"><link rel="canonical" href="/"><script src="/b.js"></script>
    <img src="/c.svg" alt=""><svg><use href="/d.svg#key"></use><use href="#here"></use></svg><a href="/e">e</a>"""

    assert visit.references(html) == ["/a.css", "/b.js", "/c.svg", "/d.svg#key"]
