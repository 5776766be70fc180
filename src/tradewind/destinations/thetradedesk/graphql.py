"""The documents that are sent as GraphQL, and what their answers mean; pure. An answer is input, never trusted."""

from __future__ import annotations

from typing import Any

from tradewind.errors import PermanentError
from tradewind.model.platform import Activity, Arranged, Listing, Use

ADVERTISER = "query($advertiser: ID!) { advertiser(id: $advertiser) { id } }"

_NODES = """{
      nodes {
        id name
        activeUniques { householdCount idsConnectedTvCount idsCount idsInAppCount idsWebCount personsCount }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

LISTINGS = f"""query($advertiser: ID!, $name: String!, $after: String) {{
  advertiser(id: $advertiser) {{
    firstPartyData(first: 100, after: $after, where: {{name: {{contains: $name}}}}) {_NODES}"""

ALL_LISTINGS = f"""query($advertiser: ID!, $after: String) {{
  advertiser(id: $advertiser) {{
    firstPartyData(first: 100, after: $after) {_NODES}"""

SEEDS = """query($advertiser: ID!) {
  advertiser(id: $advertiser) {
    seeds { id name targetingData { firstPartyInclusion { advertiserTargetingDataId name } } }
  }
}"""

SEED_CREATE = """mutation($advertiser: ID!, $name: String!, $data: [ID!]) {
  seedCreate(input: {advertiserId: $advertiser, name: $name, targetingData: {firstPartyDataInclusionIds: $data}}) {
    data { id }
    userErrors { field message }
  }
}"""

SEED_UPDATE = """mutation($advertiser: ID!, $id: ID!, $name: String!, $data: [ID!]) {
  seedUpdate(input: {id: $id, advertiserId: $advertiser, name: $name, targetingData: {firstPartyDataInclusionIds: $data}}) {
    data { id }
    userErrors { field message }
  }
}"""

_ACTIVITY = {
    "ids": "idsCount", "web": "idsWebCount", "in_app": "idsInAppCount", "connected_tv": "idsConnectedTvCount",
    "persons": "personsCount", "households": "householdCount",
}  # fmt: skip


def listings_of(data: Any) -> tuple[list[Listing], str | None]:
    """The segments of an answer, and where the next page begins; None where there is none. Raises PermanentError."""
    try:
        found = data["advertiser"]["firstPartyData"]
        page = found["pageInfo"]
        nodes = [Listing(_number(node["id"]), str(node["name"]), _activity(node.get("activeUniques") or {})) for node in found["nodes"]]
        return nodes, str(page["endCursor"]) if page["hasNextPage"] and page["endCursor"] else None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _strange("first-party data") from None


def seeds_of(data: Any) -> list[Arranged]:
    """The seeds of an answer, with the numbers of the segments they are made of. Raises PermanentError."""
    try:
        return [
            Arranged(Use.SEED, str(each["id"]), str(each["name"]), tuple(_inclusions(each.get("targetingData") or {})))
            for each in data["advertiser"]["seeds"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _strange("seeds") from None


def saved_seed(data: Any, mutation: str) -> tuple[str, str]:
    """The id of the seed that a mutation made or changed, or else what the platform has against it. Raises PermanentError."""
    try:
        payload = data[mutation]
        if wrong := payload.get("userErrors"):
            return "", "; ".join(str(each["message"]) for each in wrong)
        return str(payload["data"]["id"]), ""
    except (KeyError, TypeError, AttributeError):
        raise _strange("a seed") from None


def _inclusions(targeting: dict[str, Any]) -> list[str]:
    return [str(_number(each["advertiserTargetingDataId"])) for each in targeting.get("firstPartyInclusion") or []]


def _activity(uniques: dict[str, Any]) -> Activity:
    return Activity(**{ours: max(0, int(uniques.get(theirs) or 0)) for ours, theirs in _ACTIVITY.items()})


def _number(value: Any) -> int:
    found = int(value)
    if not 0 < found < 2**63:
        raise ValueError
    return found


def _strange(what: str) -> PermanentError:
    return PermanentError(f"the platform answered the question for {what} in a form that is not known; its interface may have changed")
