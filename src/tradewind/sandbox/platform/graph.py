"""The GraphQL half: first-party data with what is seen of it, and seeds; read and answered by graphql-core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, GraphQLSchema, build_schema, graphql_sync

from tradewind.sandbox.clock import iso
from tradewind.sandbox.platform.directory import Directory, Listed, Seed
from tradewind.sandbox.wire import Answer

MOST = 1_000

SCHEMA = """
scalar DateTime
type Query { advertiser(id: ID!): Advertiser seed(id: ID!): Seed }
type Mutation {
  seedCreate(input: SeedCreateInput!): SeedPayload!
  seedUpdate(input: SeedUpdateInput!): SeedPayload!
  advertiserSetDefaultSeed(input: AdvertiserSetDefaultSeedInput!): AdvertiserPayload!
}
type Advertiser {
  id: ID!
  name: String
  firstPartyData(first: Int, after: String, where: FirstPartyDataFilterInput): FirstPartyDataConnection
  seeds: [Seed!]!
}
input FirstPartyDataFilterInput { name: StringFilterInput }
input StringFilterInput { contains: String eq: String in: [String!] }
type FirstPartyDataConnection { nodes: [FirstPartyData!]! pageInfo: PageInfo! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type FirstPartyData { id: Int! name: String! activeUniques: Uniques }
type Uniques {
  householdCount: Int idsConnectedTvCount: Int idsCount: Int idsInAppCount: Int idsWebCount: Int personsCount: Int
}
type Seed {
  id: ID! name: String status: String activeIds: Int isDefault: Boolean createdAt: DateTime lastUpdatedAt: DateTime
  targetingData: SeedTargetingData
}
type SeedTargetingData { firstPartyInclusion: [SeedFirstPartyData!] }
type SeedFirstPartyData { advertiserTargetingDataId: Int! name: String }
input SeedTargetingDataInput { firstPartyDataInclusionIds: [ID!] }
input SeedCreateInput { advertiserId: ID! name: String! targetingData: SeedTargetingDataInput! }
input SeedUpdateInput { id: ID! advertiserId: ID name: String targetingData: SeedTargetingDataInput }
input AdvertiserSetDefaultSeedInput { advertiserId: ID! seedId: ID! }
type UserError { field: [String!] message: String! }
type SeedPayload { data: Seed userErrors: [UserError!]! }
type AdvertiserPayload { data: Advertiser userErrors: [UserError!]! }
"""


@dataclass(frozen=True)
class Room:
    """What resolvers are given: the directory, who asks, what the advertiser is called, and the time."""

    directory: Directory
    advertiser: str
    name: str
    now: int


Info: TypeAlias = "GraphQLResolveInfo[Room]"


class NotMine(GraphQLError):
    """Somebody else's, or nobody's: the answer is the same."""

    def __init__(self, what: str) -> None:
        super().__init__(f"You do not have access to this {what}.", extensions={"code": "AUTH_NOT_AUTHORIZED"})


class Graph:
    """Answers documents; the schema is read once."""

    def __init__(self) -> None:
        self._schema: GraphQLSchema = build_schema(SCHEMA)
        for kind, fields in RESOLVERS.items():
            found: Any = self._schema.get_type(kind)
            for name, resolve in fields.items():
                found.fields[name].resolve = resolve

    def answer(self, room: Room, body: bytes) -> Answer:
        """The answer to a request, with status 200 even where it holds errors; 400 where it is no request at all."""
        try:
            asked = orjson.loads(body)
            query, variables = asked["query"], asked.get("variables") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return refusal(400, "The body is not a GraphQL request.", "BAD_REQUEST")
        if not isinstance(query, str) or not isinstance(variables, dict):
            return refusal(400, "The body is not a GraphQL request.", "BAD_REQUEST")
        result: ExecutionResult = graphql_sync(self._schema, query, context_value=room, variable_values=variables)
        return Answer(200, orjson.dumps(result.formatted))


def refusal(status: int, message: str, code: str) -> Answer:
    """A request that is refused before it is read."""
    return Answer(status, orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]}))


def _advertiser(_root: Any, info: Info, id: str) -> dict[str, Any]:  # noqa: A002 - the argument's name
    room = info.context
    if id != room.advertiser:
        raise NotMine("advertiser")
    return {"id": room.advertiser, "name": room.name}


def _first_party(_root: Any, info: Info, first: int = 10, after: str | None = None, where: dict[str, Any] | None = None) -> dict[str, Any]:
    room, name = info.context, (where or {}).get("name") or {}
    if not 0 < first <= MOST:
        raise GraphQLError(f"first is a number from 1 to {MOST}.", extensions={"code": "BAD_USER_INPUT"})
    fits = [each for each in room.directory.listed(room.advertiser, room.now) if _named(each.name, name)]
    start = next((place for place, each in enumerate(fits, 1) if f"c{each.id}" == after), 0)
    part = fits[start : start + first]
    return {
        "nodes": part,
        "pageInfo": {"hasNextPage": start + first < len(fits), "endCursor": f"c{part[-1].id}" if part else None},
    }


def _named(name: str, rule: dict[str, Any]) -> bool:
    return (
        (rule.get("contains") or "").lower() in name.lower()
        and (rule.get("eq") is None or rule["eq"] == name)
        and (rule.get("in") is None or name in rule["in"])
    )


def _uniques(listed: Listed, info: Info) -> dict[str, int]:
    found = info.context.directory.uniques(listed, info.context.now)
    return {
        "idsCount": found.ids, "idsInAppCount": found.in_app, "idsWebCount": found.web, "idsConnectedTvCount": 0,
        "personsCount": found.ids, "householdCount": (found.ids + 1) // 2,
    }  # fmt: skip


def _seeds(_root: Any, info: Info) -> list[Seed]:
    room = info.context
    return [each for each in room.directory.seeds.values() if each.advertiser == room.advertiser]


def _seed(_root: Any, info: Info, id: str) -> Seed:  # noqa: A002 - the argument's name
    found = info.context.directory.seeds.get(id)
    if found is None or found.advertiser != info.context.advertiser:
        raise NotMine("seed")
    return found


def _targeting(seed: Seed, info: Info) -> dict[str, Any]:
    room = info.context
    names = {each.id: each.name for each in room.directory.listed(seed.advertiser, room.now)}
    return {"firstPartyInclusion": [{"advertiserTargetingDataId": each, "name": names.get(each)} for each in seed.segments]}


def _create(_root: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - same
    room = info.context
    if input["advertiserId"] != room.advertiser:
        raise NotMine("advertiser")
    segments, wrong = _wanted(room, input["targetingData"])
    wrong = [*_misnamed(room, input["name"], ""), *wrong]
    if wrong:
        return {"data": None, "userErrors": wrong}
    first = not _seeds(None, info)
    seed = Seed(room.directory.next_id("seed"), room.advertiser, input["name"], segments, room.now, room.now, default=first)
    room.directory.seeds[seed.id] = seed
    return {"data": seed, "userErrors": []}


def _update(_root: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - same
    room, seed = info.context, _seed(None, info, input["id"])
    wrong = _misnamed(room, input["name"], seed.id) if "name" in input else []
    segments = seed.segments
    if input.get("targetingData") is not None:
        segments, unknown = _wanted(room, input["targetingData"])
        wrong = [*wrong, *unknown]
    if wrong:
        return {"data": None, "userErrors": wrong}
    seed.name, seed.segments, seed.changed = input.get("name", seed.name), segments, room.now
    return {"data": seed, "userErrors": []}


def _set_default(_root: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - same
    chosen = _seed(None, info, input["seedId"])
    for each in _seeds(None, info):
        each.default = each is chosen
    return {"data": _advertiser(None, info, input["advertiserId"]), "userErrors": []}


def _misnamed(room: Room, name: Any, own: str) -> list[dict[str, Any]]:
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 256:
        return [{"field": ["input", "name"], "message": "The name has 1 to 256 characters."}]
    if any(each.name == name and each.id != own for each in room.directory.seeds.values() if each.advertiser == room.advertiser):
        return [{"field": ["input", "name"], "message": "A seed of this name exists."}]
    return []


def _wanted(room: Room, data: dict[str, Any]) -> tuple[list[int], list[dict[str, Any]]]:
    given = data.get("firstPartyDataInclusionIds") or []
    known = {str(each.id): each.id for each in room.directory.listed(room.advertiser, room.now)}
    place = ["input", "targetingData", "firstPartyDataInclusionIds"]
    if not given:
        return [], [{"field": place, "message": "A seed needs data."}]
    unknown = [each for each in given if each not in known]
    if unknown:
        return [], [{"field": place, "message": f"First-party data {unknown[0][:32]} is not known for this advertiser."}]
    return [known[each] for each in given], []


def _of_room(read: Callable[[Directory, Seed, int], Any]) -> Callable[[Seed, Info], Any]:
    return lambda seed, info: read(info.context.directory, seed, info.context.now)


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {"advertiser": _advertiser, "seed": _seed},
    "Mutation": {"seedCreate": _create, "seedUpdate": _update, "advertiserSetDefaultSeed": _set_default},
    "Advertiser": {"firstPartyData": _first_party, "seeds": _seeds},
    "FirstPartyData": {"activeUniques": _uniques},
    "Seed": {
        "status": _of_room(Directory.status),
        "activeIds": _of_room(Directory.active),
        "isDefault": lambda seed, _info: seed.default,
        "createdAt": lambda seed, _info: iso(seed.created),
        "lastUpdatedAt": lambda seed, _info: iso(seed.changed),
        "targetingData": _targeting,
    },
}
