"""What a page says and whether it is well made, read with nothing but the standard library."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
RAW = frozenset({"script", "style"})
NO_BLOCKS = frozenset({"p", "h1", "h2", "h3", "h4", "span", "a", "button", "label", "code", "strong"})
BLOCKS = {
    *("article", "aside", "blockquote", "div", "dl", "fieldset", "figure", "footer", "form", "header", "hr", "main"),
    *("h1", "h2", "h3", "h4", "nav", "ol", "p", "pre", "section", "table", "ul"),
}
MAY_HOLD_BLOCKS = frozenset({"a", "label"})
"""Transparent or phrasing by the standard, yet `a` may wrap blocks; a popover's `p` ends at a block."""


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A parsed page. problems: what a validator would say, plus our own rules; empty for a well made page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.problems: list[str] = []
        self.ids: Counter[str] = Counter()
        self.references: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.title = ""
        self.headings: list[str] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self._attributes: list[dict[str, str]] = []
        self.feed(html)
        self.close()
        self._finish()

    @property
    def text(self) -> str:
        """What can be read, spaces joined."""
        return " ".join("".join(self._words).split())

    def form(self, action: str) -> Form:
        """The form that posts to `action`."""
        found = [form for form in self.forms if form.action == action]
        assert found, f"no form posts to {action}; there are {[form.action for form in self.forms]}"
        return found[0]

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        self.problems += [f"<{tag}> says {name} twice" for name, count in Counter(names).items() if count > 1]
        values = {name: value or "" for name, value in attributes}
        self._check_nesting(tag)
        self._note(tag, values)
        if tag not in VOID:
            self._open.append(tag)
            self._attributes.append(values)
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get").lower()))
        if tag == "input" and "form" in self._open and values.get("name"):
            self.forms[-1].fields[values["name"]] = values.get("value", "")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            self.problems.append(f"</{tag}> closes what cannot be open")
        elif not self._open or self._open[-1] != tag:
            self.problems.append(f"</{tag}> at line {self.getpos()[0]} closes {self._open[-1:]}")
        else:
            self._open.pop()
            self._attributes.pop()

    def handle_data(self, data):
        if not RAW & set(self._open):
            self._words.append(data)
        if self._open[-1:] == ["title"] and "svg" not in self._open:
            self.title += data
        if "h1" in self._open:
            self.headings[-1] += data
        if "a" in self._open:
            href = next(
                a.get("href", "") for t, a in zip(self._open[::-1], self._attributes[::-1], strict=True) if t == "a"
            )
            self.links[href] = self.links.get(href, "") + data

    def _check_nesting(self, tag):
        for holder in ("a", "button", "form"):
            if tag == holder and holder in self._open:
                self.problems.append(f"<{tag}> inside <{tag}> at line {self.getpos()[0]}")
        parent = self._open[-1] if self._open else ""
        if tag in BLOCKS and parent in NO_BLOCKS - MAY_HOLD_BLOCKS:
            self.problems.append(f"<{tag}> inside <{parent}> at line {self.getpos()[0]}")

    def _note(self, tag, values):
        if "id" in values:
            self.ids[values["id"]] += 1
        self.references += [
            (f"{name} of <{tag}>", one)
            for name in ("for", "aria-labelledby", "aria-describedby", "popovertarget")
            if name in values
            for one in values[name].split()
        ]
        if tag == "h1":
            self.headings.append("")
        if tag == "img" and "alt" not in values:
            self.problems.append("<img> without alt")
        if "style" in values or any(name.startswith("on") for name in values):
            self.problems.append(f"<{tag}> has an inline style or script")

    def _finish(self):
        if self._open:
            self.problems.append(f"never closed: {self._open}")
        self.problems += [f"id {name!r} stands {count} times" for name, count in self.ids.items() if count > 1]
        self.problems += [
            f"{what} names #{one}, which is not there" for what, one in self.references if one not in self.ids
        ]
        self.problems += [
            f"the form to {form.action} has no CSRF field"
            for form in self.forms
            if form.method == "post" and not form.fields.get("csrf_token")
        ]


def problems_of_whole(page: Page) -> list[str]:
    """What is wrong with `page` as a whole page: its parts, one h1, and a title that begins with the h1's words."""
    problems = list(page.problems)
    if not page.html.lstrip().lower().startswith("<!doctype html>"):
        problems.append("no doctype")
    if len(page.headings) != 1:
        problems.append(f"{len(page.headings)} h1")
    elif not " ".join(page.title.split()).startswith(" ".join(page.headings[0].split()) + " · "):
        problems.append(f"the title {page.title!r} does not begin with the h1 {page.headings[0]!r}")
    return problems
