"""Rates, and streams open at once: decided from memory, exactly within this process.

A rate is a sliding window of two counters: what passed in this second, minute or hour (UTC), and of the one before it
the part that the window still covers. What other processes let pass is added as they tell it (app/limits/sharing.py).
"""

import asyncio
from collections import deque
from time import time
from uuid import UUID

from app.limits.rules import Rule
from app.plans import periods

Told = tuple[int, int, int]
"""(window, used in it, used in the one before): what all other processes together have let pass."""

Heard = dict[tuple[UUID, UUID], dict[int, int]]
"""By rule and subject: the start of each window, and how much others used in it. Open streams are under 0."""


class Window:
    """One rate for one subject. Times are seconds since 1970; `index` numbers windows from there. told: how much of
    what was used the other processes can know of.
    """

    __slots__ = (
        "before",
        "index",
        "is_changed",
        "is_dropped",
        "length_s",
        "most",
        "others",
        "refused",
        "rule_id",
        "subject_id",
        "told",
        "used",
    )

    def __init__(self, rule: Rule, subject_id: UUID) -> None:
        self.rule_id = rule.id
        self.subject_id = subject_id
        self.most = rule.most
        self.length_s = periods.LENGTHS[rule.period].total_seconds()
        self.index = 0
        self.used = self.before = self.refused = self.told = 0
        self.others: Told | None = None
        self.is_changed = False
        self.is_dropped = False

    def counted(self, now: float) -> float:
        """What counts as used within the window that ends now."""
        place = now / self.length_s
        index = int(place)
        if index != self.index:
            self._move_to(index)
        used, before = self.used, self.before
        others = self.others
        if others is not None:
            if others[0] == index:
                used, before = used + others[1], before + others[2]
            elif others[0] == index - 1:
                before += others[1]
        return used + before * (index + 1 - place) if before else used

    def room(self, now: float) -> int:
        """How many more would pass at once."""
        return max(0, int(self.most - self.counted(now)))

    def reset_s(self, now: float) -> float:
        """Until this window ends."""
        return self.length_s - now % self.length_s

    def wait_s(self, now: float) -> float:
        """How long until one more would pass, if nobody else asks meanwhile."""
        counted = self.counted(now)
        if counted + 1 <= self.most:
            return 0.0
        others = self.others if self.others is not None and self.others[0] == self.index else (0, 0, 0)
        used, before = self.used + others[1], self.before + others[2]
        left_s = self.reset_s(now)
        if used + 1 <= self.most:
            return left_s - self.length_s * (self.most - 1 - used) / before
        return left_s + self.length_s * (1 - (self.most - 1) / used) if self.most else left_s

    def _move_to(self, index: int) -> None:
        """A clock that was put back begins no new window: what was used stays used until one has passed."""
        if index > self.index:
            self.before = self.used if index == self.index + 1 else 0
            self.used = self.refused = self.told = 0
        self.index = index


class Gauge:
    """Streams of one subject that are open now. others: how many the other processes have open. is_tried: whether a
    call is under way that may become one beyond them. waiting: told once, when something is known or a place is free.
    """

    __slots__ = ("is_changed", "is_dropped", "is_tried", "most", "open", "others", "rule_id", "subject_id", "waiting")

    def __init__(self, rule: Rule, subject_id: UUID) -> None:
        self.rule_id = rule.id
        self.subject_id = subject_id
        self.most = rule.most
        self.open = self.others = 0
        self.is_changed = False
        self.is_dropped = False
        self.is_tried = False
        self.waiting: list[asyncio.Future[None]] = []

    def tell(self) -> None:
        """Something is known, or a place is free."""
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    @property
    def is_full(self) -> bool:
        return self.open + self.others >= self.most


class Rates:
    """All windows and gauges of this process. For the event loop, but for what sharing.py says."""

    def __init__(self) -> None:
        self.windows: dict[tuple[UUID, UUID], Window] = {}
        self.gauges: dict[tuple[UUID, UUID], Gauge] = {}
        self.changed: deque[Window | Gauge] = deque()
        """What others must be told of; the thread that tells them takes from its other end."""
        self.living = 1
        """How many processes share the rates, this one among them."""
        self._heard: Heard = {}

    def window(self, rule: Rule, subject_id: UUID) -> Window:
        """The one and only for this rule and subject; follows the rule's `most`."""
        place = (rule.id, subject_id)
        found = self.windows.get(place)
        if found is None:
            found = self.windows[place] = Window(rule, subject_id)
            found.others = _told(self._heard.get(place), found.length_s, time())
        found.most = rule.most
        return found

    def gauge(self, rule: Rule, subject_id: UUID) -> Gauge:
        """The same for streams."""
        place = (rule.id, subject_id)
        found = self.gauges.get(place)
        if found is None:
            found = self.gauges[place] = Gauge(rule, subject_id)
            found.others = self._heard.get(place, {}).get(0, 0)
        found.most = rule.most
        return found

    @property
    def is_shared(self) -> bool:
        """Whether other processes live, who must be told."""
        return self.living > 1

    def has_share(self, window: Window, now: float) -> bool:
        """Whether one more may pass of a rate of which each process takes an even share until it has told the others.

        For rates so low that what passes before they are told would be many times as much. At least one passes, so
        that n processes together let pass at most n more than the rate.
        """
        room = window.most - window.counted(now)
        if room < 1 or not self.is_shared:
            return room >= 1
        untold = max(0, window.used - window.told)
        return untold < max(1, int(room + untold) // self.living)

    def pass_(self, window: Window) -> None:
        """One more has been let in."""
        window.used += 1
        if self.is_shared:
            self._has_changed(window)

    def stream(self, gauge: Gauge, change: int) -> None:
        """A stream opens (1) or closes (-1)."""
        gauge.open += change
        if self.is_shared:
            self._has_changed(gauge)

    def share(self, living: int) -> None:
        """So many processes live. Others may have come, who know nothing yet; or the last of them has gone."""
        if living > 1 and not self.is_shared:
            for window in self.windows.values():
                self._has_changed(window)
            for gauge in self.gauges.values():
                self._has_changed(gauge)
        self.living = living
        if not self.is_shared:
            self.take_in({}, now=0.0)

    def take_in(self, heard: Heard, *, now: float) -> None:
        """Know what the others have told."""
        self._heard = heard
        for place, window in self.windows.items():
            window.others = _told(heard.get(place), window.length_s, now)
        for place, gauge in self.gauges.items():
            gauge.others = heard.get(place, {}).get(0, 0)

    def forget(self, now: float) -> None:
        """Drop what no longer counts, so that memory holds those who call and not all who ever called.

        Whoever still has it is told by is_dropped to ask for the one that is in its place.
        """
        for place, window in list(self.windows.items()):
            if now / window.length_s - window.index >= 3 and not window.is_changed:
                window.is_dropped = True
                del self.windows[place]
        for place, gauge in list(self.gauges.items()):
            if not gauge.open and not gauge.others and not gauge.is_changed:
                gauge.is_dropped = True
                del self.gauges[place]

    def _has_changed(self, one: Window | Gauge) -> None:
        if not one.is_changed:
            one.is_changed = True
            self.changed.append(one)


def _told(windows: dict[int, int] | None, length_s: float, now: float) -> Told | None:
    if windows is None:
        return None
    index, length = int(now / length_s), int(length_s)
    return index, windows.get(index * length, 0), windows.get((index - 1) * length, 0)
