"""The platform's own view of an advertiser: first-party data and seeds by GraphQL, data groups and audiences by REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from tradewind.destinations.thetradedesk import graphql
from tradewind.destinations.thetradedesk.answer import retry_after, scrub
from tradewind.door import Door, Response
from tradewind.errors import ConfigurationError, PermanentError, RetryableError, UncertainError
from tradewind.model.destination import Secret
from tradewind.model.platform import Arranged, Listing, Use

HOST = "https://api.thetradedesk.com"
"""One for all data centers."""

PAGES, FEW = 200, 10
"""Pages of an answer that are read at most; and so many segments are searched for one by one, more in a walk through all of them."""

_REST = {
    Use.DATA_GROUP: ("datagroup", "DataGroup", "FirstPartyDataIds", ""),
    Use.AUDIENCE: ("audience", "Audience", "IncludedDataGroupIds", "ExcludedDataGroupIds"),
}
"""Use -> its path, what its fields begin with, and the lists it holds and leaves out."""

_REFUSED, _BUSY = ("auth", "access", "permission", "token"), ("rate", "throttl", "too many", "complexity", "unavailable")


class TradeDeskPlatform:
    """Asks `/graphql` and `/v3` of a host, with `TTD-Auth`."""

    def __init__(self, door: Door, host: str, advertiser: str, token: Secret) -> None:
        self._door, self._host, self._advertiser, self._token = door, host, advertiser, token

    def check(self) -> None:
        """Ask for nothing but the advertiser."""
        if not (self._graph(graphql.ADVERTISER).get("advertiser") or {}).get("id"):
            raise self._not_allowed()

    def listings(self, names: Collection[str]) -> dict[str, Listing]:
        """A few are searched for by name, of which the platform finds all that contain it; for many, all are walked through."""
        wanted, found = set(names), dict[str, Listing]()
        if len(wanted) > FEW:
            self._walk(graphql.ALL_LISTINGS, wanted, found)
        else:
            for name in sorted(wanted):
                self._walk(graphql.LISTINGS, {name}, found, name=name)
        return found

    def find(self, use: Use, name: str) -> tuple[Arranged, ...]:
        """What has exactly this name, read by its id."""
        if use is Use.SEED:
            return tuple(each for each in graphql.seeds_of(self._graph(graphql.SEEDS)) if each.name == name)
        path, head, *_ = _REST[use]
        found: list[str] = []
        for page in range(PAGES):
            body = {"AdvertiserId": self._advertiser, "SearchTerms": [name], "PageStartIndex": page * 100, "PageSize": 100}
            rows = self._rest("POST", f"{path}/query/advertiser", body, reads=True).get("Result")
            if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
                raise self._strange()
            found += [str(each.get(f"{head}Id")) for each in rows if each.get(f"{head}Name") == name]
            if len(rows) < 100:
                break
        return tuple(self._arranged(use, self._rest("GET", f"{path}/{id_}", None, reads=True)) for id_ in found)

    def save(self, wanted: Arranged) -> Arranged:
        """Send only what is ours to say: lists that are sent replace what was there, what is left out stays."""
        if wanted.use is Use.SEED:
            return self._save_seed(wanted)
        path, head, holds, _ = _REST[wanted.use]
        list_: list[Any] = [int(each) for each in wanted.holds] if wanted.use is Use.DATA_GROUP else list(wanted.holds)
        if wanted.id:
            return self._arranged(wanted.use, self._rest("PUT", path, {f"{head}Id": wanted.id, holds: list_}, reads=False))
        body = {"AdvertiserId": self._advertiser, f"{head}Name": wanted.name, holds: list_}
        more = {"IsSharable": True} if wanted.use is Use.DATA_GROUP else {}
        return self._arranged(wanted.use, self._rest("POST", path, body | more, reads=False))

    def _walk(self, document: str, wanted: set[str], found: dict[str, Listing], **variables: Any) -> None:
        """Page by page, until all that is wanted was found."""
        after: str | None = None
        for _ in range(PAGES):
            nodes, after = graphql.listings_of(self._graph(document, after=after, **variables))
            found |= {each.name: each for each in nodes if each.name in wanted}
            if after is None or wanted <= found.keys():
                return

    def _save_seed(self, wanted: Arranged) -> Arranged:
        given: dict[str, Any] = {"name": wanted.name, "data": [int(each) for each in wanted.holds]}
        if wanted.id:
            data = self._graph(graphql.SEED_UPDATE, reads=False, id=wanted.id, **given)
            id_, wrong = graphql.saved_seed(data, "seedUpdate")
        else:
            data = self._graph(graphql.SEED_CREATE, reads=False, **given)
            id_, wrong = graphql.saved_seed(data, "seedCreate")
        if wrong:
            raise PermanentError(f"the platform refuses the seed '{wanted.name}': {self._said(wrong)}")
        return Arranged(Use.SEED, id_, wanted.name, wanted.holds)

    def _graph(self, document: str, *, reads: bool = True, **variables: Any) -> dict[str, Any]:
        """The data of an answer. Errors come with status 200."""
        body = {"query": document, "variables": {"advertiser": self._advertiser, **variables}}
        answer = self._read("POST", "/graphql", body, reads=reads)
        if errors := answer.get("errors"):
            raise self._graph_error(errors)
        data = answer.get("data")
        if not isinstance(data, dict):
            raise self._strange()
        return data

    def _graph_error(self, errors: Any) -> ConfigurationError | RetryableError | PermanentError:
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        extensions = first.get("extensions")
        code = str(extensions.get("code", "")) if isinstance(extensions, dict) else ""
        said = str(first.get("message", ""))
        low = f"{code} {said}".lower()
        if any(word in low for word in _REFUSED):
            return self._not_allowed(said)
        if any(word in low for word in _BUSY):
            return RetryableError(f"the platform asks to come back later: {self._said(said)}")
        return PermanentError(f"the platform refuses the question: {self._said(said)}")

    def _rest(self, method: str, path: str, body: Mapping[str, Any] | None, *, reads: bool) -> dict[str, Any]:
        return self._read(method, f"/v3/{path}", body, reads=reads)

    def _read(self, method: str, path: str, body: Mapping[str, Any] | None, *, reads: bool) -> dict[str, Any]:
        """The object of an answer; a lost answer to a question may be asked for again, one to a change is uncertain."""
        headers = {"Content-Type": "application/json", "TTD-Auth": self._token.value}
        url = self._host + path
        try:
            answer = self._door.get(url, headers) if body is None else self._door.post(url, orjson.dumps(body), headers, method)
        except UncertainError as error:
            if reads:
                raise RetryableError(str(error)) from None
            raise
        if answer.status != 200:
            raise self._status_error(answer, reads=reads)
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise self._strange()
        return found

    def _status_error(self, answer: Response, *, reads: bool) -> ConfigurationError | RetryableError | PermanentError | UncertainError:
        said = self._message(answer.body)
        quoted = f": {said}" if said else ""
        if answer.status in {401, 403}:
            return self._not_allowed(said)
        if answer.status == 429 or (answer.status == 503 and reads):
            return RetryableError(f"the platform asks to come back later (status {answer.status}){quoted}", retry_after(answer.headers))
        if answer.status >= 500 or answer.status == 408:
            if reads:
                return RetryableError(f"the platform is in trouble itself (status {answer.status}){quoted}")
            return UncertainError(f"the platform is in trouble itself (status {answer.status}), and may have done what was asked{quoted}")
        return PermanentError(f"the platform refuses (status {answer.status}){quoted}")

    def _message(self, body: bytes) -> str:
        try:
            found = orjson.loads(body)
            if "errors" in found:
                return self._said(str(found["errors"][0]["message"]))
            reasons = [str(reason) for each in found.get("ErrorDetails") or [] for reason in each["Reasons"]]
            return self._said("; ".join(reasons) or str(found.get("Message", "")))
        except (orjson.JSONDecodeError, KeyError, TypeError, IndexError, AttributeError):
            return self._said(body[:600].decode("utf-8", "replace"))

    def _said(self, text: str) -> str:
        return scrub(self._token.struck_from(text))

    def _arranged(self, use: Use, found: Mapping[str, Any]) -> Arranged:
        _, head, holds, without = _REST[use]
        lists = [found.get(each) or [] if each else [] for each in (holds, without)]
        if not found.get(f"{head}Id") or not all(isinstance(each, list) for each in lists):
            raise self._strange()
        inside, outside = (tuple(str(each) for each in one) for one in lists)
        return Arranged(use, str(found[f"{head}Id"]), str(found.get(f"{head}Name", "")), inside, outside)

    def _not_allowed(self, said: str = "") -> ConfigurationError:
        quoted = f"; it said: {self._said(said)}" if said else ""
        return ConfigurationError(
            f"the platform refuses the platform token for advertiser {self._advertiser}: it has expired or been revoked, is not for the "
            f"platform's API, or is of a user who may not see this advertiser{quoted}; make a new one there and give it again"
        )

    def _strange(self) -> PermanentError:
        return PermanentError("what answered is not the platform's API, or it has changed; check any proxy in between")
