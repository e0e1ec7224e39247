"""What goes wrong is told in words, with a reference that stands in the log, and never with a stack trace."""

import logging

import pytest
from flask import Blueprint, request
from gunicorn.http.errors import InvalidChunkSize
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from app.accounts.guards import current
from app.accounts.models import Person
from app.core import errors, logs
from app.portal import create_app
from app.web import database
from app.web.guards import public
from tests.databases import on_both
from tests.portal import BOOSTED, PORTAL_URL


class Trouble:
    """What the view /trouble does next."""

    problem: BaseException | None = None
    also = staticmethod(lambda: None)


@pytest.fixture
def trouble(app):
    bp = Blueprint("trouble", __name__)
    trouble = Trouble()

    @bp.route("/trouble", methods=["GET", "POST"])
    @public
    def view():
        trouble.also()
        if trouble.problem is not None:
            raise trouble.problem
        return request.form.get("text", "fine")

    app.register_blueprint(bp)
    return trouble


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (errors.NotFound("No such key."), 404),
        (errors.NotAllowed("Ask its owner."), 403),
        (errors.Invalid("Give it a name."), 422),
        (errors.Conflict("Already revoked."), 409),
        (errors.LimitReached("200 keys at most."), 429),
        (errors.Unavailable("Try again later."), 503),
    ],
)
def test_refusals_are_told_in_their_own_words(browse, trouble, problem, status):
    trouble.problem = problem

    answer = browse.get("/trouble", status=status)

    assert problem.message in answer.text
    assert answer.headers["Postern-Request-Id"] in answer.text


def test_bug_shows_a_reference_that_stands_in_the_log_and_nothing_of_itself(browse, trouble, caplog):
    trouble.problem = ZeroDivisionError("secret detail")

    answer = browse.get("/trouble", status=500)

    assert "Something broke" in answer.text
    assert "secret detail" not in answer.html
    assert "Traceback" not in answer.html
    assert answer.headers["Postern-Request-Id"] in answer.text
    [record] = [record for record in caplog.records if record.message == "request.failed"]
    assert record.exc_info[1] is trouble.problem
    assert record.route == "/trouble"


def test_bug_s_reference_is_in_the_log_line(browse, trouble, capsys):
    before = logging.getLogger().handlers[:]
    logs.set_up(level="INFO", as_json=True)
    try:
        trouble.problem = ZeroDivisionError()
        answer = browse.get("/trouble", status=500)
    finally:
        logging.getLogger().handlers[:] = before

    lines = [line for line in capsys.readouterr().err.splitlines() if '"request.failed"' in line]
    assert len(lines) == 1
    assert answer.headers["Postern-Request-Id"] in lines[0]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nothing", "GET", 404),
        ("/sign-out", "GET", 405),
        ("/healthz", "POST", 405),
        ("/nothing", "POST", 404),
        ("/nothing", "TRACE", 404),
        ("/healthz", "BREW", 405),
        ("/keys/not-an-id/revoke", "POST", 404),
    ],
)
def test_wrong_addresses_and_methods_get_a_page(browse, path, method, status):
    answer = browse.open(method, path)

    assert answer.status == status
    assert answer.page.headings
    assert ("Allow" in answer.headers) is (status == 405)


def test_too_large_a_body_is_refused(browse):
    answer = browse.open("POST", "/sign-out", data={"text": "x" * 300_000})

    assert answer.status == 413


@pytest.mark.parametrize(
    "parts", [{"text": "x" * 200_000}, {f"f{number}": "" for number in range(300)}], ids=["large", "many"]
)
def test_forms_have_a_size(browse, trouble, parts):
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in parts.items())

    answer = browse.open("POST", "/trouble", data=body + "--b--", content_type="multipart/form-data; boundary=b")

    assert answer.status == 413


@pytest.mark.parametrize("path", ["/?a=%00", "/sign-in?next=%00", "/keys/%00", "/%00"])
@on_both
def test_nul_is_refused_before_it_reaches_a_database(owner, path):
    assert owner.open("GET", path).status == 400


