"""What the rail, the bar and the menus of the layouts list: only places that exist, with the current one marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, request, url_for


@dataclass(frozen=True, slots=True)
class Place:
    """endpoint: a view without arguments. short: the label where there is little room. icon: of ui.icon(). holds: the
    other blueprints whose pages belong there. is_wide: left out where there is little room.
    """

    label: str
    endpoint: str
    icon: str = ""
    short: str = ""
    holds: tuple[str, ...] = ()
    is_wide: bool = False


def links(places: Sequence[Place]) -> list[dict[str, object]]:
    """What layouts read: {"label", "url", "icon", "is_current"}, "short" where it differs from the label, and
    "is_wide" where it is.
    """
    made: list[dict[str, object]] = []
    for place in places:
        if place.endpoint not in current_app.view_functions:
            continue
        link: dict[str, object] = {
            "label": place.label,
            "url": url_for(place.endpoint),
            "icon": place.icon,
            "is_current": request.blueprint in (place.endpoint.rpartition(".")[0], *place.holds),
        }
        if place.short:
            link["short"] = place.short
        if place.is_wide:
            link["is_wide"] = True
        made.append(link)
    return made
