"""ETags of what people change: whoever edits an old copy of a cohort, a connection or a sync overwrites nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Header, Response

from tradewind.catalog.rules import NOTHING, tag
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Connection
from tradewind.model.sync import Sync
from tradewind.parts import Parts
from tradewind.web.problems import Refusal

_MEANING = "The `ETag` of what was read: the change is made only while it is still so, else answered with 412."

Match = Annotated[str | None, Header(alias="If-Match", max_length=100, description=_MEANING)]

Unless = Annotated[Literal["*"] | None, Header(alias="If-None-Match", description="`*`: only where nothing has this id.")]

_TAG = re.compile(r'"([0-9a-f]{16})"')


def show_tag(response: Response, thing: Cohort | Connection | Sync) -> None:
    """Give the tag of what is answered."""
    response.headers["ETag"] = f'"{tag(thing)}"'


def matching(parts: Parts, match: str | None, unless: str | None = None) -> Parts:
    """The parts, whose catalog changes only what has this tag, or `unless` there is something. Raises Refusal for a text that is no tag."""
    if unless:
        return replace(parts, catalog=parts.catalog.only_if(NOTHING))
    if match is None:
        return parts
    found = _TAG.fullmatch(match.strip())
    if not found:
        raise Refusal(400, "If-Match is none of this API's tags; send the ETag of one answer as it came, with its quotes")
    return replace(parts, catalog=parts.catalog.only_if(found[1]))
