"""Who may come in: every view carries exactly one guard, and a view without one is refused, not served.

A guard is a plain attribute on the view, checked before the view (and before blueprint hooks) runs. `public` is here;
`signed_in` and `operator` are in accounts, `member` in organisations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE = "guard"


@dataclass(frozen=True)
class Guard:
    """check: returns None to let the request in, or the answer that turns it away; may raise from core.errors."""

    name: str
    check: Callable[[], ResponseReturnValue | None]


def guarded(view: View, guard: Guard) -> View:
    """Put `guard` in front of `view`. Raises ValueError if it has one already."""
    if guard_of(view) is not None:
        raise ValueError(f"{view.__module__}.{view.__qualname__} has two guards.")
    setattr(view, _ATTRIBUTE, guard)
    return view


def guard_of(view: Callable[..., Any]) -> Guard | None:
    """The guard in front of `view`, or None."""
    return getattr(view, _ATTRIBUTE, None)


def public(view: View) -> View:
    """Everybody may see this, signed in or not."""
    return guarded(view, _PUBLIC)


def install(app: Flask) -> None:
    """Check the guard of each view before it runs."""
    app.before_request(check)


def check() -> ResponseReturnValue | None:
    """Ask the guard of the view that was asked for: None to let the request in, else the answer instead.

    Raises RuntimeError for a view without a guard.
    """
    if request.endpoint is None:
        return None
    guard = guard_of(current_app.view_functions[request.endpoint])
    if guard is None:
        raise RuntimeError(f"The view {request.endpoint} has no guard.")
    return guard.check()


def _let_in() -> None:
    return None


_PUBLIC = Guard("public", _let_in)
