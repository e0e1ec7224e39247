"""The portal process, wired on one page.

It is started by `gunicorn -c python:app.web.gunicorn "app.portal:create_app()"`, in development and in production.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from flask import request, url_for
from sqlalchemy import Engine
from sqlmodel import Session

from app.accounts import entrance
from app.accounts import guards as accounts
from app.accounts import views as accounts_views
from app.accounts.models import Person
from app.accounts.sessions import SessionRows
from app.admin import views as admin
from app.api import problems
from app.api import views as api
from app.billing import views as billing
from app.core import config, db, mail
from app.core.config import ROOT, Settings
from app.home import views as home
from app.integrations import queries as integrations
from app.integrations import snippets
from app.keyring import views as keys
from app.keys import services as key_services
from app.leaks import views as leaks
from app.metering import views as metering
from app.metering.views import first_call
from app.organisations import guards as organisations
from app.organisations import services as organisation_services
from app.plans import amounts
from app.team import connecting, opening, tabs
from app.team import views as team
from app.team.views import joining, sso
from app.trail import views as trail
from app.unusual import views as unusual
from app.web import (
    assets,
    compression,
    current,
    database,
    errors,
    forgery,
    guards,
    headers,
    health,
    htmx,
    limits,
    navigation,
    origin,
    outbox,
    request_id,
    request_log,
    session,
    styleguide,
    templating,
    unsubscribing,
)
from app.web.database import TransactionalFlask
from app.web.navigation import Place
from app.webhooks import views as webhooks

RAIL = (
    Place("Home", "home.index", "home"),
    Place("Your first call", "first_call.index", "first-call", short="First call"),
    Place("API keys", "keys.index", "key", short="Keys", holds=("leaks",)),
    Place("Usage", "usage.index", "usage", holds=("usage_calls", "refused", "use_alerts")),
    Place(
        "Organisation",
        "organisation.index",
        "organisation",
        short="Team",
        holds=("members", "own_provider", "api_keys", "audit"),
    ),
    Place("Billing", "billing.home", "billing", holds=("limits", "months", "invoices", "what_if", "calls", "webhooks")),
)
SITE = (Place("Pricing", "pricing.index"),)
FOOT = (
    Place("Sign in with your organisation", "sso.index"),
    Place("Report a leaked key", "report.index"),
)
PERSON = (Place("Your account", "account.index", "session", holds=("account_mail",)),)
TO_CONSOLE = Place("Back to the console", "home.index", "chevron-left")
OPERATOR = (Place("Operator’s pages", "admin.index", "settings"),)
OPERATOR_RAIL = (
    Place(
        "Organisations",
        "admin.index",
        "organisation",
        short="Tenants",
        holds=("operator_organisation", "operator_acts"),
    ),
    Place("People", "operator_people.index", "person"),
    Place("Plans", "operator_plans.index", "plans", holds=("operator_leaving",)),
    Place("Money", "money.index", "billing"),
    Place("Events of Stripe", "stripe_events.index", "usage", short="Stripe"),
    Place("Mail", "post.index", "mail"),
    Place("Audit log", "operator_audit.index", "clock", short="Audit"),
    replace(TO_CONSOLE, is_wide=True),
)


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> TransactionalFlask:
    """The Flask application. settings, engine: for tests; by default those of the environment."""
    settings = settings or config.load()
    app = TransactionalFlask("postern", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.secret_key = settings.secret_key.get_secret_value()
    app.extensions[current.EXTENSION] = settings

    # In this order requests pass them; answers pass them in the opposite one.
    request_id.install(app)
    request_log.install(app)
    compression.install(app)
    headers.install(app, settings)
    limits.install(app, settings)
    origin.install(app)
    database.install(app, engine or db.create(settings.database_url))
    session.install(app, SessionRows(), settings)
    forgery.install(app, settings)
    accounts.install(app)
    guards.install(app)
    htmx.install(app)
    errors.install(app)

    templating.install(app, product_name=settings.product_name)
    app.jinja_env.filters.update(money=amounts.shown_minor, nanos=amounts.shown)
    assets.install(app, reload=settings.is_development)
    app.jinja_env.globals["organisation_tabs"] = tabs.tabs
    app.context_processor(_surroundings)
    entrance.install(
        app,
        settings,
        welcome=partial(_welcome, brand=settings.key_brand),
        newcomers_to="first_call.index",
        others_to="home.index",
        invitations=joining.PATH,
        sample_call=partial(_sample_call, gateway_url=settings.gateway_url),
    )
    for blueprint in (
        health.bp,
        *accounts_views.blueprints,
        keys.bp,
        *leaks.blueprints,
        home.bp,
        *metering.blueprints,
        unusual.bp,
        *billing.blueprints,
        webhooks.bp,
        *team.blueprints,
        trail.bp,
        *admin.blueprints,
        *api.blueprints,
    ):
        app.register_blueprint(blueprint)
    app.extensions[sso.EXTENSION] = connecting.Clients(settings)
    app.register_blueprint(unsubscribing.bp)
    forgery.exempt(app, billing.webhook.bp)
    forgery.exempt(app, unsubscribing.bp)
    forgery.exempt(app, leaks.github.bp)
    forgery.exempt(app, api.api_bp)
    errors.speak(app, f"{api.api_bp.url_prefix}/", problems.written)
    if settings.is_development:
        app.register_blueprint(styleguide.bp)
    if mail.is_kept(settings):
        app.register_blueprint(outbox.bp)
    return app


def _welcome(session: Session, person: Person, now: datetime, *, is_invited: bool, brand: str) -> Mapping[str, str]:
    """What a newcomer finds: an organisation of their own on the default plan, and a first key on the page they land
    on.
    """
    organisation = organisation_services.create_personal(session, person=person, now=now)
    opening.equip(session, organisation=organisation, now=now)
    if is_invited:
        return {}
    issued = key_services.issue(
        session, organisation=organisation, name="First key", brand=brand, person_id=person.id, now=now
    )
    return {first_call.SECRET: issued.secret}


def _sample_call(session: Session, *, gateway_url: str) -> str | None:
    """What a call looks like here, for the landing page."""
    sample = integrations.sample(session)
    if sample is None or not sample.example_tool:
        return None
    return snippets.for_first_call(sample, gateway_url=gateway_url, secret=first_call.STAND_IN)[0].code


def _surroundings() -> dict[str, object]:
    """What the layouts show around every page; asks the database nothing."""
    clients = entrance.current().clients
    straight = url_for("sign_in.start", name=next(iter(clients))) if len(clients) == 1 else None
    return {
        "current": organisations.for_templates,
        "site_nav": navigation.links(SITE),
        "footer_nav": navigation.links(FOOT),
        "billing_banner": billing.banner,
        "billing_notice": billing.notice,
        "nav": navigation.links(OPERATOR_RAIL if _is_operators() else RAIL),
        "person_nav": navigation.links(PERSON + (_other_side() if accounts.is_operator_here() else ())),
        "home_url": url_for("landing.index"),
        "console_url": url_for("home.index"),
        "switch_url": url_for("organisations.switch"),
        "organisations_url": url_for("organisations.index"),
        "sign_out_url": url_for("sign_in.sign_out"),
        "sign_in_url": straight or url_for("sign_in.index"),
    }


def _is_operators() -> bool:
    """Whether the page is one of theirs."""
    return request.blueprint in admin.names


def _other_side() -> tuple[Place, ...]:
    """For operators: from the console to their pages, or back."""
    return (TO_CONSOLE,) if _is_operators() else OPERATOR
