"""What can be asked of keys, as forms. Reach is ticked in boxes that the page draws; the rest are fields."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import request
from flask_wtf import FlaskForm
from wtforms import DateField, IntegerField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, ValidationError

from app.core.errors import Invalid
from app.keyring import reach
from app.keyring.reach import Place
from app.keys import lifetimes, networks, owners
from app.keys.models import Key
from app.keys.owners import Owner
from app.keys.rotation import LONGEST_HOURS, Overlap
from app.keys.terms import Terms
from app.plans import amounts, periods

NEVER, KEEP, ON = "never", "keep", "on"
SERVICE = "service"
QUIET = "quiet"
OVERLAPS = {
    "0": "None: it stops within a second",
    "1": "1 hour",
    "24": "24 hours",
    "168": "7 days",
    QUIET: "Until nobody has used it for …",
}


class TermsForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What a key is called, whose it is, and what it may do. lists_some: not all members stand under `owner`.
    ticked, served: what was ticked, and what service named, as the page was drawn.
    """

    lists_some = False
    ticked: frozenset[str] = frozenset()
    served = ""

    name = StringField(
        "Name",
        validators=[
            DataRequired("Give the key a name, such as the program that will use it."),
            Length(max=80, message="Use a name of at most 80 characters."),
        ],
    )
    way = SelectField("It may reach", choices=[SelectChoice(*said) for said in reach.WAYS.items()])
    networks = TextAreaField("Addresses that may use it", validators=[Optional()])
    expires = SelectField("Expires", choices=[])
    expires_on = DateField("On this day", validators=[Optional()])
    rate = IntegerField(
        "Calls a minute",
        validators=[Optional(), NumberRange(1, 10**9, message="Write a whole number of calls, 1 or more.")],
    )
    cap_day = StringField("Most that it may spend a day")
    cap_month = StringField("Most that it may spend a month")
    owner = SelectField("Owner", choices=[])
    service = StringField("Name of the service", validators=[Length(max=owners.LENGTH)])

    def offer(self, *, people: Sequence[tuple[UUID, str]], me: UUID, longest: int | None) -> None:
        """Fill in what there is to choose from. longest: days that a key may live, None for ever."""
        self.lists_some = len(people) >= owners.CHOICES
        others = [SelectChoice(str(person_id), name) for person_id, name in people if person_id != me]
        self.owner.choices = [SelectChoice(str(me), "Me"), *others, SelectChoice(SERVICE, "A service")]
        choices = [SelectChoice(str(days), f"In {lifetimes.in_words(days)}") for days in lifetimes.offered(longest)]
        choices.append(SelectChoice(ON, "On a day …"))
        self.expires.choices = [*([] if longest else [SelectChoice(NEVER, "Never")]), *choices]

    def validate_way(self, field: SelectField) -> None:
        """Nothing was ticked that the choice above it leaves out: a key must not reach more than somebody meant."""
        ticked = frozenset(request.form.getlist("scope"))
        if field.data != reach.CHOSEN and not ticked <= self.ticked:
            raise ValidationError("You ticked what it may reach. Choose “What I choose” for that, or untick it.")

    def validate_service(self, field: StringField) -> None:
        """A service that was typed is the owner."""
        named = (field.data or "").strip()
        if self.owner.data != SERVICE and named and named != self.served:
            raise ValidationError("You named a service. Choose “A service” as the owner for that, or leave it empty.")

    def validate_expires_on(self, field: DateField) -> None:
        """A day that was chosen is its end."""
        if self.expires.data != ON and field.data is not None:
            raise ValidationError("You chose a day. Choose “On a day …” for that, or leave it empty.")

    def validate_networks(self, field: TextAreaField) -> None:
        """Each line, or what commas part, is an address or a range."""
        for text in _split(field.data):
            try:
                networks.plain(text)
            except ValueError as problem:
                raise ValidationError(str(problem)) from None

    def validate_expires(self, field: SelectField) -> None:
        """There is a day where one is asked for."""
        if field.data == ON and self.expires_on.data is None and not self.expires_on.process_errors:
            raise ValidationError("Choose the day on which it ends.")

    def terms(self, places: Sequence[Place], *, now: datetime, kept: datetime | None = None) -> Terms:
        """What it asks for. kept: the end that the key has, if there is one already."""
        scopes = reach.scopes_of(self.way.data or "", request.form.getlist("scope"), places)
        return Terms(scopes, tuple(_split(self.networks.data)), self.ends_at(now=now, kept=kept))

    def ends_at(self, *, now: datetime, kept: datetime | None = None) -> datetime | None:
        """The end that it asks for; None for never."""
        asked = self.expires.data
        if asked == KEEP:
            return kept
        if asked == ON and self.expires_on.data is not None:
            return datetime.combine(self.expires_on.data, datetime.min.time(), UTC)
        return now + timedelta(days=int(asked)) if asked and asked.isdigit() else None

    @property
    def cap_fields(self) -> dict[str, StringField]:
        """By period."""
        return {periods.DAY: self.cap_day, periods.MONTH: self.cap_month}

    def caps(self, *, currency: str) -> dict[str, int | None]:
        """Nano-minor-units by period; None where the field is empty, nothing where it was not on the page.

        Marks the field and raises Invalid.
        """
        found: dict[str, int | None] = {}
        for period, field in self.cap_fields.items():
            if field.name not in request.form:
                continue
            try:
                found[period] = (
                    amounts.parse_typed(field.data, currency=currency) if (field.data or "").strip() else None
                )
            except Invalid as refusal:
                field.errors = [*field.errors, refusal.message]
                raise
        return found

    def whose(self) -> Owner:
        """The owner that it asks for."""
        if self.owner.data == SERVICE:
            return Owner(None, self.service.data or "")
        return Owner(UUID(self.owner.data))


