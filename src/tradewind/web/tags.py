"""ETags of what people change: whoever edits an old copy of a cohort, a connection or a sync overwrites nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated

from fastapi import Header, Response

from tradewind.catalog.rules import tag
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Connection
from tradewind.model.sync import Sync
from tradewind.parts import Parts
from tradewind.web.problems import Refusal

_MEANING = "The `ETag` of what was read: the change is made only while it is still so, else answered with 412."

Match = Annotated[str | None, Header(alias="If-Match", max_length=100, description=_MEANING)]

_TAG = re.compile(r'"([0-9a-f]{16})"')


def show_tag(response: Response, thing: Cohort | Connection | Sync) -> None:
    """Give the tag of what is answered."""
    response.headers["ETag"] = f'"{tag(thing)}"'


def matching(parts: Parts, match: str | None) -> Parts:
    """The parts, whose catalog changes only what has this tag. Raises Refusal for a text that is the tag of nothing."""
    if match is None:
        return parts
    found = _TAG.fullmatch(match.strip())
    if not found:
        raise Refusal(400, "If-Match is none of this API's tags; send the ETag of one answer as it came, with its quotes")
    return replace(parts, catalog=parts.catalog.only_if(found[1]))
