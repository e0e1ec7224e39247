"""Every table of Postern, by importing every module that declares one: for Alembic and for tests."""

from sqlalchemy import MetaData

from app.accounts import models as accounts
from app.admin import models as admin
from app.api import models as api
from app.billing import alert_models as alerts
from app.billing import credit_note_models as credit_notes
from app.billing import models as billing
from app.billing import payment_models as payments
from app.billing import reconcile_models as reconciling
from app.billing import usage_models as shipping
from app.billing import wallet_models as wallet
from app.core import audit, changes, db, mail, mail_kinds
from app.integrations import models as integrations
from app.keys import admin_models as admin_keys
from app.keys import models as keys
from app.keys import seen_models as key_use
from app.leaks import models as leaks
from app.limits import models as limits
from app.limits import raise_models as raises
from app.metering import models as metering
from app.metering import proof_models as proofs
from app.organisations import invitation_models as invitations
from app.organisations import models as organisations
from app.organisations import provider_models as providers
from app.plans import models as plans
from app.unusual import models as unusual
from app.webhooks import models as webhooks

TABLES = (
    accounts,
    admin,
    admin_keys,
    alerts,
    api,
    audit,
    billing,
    changes,
    credit_notes,
    integrations,
    invitations,
    key_use,
    keys,
    leaks,
    limits,
    mail,
    mail_kinds,
    metering,
    organisations,
    payments,
    plans,
    proofs,
    providers,
    raises,
    reconciling,
    shipping,
    unusual,
    wallet,
    webhooks,
)


def metadata() -> MetaData:
    """The tables as the code wants them."""
    return db.metadata
