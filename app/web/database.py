"""One database transaction per request.

A view works in `current.session`. What it did is committed once, after the view and after the browser's session was
written, if the answer is below 400; otherwise it is rolled back, and only the browser's session (a used-up sign-in
state, a flash) is written. A commit that fails turns the answer into an error page: nobody is told of something that
did not happen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import Flask, Response, current_app, g
from sqlalchemy import Engine
from sqlmodel import Session

EXTENSION = "postern.engine"


class TransactionalFlask(Flask):
    """Flask whose every answer ends its transaction before it leaves."""

    def process_response(self, response: Response) -> Response:
        if response.status_code >= 400:
            roll_back()
        response = super().process_response(response)
        _commit()
        return response

    def log_exception(self, exc_info: object) -> None:
        """web.errors has written it down already, without the address that Flask would add."""


def install(app: TransactionalFlask, engine: Engine) -> None:
    """Give requests their session on `engine`."""
    app.extensions[EXTENSION] = engine
    app.teardown_request(_close)


def engine() -> Engine:
    """The engine of this portal."""
    return cast(Engine, current_app.extensions[EXTENSION])


def session() -> Session:
    """The request's session, opened at first use; no transaction begins before something is read or written."""
    if "database_session" not in g:
        g.database_session = Session(engine(), expire_on_commit=False)
    return cast(Session, g.database_session)


@contextmanager
def own_transaction() -> Iterator[Session]:
    """A transaction that stands whatever becomes of the request, such as counting a try that will be refused.

    Call it before anything is written in the request's session: SQLite lets one transaction write at a time.
    """
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


def let_go() -> None:
    """Commit what the request did so far, before somebody outside is asked or `own_transaction` is used.

    Nothing was written by the view, yet something may have been: when the session or the member was last seen. SQLite
    would keep every other writer waiting for as long, PostgreSQL a connection.
    """
    if "database_session" in g:
        g.database_session.commit()


def roll_back() -> None:
    """Forget what the request did so far. Its session can go on being used."""
    if "database_session" in g:
        g.database_session.rollback()


def _commit() -> None:
    if "database_session" not in g:
        return
    try:
        g.database_session.commit()
    except BaseException:
        g.database_session.rollback()
        raise


def _close(_problem: BaseException | None) -> None:
    opened = g.pop("database_session", None)
    if opened is not None:
        opened.close()
