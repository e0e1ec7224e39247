"""`postern limit`: how much may pass."""

import click
from sqlmodel import Session

from app.core import clock, config, db
from app.core.errors import Invalid
from app.integrations import queries as integrations
from app.keys import queries as keys
from app.limits import models, queries, rules, services, wording
from app.limits.services import Selection
from app.organisations import queries as organisations

_HELP = """Limit calls, streams or spending.

MEASURE and QUANTITY: “calls 600/minute”, “streams 20”, “calls 10000/month”, “spend 50.00usd/month”. Seconds, minutes
and hours are rates; days and months (UTC) are allowances and caps, which are never passed."""


@click.group(help="How much may pass.")
def limit() -> None:
    pass


@limit.command("set", help=_HELP)
@click.argument("measure", type=click.Choice(["calls", "streams", "spend"]))
@click.argument("quantity")
@click.option("--organisation", default="", help="Only calls of the organisation with this slug.")
@click.option("--key", "key_", default="", help="Only calls with this key, by its prefix (pst_live_AbCdEfGh).")
@click.option("--integration", default="", help="Only calls of the integration with this slug.")
@click.option("--tool", default="", help="Only calls of this tool of it.")
@click.option("--everywhere", is_flag=True, help="All calls of all organisations together, as one.")
@click.option(
    "--then",
    type=click.Choice(models.ACTIONS),
    default=models.STOP,
    help="What happens beyond an allowance or cap: calls stop, slow down, or go on and are told of.",
)
@click.option(
    "--per", type=click.Choice(["key", "organisation"]), help="Count each by itself; all together if left out."
)
def limit_set(
    measure: str,
    quantity: str,
    organisation: str,
    key_: str,
    integration: str,
    tool: str,
    everywhere: bool,
    per: str | None,
    then: str,
) -> None:
    is_selected = bool(organisation or key_ or integration or tool)
    if everywhere and (is_selected or per):
        raise Invalid("--everywhere is for all calls together: give no selection with it, and no --per.")
    in_force = config.load()
    period, most = wording.parse(measure, quantity, currency=in_force.currency)
    if period in services.ALLOWANCES and not (is_selected or per or everywhere):
        raise Invalid(
            "That would be one allowance that all organisations share. Say which calls it is for (--organisation, "
            "--key, --integration), count --per key or --per organisation, or say --everywhere if you mean it."
        )
    with Session(db.create(in_force.database_url)) as session:
        rule = services.set_limit(
            session,
            selection=Selection(
                organisation=organisations.by_slug(session, organisation) if organisation else None,
                key=keys.by_hint(session, key_) if key_ else None,
                integration=integrations.by_slug(session, integration) if integration else None,
                tool=tool,
                per=per or "",
            ),
            measure=measure,
            period=period,
            most=most,
            action=then,
            currency=in_force.currency,
            now=clock.now(),
        )
        session.commit()
        [known] = rules.among(session, [rule.id])
        click.echo(f"{known.short_id}  {rule.name}: {measure} {quantity}, {queries.whose(session, known)}")


@limit.command("list", help="What is limited, and what applies where nothing else does.")
@click.option("--organisation", default="", help="Only what is set for the organisation with this slug.")
def limit_list(organisation: str) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        owner = organisations.by_slug(session, organisation) if organisation else None
        found = queries.rules_of(session, owner)
        known = {rule.id: rule for rule in rules.among(session, [rule.id for rule in found])}
        for one in found:
            said = wording.typed(known[one.id], currency=in_force.currency)
            whose = queries.whose(session, known[one.id])
            then = "" if one.action == models.STOP else f", then {one.action}"
            click.echo(f"{known[one.id].short_id}  {one.name}  {said}{then}  set by {one.set_by}, {whose}")
    for usual in rules.defaults(calls_per_minute=in_force.key_calls_per_minute, streams=in_force.key_streams):
        click.echo(f"usual     {usual.name}  {wording.typed(usual, currency=in_force.currency)}  for each key")


@limit.command("remove", help="Lift the limits with these ids, as `postern limit list` shows them.")
@click.argument("ids", nargs=-1, required=True)
def limit_remove(ids: tuple[str, ...]) -> None:
    with Session(db.create(config.load().database_url)) as session:
        for short_id in ids:
            rule = queries.by_short_id(session, short_id)
            services.remove(session, rule=rule, now=clock.now())
            click.echo(f"“{rule.name}” is lifted.")
        session.commit()
