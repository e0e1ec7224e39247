"""The question in a usage address: what a page shows is all in its query, and each link is that query with a change."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import request, url_for

from app.core.errors import Invalid
from app.metering import figures, selection, spans
from app.metering.selection import Wanted
from app.metering.spans import Span
from app.metering.usage import Question
from app.organisations.guards import current

_SPAN = ("period", "from", "to")
LONGEST = 200
"""Characters of any value."""


@dataclass(frozen=True, slots=True)
class Asked:
    """span, wanted: of which calls; by: what they are split by; show: the metric, of figures.METRICS."""

    span: Span
    wanted: Wanted
    by: str
    show: str

    @property
    def question(self) -> Question:
        """For app/metering/usage.py."""
        return Question(current.organisation, self.span, self.wanted, self.by)

    @property
    def query(self) -> dict[str, str]:
        """As it stands in an address."""
        period = {"period": self.span.name}
        if self.span.name == spans.CUSTOM:
            period |= {"from": self.span.first, "to": self.span.last}
        return {**period, **self.wanted.said, "by": self.by, "show": self.show}

    @property
    def first_day(self) -> str:
        """For a field of days: where the span begins."""
        return f"{self.span.since:%Y-%m-%d}" if self.span.name == spans.CUSTOM else ""

    @property
    def last_day(self) -> str:
        """Where it ends."""
        return f"{self.span.until - self.span.step:%Y-%m-%d}" if self.span.name == spans.CUSTOM else ""

    @property
    def all_calls(self) -> str:
        """The same without any filter."""
        return replace(self, wanted=selection.ALL).url()

    def url(self, endpoint: str = "usage.index", **changes: str) -> str:
        """The same with these values of the query changed; "" takes one away."""
        query = urlencode({name: value for name, value in {**self.query, **changes}.items() if value})
        return f"{url_for(endpoint)}?{query}"

    def urls_of_steps(self, endpoint: str) -> list[str]:
        """The same of each step of its span alone."""
        step, now = self.span.step, self.span.now
        page = url_for(endpoint)
        rest = urlencode({name: value for name, value in self.query.items() if name not in _SPAN})
        found = [Span(spans.CUSTOM, at, at + step, now) for at in self.span.steps]
        return [f"{page}?period={span.name}&from={span.first}&to={span.last}&{rest}" for span in found]


def read() -> Asked:
    """From the request. Raises Invalid."""
    values = {name: request.args.get(name, "") for name in (*selection.WORDS, "period", "from", "to", "by", "show")}
    if any(len(value) > LONGEST for value in values.values()):
        raise Invalid(f"None of these values is longer than {LONGEST} characters.")
    by, show = values["by"] or selection.STATUS, values["show"] or figures.CALLS
    if by not in selection.WORDS:
        raise Invalid(f"Usage is split by {', '.join(selection.WORDS)}.")
    if show not in figures.METRICS:
        raise Invalid(f"What can be shown is {', '.join(figures.METRICS)}.")
    name = values["period"] or (spans.CUSTOM if values["from"] and values["to"] else spans.USUAL)
    span = spans.read(name, values["from"], values["to"], now=current.now)
    return Asked(span, Wanted(**{name: values[name] for name in selection.WORDS}), by, show)
