"""Each warning comes once, whatever is used when, who looks how often, and whoever dies in between."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from app.core import db
from app.core.mail import Mail
from tests.billing.capping import AT, Scene
from tests.factories import Factory

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 400)),
        st.tuples(st.just("look"), st.integers(0, 1)),
        st.tuples(st.just("crash"), st.just(0)),
        st.tuples(st.just("day"), st.just(0)),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def template(sqlite_template):
    return sqlite_template.read_bytes()


@hypothesis_settings(max_examples=25)
@given(steps=STEPS)
def test_whatever_happens_in_whatever_order_each_warning_comes_once(steps, template, tmp_path_factory):
    path = tmp_path_factory.mktemp("alerts") / "one.db"
    path.write_bytes(template)
    engine = db.create(f"sqlite:///{path}")
    with Session(engine, expire_on_commit=False) as session:
        scene = Scene(session, Factory(session, AT))
        scene.cap(1000, period="day")
        scene.cap(2500, period="month")
        session.commit()
        at, told, days, day, month = AT, 0, [], 0, 0
        for step, number in [*steps, ("look", 0)]:
            if step == "spend":
                scene.spend(number, at=at)
                day, month = day + number, month + number
                session.commit()
            elif step == "crash":
                scene.look(at=at)
                session.rollback()  # nothing of it was committed, so nobody was told
            elif step == "day":
                told += scene.look(at=at)
                session.commit()
                days.append(day)
                at, day = at + timedelta(days=1), 0
            else:
                for _ in range(1 + number):
                    told += scene.look(at=at)
                    session.commit()
        days.append(day)
        expected = sum(100 * used >= share * 1000 for used in days for share in (50, 80, 100))
        expected += sum(100 * month >= share * 2500 for share in (50, 80, 100)) if at.month == AT.month else 0

        assert told == len(scene.written)
        if at.month == AT.month:
            assert told == expected
        keys = [(row.key, row.recipient) for row in session.exec(select(Mail))]
        assert len(keys) == len(set(keys)) <= told
    engine.dispose()