@on_both
def test_nul_in_a_form_is_refused(owner):
    assert owner.open("POST", "/keys/", data={"csrf_token": owner.csrf_token(), "name": "a\0b"}).status == 400


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "x", "1e9", "٣"])
def test_odd_page_numbers_are_no_errors(owner, page):
    for path in ("/account", "/keys/"):
        owner.get(path, query_string={"page": page})


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "127.0.0.1:99999"])
def test_foreign_host_is_refused_without_a_page_that_links_to_it(browse, host):
    answer = browse.open("GET", "/", headers={"Host": host})

    assert answer.status == 400
    assert "evil" not in answer.headers.get("Location", "")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_malformed_chunks_are_a_bad_request_and_end_the_connection(browse, trouble):
    trouble.problem = InvalidChunkSize(b"zz")

    answer = browse.get("/trouble", status=400)

    assert answer.headers["Connection"] == "close"


@on_both
def test_database_that_is_away_is_a_503(browse, trouble):
    trouble.problem = OperationalError("SELECT 1", {}, Exception("secret host name"))

    answer = browse.get("/trouble", status=503)

    assert answer.headers["Retry-After"] == "5"
    assert "secret" not in answer.html


def test_pages_stand_when_the_database_is_down_for_everything(settings, hand, engine, monkeypatch):
    app = create_app(settings, engine)
    client = app.test_client()
    client.set_cookie("postern_session", "a" * 43, domain="127.0.0.1")

    def refuse(*_arguments, **_options):
        raise OperationalError("SELECT 1", {}, Exception("down"))

    monkeypatch.setattr(type(engine), "connect", refuse)

    assert client.get("/account", base_url=PORTAL_URL).status_code == 503
    assert client.get("/", base_url=PORTAL_URL).status_code == 503
    assert client.get("/readyz", base_url=PORTAL_URL).status_code == 503
    assert client.get("/healthz", base_url=PORTAL_URL).status_code == 200


def test_part_of_a_page_gets_a_flash_and_stays_as_it_was(owner, trouble):
    trouble.problem = errors.Conflict("“ci” is already revoked.")

    answer = owner.part("/trouble", status=409)

    assert answer.headers["HX-Reswap"] == "none"
    assert 'id="flash"' in answer.html
    assert "“ci” is already revoked." in answer.text


@pytest.mark.parametrize("status", [404, 405, 500])
def test_parts_get_no_page_for_any_error(owner, trouble, status):
    trouble.problem = ZeroDivisionError()
    path = {404: "/nothing", 405: "/sign-out", 500: "/trouble"}[status]

    answer = owner.part(path, status=status)

    assert answer.headers["HX-Reswap"] == "none"
    assert "HX-Request-Type" in answer.response.vary


def test_flash_of_a_part_is_not_shown_a_second_time(owner, trouble):
    trouble.problem = errors.Conflict("Said once.")
    owner.part("/trouble", status=409)

    assert "Said once." not in owner.get("/account").text


def test_boosted_page_gets_a_whole_error_page(owner):
    answer = owner.open("GET", "/nothing", headers=BOOSTED)

    assert answer.html.startswith("<!doctype html>")


@on_both
def test_failed_commit_is_told_and_nothing_of_it_stays(browse, trouble, session, monkeypatch, caplog):
    commit, failures = Session.commit, iter([True])

    def fail_once(session):
        if next(failures, False):
            raise OperationalError("COMMIT", {}, Exception("disk full"))
        commit(session)

    trouble.also = lambda: current.session.add(Person(name="Nobody", created_at=current.now))
    session.commit()
    monkeypatch.setattr(Session, "commit", fail_once)

    response = browse.client.get("/trouble", base_url=PORTAL_URL)

    assert response.status_code == 503
    assert "disk full" not in response.text
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["database.unavailable"]
    assert list(session.exec(select(Person))) == []


@on_both
def test_answers_of_400_and_more_commit_nothing(browse, trouble, session):
    trouble.also = lambda: current.session.add(Person(name="Nobody", created_at=current.now))
    trouble.problem = errors.Invalid("No.")

    browse.get("/trouble", status=422)

    assert list(session.exec(select(Person))) == []
    trouble.problem = None
    browse.open("GET", "/trouble")
    assert len(list(session.exec(select(Person)))) == 1


@on_both
def test_own_transaction_stands_whatever_becomes_of_the_request(browse, trouble, session):
    def write():
        with database.own_transaction() as own:
            own.add(Person(name="Counted", created_at=current.now))

    trouble.also, trouble.problem = write, errors.Invalid("No.")

    browse.get("/trouble", status=422)

    assert len(list(session.exec(select(Person)))) == 1
