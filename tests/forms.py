"""What a browser would send of a form, as it stands on the page."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    def __init__(self, action):
        super().__init__()
        self.fields = {}
        self._action, self._is_open, self._select, self._area = action, False, None, None

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        name = said.get("name")
        if tag == "form":
            self._is_open = said.get("action") == self._action
        if not self._is_open:
            return
        if tag == "input" and name and (said.get("type") != "checkbox" or "checked" in said):
            self.fields[name] = said.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in said or self._select not in self.fields):
            self.fields[self._select] = said.get("value") or ""
        elif tag == "textarea":
            self._area = name
            self.fields[name] = ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._is_open = False
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data):
        if self._area:
            self.fields[self._area] += data


def fields_of(html, action):
    """Name to value of the last form that posts to `action`."""
    form = _Form(action)
    form.feed(html)
    return form.fields
