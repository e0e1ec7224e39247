"""Do a bill again from its export: `python recompute.py statement.json [receipts/]`.

It needs Python alone and stays one file, so that anybody can be given it; docs/statement.md says what it reads. What
was changed in a statement is found; what was changed everywhere at once, digests and all, only kept receipts can show.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

FORMAT, VERSION = "postern-statement", 2
NANOS = 10**9
METRICS = ("calls", "tokens_in", "tokens_out", "bytes", "milliseconds")

Said = dict[str, Any]
Used = dict[str, dict[str, int]]
"""Price version to metric to quantity."""


def problems(said: Said, receipts: Iterable[str] = ()) -> list[str]:
    """What does not agree, in words, one for each; [] if everything does. receipts: texts that clients kept."""
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        return [f"This is no statement of Postern’s: it does not say that its format is “{FORMAT}”."]
    found: list[str] = []
    try:
        if (version := said["version"]) != VERSION:
            return [f"This is a statement of version {version}; only version {VERSION} can be checked."]
        found.extend(_problems(said, receipts))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        found.append(f"The file is not whole: {type(problem).__name__}: {problem}")
    return found


def checked(text: str, receipts: Iterable[str] = ()) -> tuple[bool, list[str]]:
    """Whether anything is wrong with the file that holds `text`, and what to say about it."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return True, ["WRONG  The file is not JSON: it was cut, or is something else."]
    found = problems(said, receipts)
    if found:
        return True, [f"WRONG  {words}" for words in found]
    sums = ", ".join(f"{one['subtotal_minor']} {one['currency']}" for one in said["totals"]) or "nothing"
    return False, [f"agrees: {_count(said['events'], 'call')}, {_count(said['lines'], 'line')}, {sums} in minor units"]


def _count(found: list[Said], one: str) -> str:
    return f"{len(found)} {one if len(found) == 1 else one + 's'}"


def _problems(said: Said, receipts: Iterable[str]) -> Iterator[str]:
    if digest({name: value for name, value in said.items() if name not in ("events", "sha256")}) != said["sha256"]:
        yield "what stands beside the calls is not what the file was made with"
    plans = {one["said"]["id"]: one["said"]["document"] for one in said["plan_versions"]}
    prices = {one["said"]["id"]: one["said"] for one in said["price_versions"]}
    for one in (*said["plan_versions"], *said["price_versions"]):
        if digest(one["said"]) != one["digest"]:
            yield f"the version {one['said']['id']} does not have the digest {one['digest']}"
    yield from _of_twice(said)
    yield from _of_events(said, prices)
    used = _used(said["events"], prices)
    yield from _of_hours(said, prices)
    yield from _of_amounts(said["events"], prices, used)
    for line in said["lines"]:
        yield from _of_line(line, prices, plans, used)
        yield from _of_time(line, said)
    yield from _of_places(said["lines"], prices, used)
    yield from _of_totals(said, prices, used)
    yield from _of_receipts(said["events"], receipts)