class KeyForm(TermsForm):
    """A new key."""

    environment = SelectField(
        "Kind",
        choices=[
            SelectChoice("live", "Live: calls are real and cost what they cost"),
            SelectChoice("test", "Test: gets sample answers, which cost nothing"),
        ],
    )


class ChangeForm(TermsForm):
    """Other terms for a key that there is."""

    def offer_for(self, key: Key, *, people: Sequence[tuple[UUID, str]], me: UUID, longest: int | None) -> None:
        """The same choices, and to keep what is."""
        self.offer(people=people, me=me, longest=longest)
        known = {choice.value for choice in self.owner.choices}
        if key.owner_id is not None and str(key.owner_id) not in known:
            self.owner.choices.append(SelectChoice(str(key.owner_id), "Somebody who has left"))
        self.ticked, self.served = frozenset(key.scopes or ()), key.service
        self.expires.choices.insert(0, SelectChoice(KEEP, "As it is"))


class RotateForm(FlaskForm):  # type: ignore[misc]
    """A new secret, and what becomes of the old one."""

    overlap = SelectField("The old secret goes on", choices=[SelectChoice(*said) for said in OVERLAPS.items()])
    quiet_hours = IntegerField(
        "Hours without a call",
        validators=[Optional(), NumberRange(1, LONGEST_HOURS, message=f"Write hours from 1 to {LONGEST_HOURS}.")],
    )
    expires = SelectField("The key expires", choices=[])

    def validate_quiet_hours(self, field: IntegerField) -> None:
        """Hours that were typed count."""
        if self.overlap.data != QUIET and field.data is not None:
            raise ValidationError(f"You wrote hours. Choose “{OVERLAPS[QUIET]}” for that, or leave it empty.")

    def offer(self, key: Key, *, longest: int | None) -> None:
        """longest: as in TermsForm."""
        choices = [SelectChoice(str(days), f"In {lifetimes.in_words(days)}") for days in lifetimes.offered(longest)]
        self.expires.choices = [SelectChoice(KEEP, "As it is" if key.expires_at else "Never, as it is"), *choices]

    def chosen(self) -> Overlap:
        """The overlap that it asks for."""
        if self.overlap.data == QUIET:
            return Overlap(quiet_hours=self.quiet_hours.data or 24)
        return Overlap(hours=int(self.overlap.data or 0))


class NoteForm(FlaskForm):  # type: ignore[misc]
    """Why a key is switched off."""

    note = StringField("Why", validators=[Length(max=200, message="Say why in at most 200 characters.")])


class RulesForm(FlaskForm):  # type: ignore[misc]
    """What an organisation asks of its keys."""

    longest_days = IntegerField("Longest life of a key, in days", validators=[Optional()])


def _split(text: str | None) -> list[str]:
    return [part for part in (text or "").replace(",", "\n").split() if part]
