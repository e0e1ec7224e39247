"""What every template can rely on: strict names, the components as `ui`, and the filters of `writing`."""

from collections.abc import Callable

from flask import Flask
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from app.web import writing

COMPONENTS = "components/"


class Components:
    """The macros of templates/components/, each under its own name: `ui.button(...)`.

    A global, because a top-level `{% import %}` does not exist when a single block is rendered. Macros are found at
    first use, so that globals which extensions add later (`csrf_token`) are visible inside them, and an edited
    template is picked up where Jinja reloads templates.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._homes: dict[str, str] = {}

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._homes:
            self._homes = _homes_of_macros(self._environment)
        if name not in self._homes:
            raise AttributeError(f"No component is called “{name}”. There are: {', '.join(sorted(self._homes))}.")
        macro: Callable[..., Markup] = getattr(self._environment.get_template(self._homes[name]).module, name)
        if not self._environment.auto_reload:
            vars(self)[name] = macro  # from now on found without us: a page asks hundreds of times
        return macro

    def names(self) -> tuple[str, ...]:
        """Every macro that exists, in alphabetical order."""
        return tuple(sorted(_homes_of_macros(self._environment)))


def install(app: Flask, *, product_name: str = "Postern") -> None:
    """Make `app` render the way the rest of Postern expects.

    product_name: the name in the bar and in every page title.

    The layouts read `nav`, `current`, `site_nav`, `footer_nav`, `person_nav`, `home_url`, `console_url`,
    `sign_in_url`, `sign_out_url`, `switch_url` and `organisations_url`. A context processor supplies them; the empty
    values set here leave a part out.
    """
    environment = app.jinja_env
    environment.autoescape = True
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals.update(
        ui=Components(environment),
        product_name=product_name,
        current=None,
        nav=(),
        site_nav=(),
        footer_nav=(),
        person_nav=(),
        home_url="/",
        sign_in_url=None,
        sign_out_url=None,
        console_url=None,
        switch_url=None,
        organisations_url=None,
        billing_banner=None,
        billing_notice=None,
    )
    environment.filters.update(writing.FILTERS)


def _homes_of_macros(environment: Environment) -> dict[str, str]:
    """Template name by macro name. Raises ValueError if two files define the same macro."""
    homes: dict[str, str] = {}
    for template in sorted(environment.list_templates(extensions=["html"])):
        if not template.startswith(COMPONENTS):
            continue
        module = environment.get_template(template).module
        for name, value in vars(module).items():
            if name.startswith("_") or not callable(value):
                continue
            if name in homes:
                raise ValueError(f"Two components are called “{name}”: in {homes[name]} and in {template}.")
            homes[name] = template
    return homes
