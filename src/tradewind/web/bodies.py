"""What bodies have in common: no unknown field passes, and none is repeated in an error."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict

from tradewind.model.sync import Leaving

API = "/api/v1"
"""What every address of the API begins with."""

Id = Annotated[str, Path(min_length=1, max_length=127, description="The object's id, chosen once.")]


def text_of(media: str, read_as: str = "string") -> dict[int | str, dict[str, Any]]:
    """How a route describes an answer that is a text and no JSON, and as what it is read."""
    return {200: {"description": "The text.", "content": {media: {"schema": {"type": read_as}}}}}


_LEAVING = "How people leave a segment that is given up: taken out (empty), or left until their time ends (let_expire)."

How = Annotated[Leaving | None, Query(alias="leaving", description=_LEAVING)]


class Body(BaseModel):
    """Forbids what it does not know."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
