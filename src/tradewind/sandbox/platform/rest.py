"""The REST half: first-party data, data groups and audiences under `/v3`, in the platform's spelling."""

from __future__ import annotations

import re
from typing import Any

import orjson

from tradewind.sandbox.platform.directory import Directory, Item
from tradewind.sandbox.wire import Answer, Request

FIRST_PARTY = "/v3/dmp/firstparty/advertiser"
KINDS = {
    "datagroup": ("DataGroup", ("FirstPartyDataIds", "ThirdPartyDataIds")),
    "audience": ("Audience", ("IncludedDataGroupIds", "ExcludedDataGroupIds")),
}
"""Path -> the name that its fields begin with, and the two lists it holds."""

PATHS = re.compile(r"/v3/(datagroup|audience)(?:/(query/advertiser)|/([A-Za-z0-9]{1,32}))?")
MOST = 1_000


class Refusal(Exception):
    """The request is refused: nothing of it is applied."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field

    def answer(self) -> Answer:
        details = [{"Property": self.field, "Reasons": [self.message]}] if self.field else []
        message = "The request failed validation." if self.field else self.message
        return Answer(self.status, orjson.dumps({"Message": message, "ErrorDetails": details}))


def methods(path: str) -> tuple[str, ...]:
    """The methods that an address takes; none where there is no such address."""
    if path == FIRST_PARTY:
        return ("POST",)
    found = PATHS.fullmatch(path)
    if found is None:
        return ()
    return ("POST",) if found[2] else ("GET",) if found[3] else ("POST", "PUT")


def answer(directory: Directory, advertiser: str, request: Request, now: int) -> Answer:
    """The answer to a request whose token is an advertiser's. Raises Refusal."""
    if request.path == FIRST_PARTY:
        return _json(_first_party(directory, advertiser, _body(request), now))
    found = PATHS.fullmatch(request.path)
    assert found, "the address was looked up"
    kind, store = found[1], directory.groups if found[1] == "datagroup" else directory.audiences
    if found[2]:
        return _json(_found(kind, store, advertiser, _body(request)))
    if found[3]:
        return _json(_shown(kind, _mine(kind, store, advertiser, found[3])))
    if request.method == "PUT":
        return _json(_shown(kind, _changed(directory, kind, store, advertiser, _body(request), now)))
    return _json(_shown(kind, _made(directory, kind, store, advertiser, _body(request), now)))


def _json(value: Any) -> Answer:
    return Answer(200, orjson.dumps(value))


def _body(request: Request) -> dict[str, Any]:
    try:
        found = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "The request body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(400, "The request body is not an object.")
    return found


def _own(body: dict[str, Any], advertiser: str) -> None:
    if not isinstance(body.get("AdvertiserId"), str):
        raise Refusal(400, "AdvertiserId is required.", "AdvertiserId")
    if body["AdvertiserId"] != advertiser:
        raise Refusal(403, "You do not have access to this advertiser.")


def _page(body: dict[str, Any], rows: list[dict[str, Any]], every: int) -> dict[str, Any]:
    start, size = body.get("PageStartIndex"), body.get("PageSize")
    if type(start) is not int or type(size) is not int or start < 0 or not 0 < size <= MOST:
        raise Refusal(400, f"PageStartIndex is a whole number from 0 and PageSize one from 1 to {MOST}.", "PageSize")
    part = rows[start : start + size]
    return {"Result": part, "ResultCount": len(part), "TotalFilteredCount": len(rows), "TotalUnfilteredCount": every}


def _first_party(directory: Directory, advertiser: str, body: dict[str, Any], now: int) -> dict[str, Any]:
    _own(body, advertiser)
    terms = [str(each).lower() for each in body.get("SearchTerms") or []]
    rows = [
        {
            "FirstPartyDataId": each.id, "Name": each.name, "DataType": "ImportedAdvertiserData",
            "UniqueUserCount": directory.uniques(each, now).ids,
        }
        for each in directory.listed(advertiser, now)
    ]  # fmt: skip
    fits = [row for row in rows if all(any(term in str(row[name]).lower() for name in row) for term in terms)]
    return _page(body, fits, len(rows))


def _found(kind: str, store: dict[str, Item], advertiser: str, body: dict[str, Any]) -> dict[str, Any]:
    _own(body, advertiser)
    terms = [str(each).lower() for each in body.get("SearchTerms") or []]
    mine = [each for each in store.values() if each.advertiser == advertiser]
    fits = [each for each in mine if all(term in f"{each.id} {each.name}".lower() for term in terms)]
    return _page(body, [_shown(kind, each) for each in fits], len(mine))


def _shown(kind: str, item: Item) -> dict[str, Any]:
    head, (holds, without) = KINDS[kind]
    known = {f"{head}Id": item.id, "AdvertiserId": item.advertiser, f"{head}Name": item.name, holds: item.holds, without: item.without}
    return item.more | known


def _mine(kind: str, store: dict[str, Item], advertiser: str, id_: Any) -> Item:
    found = store.get(str(id_))
    if found is None or found.advertiser != advertiser:
        raise Refusal(404, f"There is no {kind} of this id.")
    return found


def _made(directory: Directory, kind: str, store: dict[str, Item], advertiser: str, body: dict[str, Any], now: int) -> Item:
    _own(body, advertiser)
    head, lists = KINDS[kind]
    name = _name(store, advertiser, body.get(f"{head}Name"), f"{head}Name", "")
    holds, without = (_list(directory, kind, advertiser, body.get(each) or [], each, now) for each in lists)
    item = Item(directory.next_id("dg" if kind == "datagroup" else "aud"), advertiser, name, holds, without, _more(kind, body))
    store[item.id] = item
    return item


def _changed(directory: Directory, kind: str, store: dict[str, Item], advertiser: str, body: dict[str, Any], now: int) -> Item:
    """What is sent replaces what was there, lists too; what is left out stays."""
    head, lists = KINDS[kind]
    item = _mine(kind, store, advertiser, body.get(f"{head}Id"))
    name = _name(store, advertiser, body[f"{head}Name"], f"{head}Name", item.id) if f"{head}Name" in body else item.name
    before = {lists[0]: item.holds, lists[1]: item.without}
    holds, without = (_list(directory, kind, advertiser, body[each] or [], each, now) if each in body else before[each] for each in lists)
    item.name, item.holds, item.without, item.more = name, holds, without, item.more | _more(kind, body)
    return item


def _more(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    known = {"IsSharable", "Description"} if kind == "datagroup" else {"Description"}
    return {name: value for name, value in body.items() if name in known}


def _name(store: dict[str, Item], advertiser: str, name: Any, field: str, own: str) -> str:
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 256:
        raise Refusal(400, f"{field} has 1 to 256 characters.", field)
    if any(each.name == name and each.id != own for each in store.values() if each.advertiser == advertiser):
        raise Refusal(400, f"{field} is in use already.", field)
    return name


def _list(directory: Directory, kind: str, advertiser: str, given: Any, field: str, now: int) -> list[Any]:
    if not isinstance(given, list):
        raise Refusal(400, f"{field} is a list.", field)
    if field == "ThirdPartyDataIds" and given:
        raise Refusal(400, "No third-party data is set up.", field)
    if kind == "datagroup":
        known: set[Any] = {each.id for each in directory.listed(advertiser, now)}
    else:
        known = {each.id for each in directory.groups.values() if each.advertiser == advertiser}
    if unknown := [each for each in given if each not in known]:
        raise Refusal(400, f"{str(unknown[0])[:32]} is not known for this advertiser.", field)
    return given
