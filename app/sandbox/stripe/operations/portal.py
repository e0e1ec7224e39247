"""The customer portal: its configurations, and sessions that open its page."""

from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing

_FEATURES = (
    "{customer_update{enabled!:bool allowed_updates[]} invoice_history{enabled!:bool} "
    "payment_method_update{enabled!:bool} "
    "subscription_cancel{enabled!:bool mode:at_period_end|immediately proration_behavior "
    "cancellation_reason{enabled!:bool options![]}} subscription_pause{enabled:bool} "
    "subscription_update{enabled:bool default_allowed_updates[] proration_behavior products[]{product! prices[]}}}"
)
_TAKES = "business_profile{headline? privacy_policy_url terms_of_service_url} default_return_url? metadata{*} name? "
_TAKES += "login_page{enabled!:bool} "
_OFF: Thing = {
    "customer_update": {"allowed_updates": [], "enabled": False}, "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []}, "enabled": False, "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"enabled": False},
    "subscription_update": {
        "default_allowed_updates": [], "enabled": False, "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
    },
}  # fmt: skip


@operation("POST", "/v1/billing_portal/configurations", _TAKES + f"features!{_FEATURES}")
def create_configuration(desk: Desk, ask: Ask) -> Thing:
    is_first = not desk.store.all("billing_portal.configuration", limit=1)
    made = desk.new(
        "billing_portal.configuration", "bpc_", active=True, application=None,
        business_profile={"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
        | (ask.get("business_profile") or {}),
        default_return_url=ask.get("default_return_url"), features=_features(_OFF, ask), is_default=is_first,
        login_page={"enabled": False, "url": None}, metadata=ask.get("metadata") or {}, name=ask.get("name"),
        updated=desk.now(),
    )  # fmt: skip
    desk.put(made)
    desk.emit("billing_portal.configuration.created", made)
    return desk.show(made)


@operation("GET", "/v1/billing_portal/configurations", LIST + " active:bool is_default:bool")
def configurations(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("billing_portal.configuration", newest=True)
    for name in ("active", "is_default"):
        found = [each for each in found if each[name] == ask.get(name, each[name])]
    return page(desk, ask, found)


@operation("GET", "/v1/billing_portal/configurations/<configuration>")
def configuration(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("billing_portal.configuration", ask.id))


@operation("POST", "/v1/billing_portal/configurations/<configuration>", _TAKES + f"active:bool features{_FEATURES}")
def update_configuration(desk: Desk, ask: Ask) -> Thing:
    found = desk.need("billing_portal.configuration", ask.id)
    found |= {name: ask.params[name] for name in ("active", "default_return_url", "name") if name in ask.params}
    found |= {"features": _features(found["features"], ask), "metadata": with_metadata(found["metadata"], ask)}
    found["business_profile"] |= ask.get("business_profile") or {}
    desk.put(found | {"updated": desk.now()})
    desk.emit("billing_portal.configuration.updated", found)
    return desk.show(found)


def _features(known: Thing, ask: Ask) -> Thing:
    given = ask.get("features") or {}
    return {name: feature | (given.get(name) or {}) for name, feature in known.items()}


@operation(
    "POST", "/v1/billing_portal/sessions",
    "customer! configuration return_url locale flow_data{type! after_completion{type! redirect{return_url!} "
    "hosted_confirmation{custom_message}} subscription_cancel{subscription!} subscription_update{subscription!}}",
)  # fmt: skip
def create_session(desk: Desk, ask: Ask) -> Thing:
    desk.living("customer", ask.params["customer"], "customer")
    if ask.get("configuration"):
        chosen = desk.need("billing_portal.configuration", ask.params["configuration"], "configuration", status=400)
    else:
        defaults = [each for each in desk.store.all("billing_portal.configuration") if each["is_default"]]
        if not defaults:
            raise Refused(
                "You can't create a portal session in test mode until you save your customer portal settings in test "
                "mode. Provide a configuration or create your default one.", param="configuration",
            )  # fmt: skip
        chosen = defaults[0]
    made = desk.new(
        "billing_portal.session", "bps_", configuration=chosen["id"], customer=ask.params["customer"],
        flow=ask.get("flow_data"), locale=ask.get("locale"), on_behalf_of=None,
        return_url=ask.get("return_url") or chosen["default_return_url"],
    )  # fmt: skip
    made["url"] = f"{desk.settings.url}/p/session/{made['id']}"
    return desk.show(desk.put(made))
