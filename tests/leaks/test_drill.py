"""The drill: a throw-away test key is leaked, seen dead at a gateway, and deleted, whatever goes wrong on the way."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlmodel import Session, select

from app.core import clock, crypto
from app.core.config import Settings
from app.core.mail import Mail
from app.keys.models import Key
from app.leaks import drill, services, telling
from app.leaks.models import LeakDrill, LeakFind
from tests.databases import on_one

pytestmark = on_one


class Gateway:
    """Knows of keys what the database says. asked: the statuses it gave."""

    def __init__(self, engine):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                digest = crypto.digest(self.headers["Authorization"].removeprefix("Bearer "))
                with Session(engine) as session:
                    key = session.exec(select(Key).where(Key.digest == digest)).first()
                    is_live = key is not None and key.state_at(clock.now()) == "live"
                outer.asked.append(200 if is_live else 401)
                self.send_response(outer.asked[-1])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def gateway(engine):
    with Gateway(engine) as gateway:
        yield gateway


@pytest.fixture
def settings(settings, gateway):
    return Settings(**{**settings.model_dump(), "gateway_url": gateway.url})


def held(session):
    session.expire_all()
    return session.exec(select(LeakDrill)).one()


def keys_in(session):
    return list(session.exec(select(Key)))


def words_of(one):
    return " ".join(step["words"] for step in one.steps)


def test_a_drill_goes_all_the_way_and_leaves_nothing_that_works(owner, member, outsider, session, gateway, hand):
    owner.get("/keys/leaks/")
    hand.moves(minutes=2)  # so that its own request writes when the session was last seen
    answer = owner.post("/keys/leaks/drill")

    one = held(session)
    assert gateway.asked == [200, 401]
    assert one.dead_us > 0
    assert all(step["is_done"] and step["us"] >= 0 for step in one.steps)
    assert "revoked it, as your organisation chose" in words_of(one)
    (key,) = keys_in(session)
    assert (key.environment, key.is_revoked) == ("test", True)
    assert key.deleted_at is not None
    (find,) = session.exec(select(LeakFind))
    assert (find.reporter, find.did) == ("drill", "revoked")
    assert find.told_at is not None
    (mail,) = session.exec(select(Mail))
    assert (mail.recipient, mail.context["is_drill"]) == ("olive@example.com", 1)
    assert telling.tell_due(session, now=clock.now()) == 0  # nobody else hears of it

    for browser in (owner, member):
        page = browser.get(answer.location)
        assert "Dead after" in page.text
        assert "The gateway refused it." in page.text
    outsider.get(answer.location, status=404)
    assert "dead after" in owner.get("/keys/leaks/").text


@pytest.mark.parametrize(
    ("act", "said", "is_dead"), [("quarantine", "disabled it", True), ("notify", "It still opens the gateway", False)]
)
def test_a_drill_shows_what_was_chosen(owner, session, gateway, now, act, said, is_dead):
    services.choose(session, organisation=owner.organisation, act=act, person_id=None, now=now)
    owner.get("/keys/leaks/")

    owner.get(owner.post("/keys/leaks/drill").location)

    one = held(session)
    assert said in words_of(one)
    assert (one.dead_us is not None) is is_dead
    assert keys_in(session)[0].is_revoked


def test_drills_are_no_way_to_fill_the_database(owner, session, gateway, monkeypatch):
    monkeypatch.setattr(drill, "MOST_AN_HOUR", 1)
    owner.get("/keys/leaks/")
    owner.post("/keys/leaks/drill")

    assert "drills within an hour" in owner.post("/keys/leaks/drill", status=429).text
    assert len(keys_in(session)) == 1


def test_one_drill_is_under_way_at_a_time(owner, session, gateway, now):
    session.add(LeakDrill(organisation_id=owner.organisation.id, at=clock.now(), act="revoke"))
    session.commit()
    page = owner.get("/keys/leaks/")

    assert "under way" in owner.post("/keys/leaks/drill", status=429).text
    assert "no step is written down yet" in owner.get(f"/keys/leaks/drill/{held(session).id}").text
    assert page.status == 200
    assert keys_in(session) == []


def test_without_a_gateway_it_says_what_was_not_seen(owner, session, gateway):
    gateway.__exit__()
    owner.get("/keys/leaks/")

    page = owner.get(owner.post("/keys/leaks/drill").location)

    assert "could not be asked from here" in page.text
    assert "not seen" in page.text
    assert held(session).dead_us is None
    assert keys_in(session)[0].is_revoked
    gateway.__init__(session.get_bind())
    gateway.__enter__()


def test_what_breaks_in_the_middle_leaves_no_key_that_works(owner, session, gateway, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(drill.services, "take_in", broken)
    owner.get("/keys/leaks/")

    owner.post("/keys/leaks/drill", status=500)

    session.expire_all()
    assert [key.is_revoked for key in keys_in(session)] == [True]
    one = held(session)
    assert (one.dead_us, words_of(one)[-25:]) == (None, "The test key was deleted.")