def digest(said: Said) -> str:
    """SHA-256 (hex) of canonical JSON: sorted keys, no blanks."""
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def events_digest(events: Iterable[Said]) -> str:
    """SHA-256 (hex) of all events in their order, each as canonical JSON and a line feed."""
    whole = hashlib.sha256()
    for event in events:
        whole.update(json.dumps(event, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return whole.hexdigest()


def billable(price: Said, metric: str, event: Said) -> int:
    """How much of the metric the call is charged for: not more than the most of one call."""
    most = price.get("max_per_call", {}).get(metric)
    found = int(event["quantities"][metric])
    return found if most is None else max(-most, min(found, most))


def usage(quantity: int, scheme: Said) -> int:
    """What a month's quantity costs, in 1e-9 of a minor unit, without its minimum."""
    units = max(0, quantity - scheme["free"])
    if scheme["kind"] == "package":
        return int(-(-units // scheme["package"]) * scheme["nanos"])
    if scheme["kind"] == "per_unit":
        return int(units * scheme["nanos"])
    total, begins = 0, 0
    for up_to, each, flat in scheme["tiers"]:
        if units > begins and scheme["kind"] == "graduated":
            ends = units if up_to is None else min(units, up_to)
            total += flat + (ends - begins) * each
            begins = ends
        elif units and scheme["kind"] == "volume" and (up_to is None or units <= up_to):
            return int(flat + units * each)
    return int(total)


def to_minor(nanos: int) -> int:
    """Whole minor units, halves up, away from zero."""
    return -to_minor(-nanos) if nanos < 0 else (2 * nanos + NANOS) // (2 * NANOS)


def _of_events(said: Said, prices: dict[str, Said]) -> Iterator[str]:
    events, begins_at, ends_at = said["events"], _moment(said["begins_at"]), _moment(said["ends_at"])
    if len(events) != said["events_count"] or events_digest(events) != said["events_sha256"]:
        yield "the calls are not those that the file was made with"
    if len({event["id"] for event in events}) != len(events):
        yield "a call is in it twice"
    for event in events:
        if not begins_at <= _moment(event["at"]) < ends_at:
            yield f"call {event['id']} is not of this month"
        if event["price_version"] not in prices:
            yield f"call {event['id']} has a price that is not in the file"


def _used(events: Iterable[Said], prices: dict[str, Said]) -> Used:
    used: Used = {price_id: dict.fromkeys(METRICS, 0) for price_id in prices}
    for event in events:
        for metric in METRICS if event["price_version"] in prices else ():
            used[event["price_version"]][metric] += billable(prices[event["price_version"]], metric, event)
    return used


def _of_hours(said: Said, prices: dict[str, Said]) -> Iterator[str]:
    found: dict[tuple[str, str], list[Any]] = {}
    for event in said["events"]:
        price_id = event["price_version"]
        if price_id in prices:
            hour = found.setdefault((event["at"][:13], price_id), [0, dict.fromkeys(METRICS, 0), 0])
            hour[0] += 1
            hour[2] += event["amount_nanos"]
            for metric in METRICS:
                hour[1][metric] += billable(prices[price_id], metric, event)
    names = ("calls", "quantities", "amount_nanos")
    told = {(one["hour"], one["price_version"]): [one[name] for name in names] for one in said["hours"]}
    for place in sorted({*found, *told}):
        if found.get(place) != told.get(place):
            yield f"the hour {place[0]} of price version {place[1]} is not the sum of its calls"
    if len(told) != len(said["hours"]):
        yield "an hour is in it twice"


def _of_amounts(events: Iterable[Said], prices: dict[str, Said], used: Used) -> Iterator[str]:
    """Σ what calls cost = what the month's quantities cost; and each call by itself, where all cost the same."""
    sums = dict.fromkeys(prices, 0)
    for event in (one for one in events if one["price_version"] in prices):
        price = prices[event["price_version"]]
        sums[price["id"]] += event["amount_nanos"]
        schemes = _schemes(price)
        if all(_is_plain(scheme) for scheme in schemes.values()):
            expected = sum(billable(price, metric, event) * scheme["nanos"] for metric, scheme in schemes.items())
            if expected != event["amount_nanos"]:
                yield f"call {event['id']} costs {expected} nanos, not {event['amount_nanos']}"
    for price_id, price in prices.items():
        expected = 0
        for metric, scheme in _schemes(price).items():
            quantity = used[price_id][metric]
            expected += quantity * scheme["nanos"] if _is_plain(scheme) else usage(quantity, scheme)
        if expected != sums[price_id]:
            yield f"the calls of price version {price_id} cost {sums[price_id]} nanos, and come to {expected}"


def _of_line(line: Said, prices: dict[str, Said], plans: dict[str, Said], used: Used) -> Iterator[str]:
    name = f"line “{line['description']}” ({line['key']})"
    if line["kind"] in ("base", "seats"):
        yield from _of_fee(name, line, plans)
        return
    for part in line["parts"]:
        price = prices[part["price_version"]]
        scheme, quantity = _schemes(price)[part["metric"]], used[part["price_version"]][part["metric"]]
        nanos = usage(quantity, scheme)
        if line["kind"] == "minimum":
            quantity, nanos = 0, (to_minor(scheme["minimum_nanos"]) - to_minor(nanos)) * NANOS
        if (part["quantity"], part["nanos"]) != (quantity, nanos):
            told = f"{part['quantity']} cost {part['nanos']} nanos"
            yield f"{name} differs: {quantity} {part['metric']} cost {nanos} nanos; the file says that {told}"
        is_prepaid = plans.get(str(price.get("plan_version")), {}).get("kind") == "prepaid"
        if (price["currency"], is_prepaid) != (line["currency"], line["is_prepaid"]):
            yield f"{name} has a part in another currency, or is not paid as its plan says"
    nanos = sum(part["nanos"] for part in line["parts"])
    quantity = sum(part["quantity"] for part in line["parts"]) if line["metric"] else 0
    if (line["quantity"], line["nanos"], line["amount_minor"]) != (quantity, nanos, to_minor(nanos)):
        due = f"a quantity of {quantity}, {nanos} nanos and {to_minor(nanos)} in minor units"
        told = f"{line['quantity']}, {line['nanos']} nanos and {line['amount_minor']}"
        yield f"{name} differs: its parts come to {due}; the file says {told}"


def _of_fee(name: str, line: Said, plans: dict[str, Said]) -> Iterator[str]:
    fee = line["fee"]
    fees = plans[fee["plan_version"]]["base" if line["kind"] == "base" else "seat"]
    each = fees.get(line["currency"], {}).get(fee["interval"])
    begins_at, ends_at, starts, ends = map(_moment, (line["begins_at"], line["ends_at"], *fee["whole"]))
    before, after, length = ((moment - starts) // timedelta.resolution for moment in (begins_at, ends_at, ends))
    whole = (each or 0) * line["quantity"]
    minor = (2 * whole * after + length) // (2 * length) - (2 * whole * before + length) // (2 * length)
    minor *= -1 if fee["is_back"] else 1
    if (fee["fee_minor"], line["amount_minor"], line["nanos"]) != (each, minor, minor * NANOS):
        yield f"{name} differs: the plan's fee makes it {minor}; it says {line['amount_minor']}"


def _of_time(line: Said, said: Said) -> Iterator[str]:
    """Use is for the whole month; a fee for a part of a calendar month, or of twelve, that begins in the month."""
    name, fee = f"line “{line['description']}” ({line['key']})", line["fee"]
    month, span = (said["begins_at"], said["ends_at"]), (line["begins_at"], line["ends_at"])
    if not fee:
        if span != month:
            yield f"{name} is not for the whole month"
        return
    starts, ends = fee["whole"]
    is_year = starts[8:] == month[0][8:] and (int(starts[:4]) + 1, starts[4:]) == (int(ends[:4]), ends[4:])
    if not (is_year if fee["interval"] == "year" else (starts, ends) == month):
        yield f"{name} takes its part of something that is no whole {fee['interval']}"
    if not (month[0] <= span[0] < month[1] and starts <= span[0] < span[1] <= ends):
        yield f"{name} is for a time that is not this month’s"


def _of_twice(said: Said) -> Iterator[str]:
    """Nothing is charged twice under another name: each version is there once, and fees of a kind never overlap."""
    prices = [one["said"] for one in said["price_versions"]]
    names = [("plan", one["said"]["plan"], one["said"]["number"]) for one in said["plan_versions"]]
    names += [(one["plan_version"], one["charge"], one["currency"]) for one in prices if "charge" in one]
    names += [("id", one["said"]["id"], "") for one in (*said["plan_versions"], *said["price_versions"])]
    if len(set(names)) != len(names):
        yield "a version of a plan, or of a price, is in it twice"
    fees = [one for one in said["lines"] if one["fee"]]
    spans = sorted((one["kind"], one["fee"]["is_back"], one["begins_at"], one["ends_at"], one["key"]) for one in fees)
    for before, after in pairwise(spans):
        if before[:2] == after[:2] and after[2] < before[3]:
            yield f"the lines {before[4]} and {after[4]} charge a fee for the same time"


def _of_places(lines: list[Said], prices: dict[str, Said], used: Used) -> Iterator[str]:
    """Everything that was used is in one line, once, and so is what is missing up to a minimum."""
    places = [
        (line["kind"] == "minimum", part["price_version"], part["metric"]) for line in lines for part in line["parts"]
    ]
    if len(set(places)) != len(places) or len({line["key"] for line in lines}) != len(lines):
        yield "a price is charged by two lines"
    for price_id, price in prices.items():
        for metric, scheme in _schemes(price).items():
            cost = usage(used[price_id][metric], scheme)
            if used[price_id][metric] and (False, price_id, metric) not in places:
                yield f"no line charges for {used[price_id][metric]} {metric} of price version {price_id}"
            is_short = "plan_version" in price and to_minor(scheme["minimum_nanos"]) > to_minor(cost)
            if is_short != ((True, price_id, metric) in places):
                yield f"the minimum of price version {price_id} is not as it should be"


def _of_totals(said: Said, prices: dict[str, Said], used: Used) -> Iterator[str]:
    """The lines' sum, what calls took from credit when they were made, and that no more is credited than is to pay."""
    told = {one["currency"]: one for one in said["totals"]}
    if len(told) != len(said["totals"]):
        yield "a currency is summed up twice"
    spans = said["prepaid"]
    taken = _used((one for one in said["events"] if any(start <= one["at"] < end for start, end in spans)), prices)
    for currency in sorted({*told, *[line["currency"] for line in said["lines"]]}):
        lines = [line for line in said["lines"] if line["currency"] == currency]
        subtotal = sum(line["amount_minor"] for line in lines)
        one = told.get(currency, {"subtotal_minor": None, "credits": [], "due_minor": None})
        paid = [credit["amount_minor"] for credit in one["credits"]]
        if (one["subtotal_minor"], one["due_minor"]) != (subtotal, subtotal - sum(paid)):
            yield f"the lines in {currency} come to {subtotal}; its sum says otherwise"
        if min(paid, default=1) < 1 or sum(paid) > max(0, subtotal):
            yield f"the credit in {currency} is more than there is to pay, or less than nothing"
        prepaid = max(0, min(sum(_from_credit(line, prices, used, taken) for line in lines), subtotal))
        found = sum(credit["amount_minor"] for credit in one["credits"] if credit["kind"] == "prepaid")
        if found != prepaid:
            yield f"calls took {prepaid} {currency} from credit; its sum says {found}"


def _from_credit(line: Said, prices: dict[str, Said], used: Used, taken: Used) -> int:
    if line["kind"] != "own":
        return int(line["amount_minor"] if line["is_prepaid"] else 0)
    places = [(part["price_version"], part["metric"]) for part in line["parts"]]
    rest = sum(usage(used[at][metric] - taken[at][metric], _schemes(prices[at])[metric]) for at, metric in places)
    return max(0, int(line["amount_minor"]) - to_minor(rest))


def _of_receipts(events: Iterable[Said], receipts: Iterable[str]) -> Iterator[str]:
    """What kept receipts say of calls. Whether they are genuine: `postern verify --receipt`."""
    known = {event["id"]: event for event in events}
    for text in receipts:
        try:
            encoded = text.strip().split(".")[1]
            said = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        except (IndexError, ValueError):
            yield f"“{text.strip()[:34]}” is no receipt"
            continue
        event = known.get(said["id"])
        if event is None:
            if said["price"] is not None and said["environment"] == "live":
                yield f"the call of receipt {said['id']} is not in it"
        elif (said["amount_nanos"], said["price"]) != (event["amount_nanos"], event["price_version"]):
            yield f"receipt {said['id']} says {said['amount_nanos']} nanos, and the call {event['amount_nanos']}"


def _schemes(price: Said) -> dict[str, Said]:
    return dict(price.get("components") or {"calls": price["scheme"]})


def _is_plain(scheme: Said) -> bool:
    return bool(scheme["kind"] == "per_unit" and not scheme["free"])


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def main(arguments: list[str]) -> int:
    """Print “agrees” or what differs; 1 if anything does."""
    if not 1 <= len(arguments) <= 2:
        sys.stdout.write("python recompute.py statement.json [folder of receipts]\n")
        return 2
    kept = [one for one in sorted(Path(arguments[1]).iterdir()) if one.is_file()] if len(arguments) > 1 else []
    text, *receipts = (path.read_text(encoding="utf-8") for path in (Path(arguments[0]), *kept))
    is_wrong, words = checked(text, receipts)
    sys.stdout.write("".join(f"{line}\n" for line in words))
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
