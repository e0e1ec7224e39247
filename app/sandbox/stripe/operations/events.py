"""Events that happened, and the endpoints that are told of them."""

from app.sandbox.stripe import API_VERSION
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing, new_id

KEPT_S = 30 * 86_400  # docs.stripe.com/api/events: listed for thirty days


@operation(
    "GET", "/v1/events",
    LIST + " type types[] created{gt:int gte:int lt:int lte:int} delivery_success:bool",
)  # fmt: skip
def index(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("event", ref=ask.get("type"), newest=True)
    if "types" in ask.params:
        if "type" in ask.params:
            raise Refused("You may pass either type or types, but not both.", param="types")
        found = [each for each in found if each["type"] in ask.params["types"]]
    recent = [each for each in found if each["created"] > desk.now() - KEPT_S]
    return page(desk, ask, within(ask, recent))


@operation("GET", "/v1/events/<id>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("event", ask.id))


@operation("POST", "/v1/webhook_endpoints", "url! enabled_events![] api_version description? metadata{*}")
def create_endpoint(desk: Desk, ask: Ask) -> Thing:
    """The only answer that shows its secret."""
    if not ask.params["url"].startswith(("http://", "https://")):
        raise Refused("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")
    secret = new_id("whsec_")
    made = desk.new(
        "webhook_endpoint", "we_", api_version=ask.get("api_version", API_VERSION), application=None,
        description=ask.get("description"), enabled_events=ask.params["enabled_events"],
        metadata=ask.get("metadata") or {}, status="enabled", url=ask.params["url"], _secret=secret,
    )  # fmt: skip
    return desk.show(desk.put(made)) | {"secret": secret}


@operation("GET", "/v1/webhook_endpoints", LIST)
def endpoints(desk: Desk, ask: Ask) -> Thing:
    return page(desk, ask, desk.store.all("webhook_endpoint", newest=True))


@operation("GET", "/v1/webhook_endpoints/<webhook_endpoint>")
def endpoint(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("webhook_endpoint", ask.id))


@operation(
    "POST", "/v1/webhook_endpoints/<webhook_endpoint>", "url enabled_events[] disabled:bool description? metadata{*}"
)
def update_endpoint(desk: Desk, ask: Ask) -> Thing:
    found = desk.need("webhook_endpoint", ask.id)
    found |= {name: ask.params[name] for name in ("url", "enabled_events", "description") if name in ask.params}
    if "disabled" in ask.params:
        found["status"] = "disabled" if ask.params["disabled"] else "enabled"
    return desk.show(desk.put(found | {"metadata": with_metadata(found["metadata"], ask)}))


@operation("DELETE", "/v1/webhook_endpoints/<webhook_endpoint>")
def delete_endpoint(desk: Desk, ask: Ask) -> Thing:
    found = desk.need("webhook_endpoint", ask.id)
    desk.store.forget(found["id"])
    return {"id": found["id"], "object": "webhook_endpoint", "deleted": True}
