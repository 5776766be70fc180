"""Events: what they name."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from tradewind.operations import events
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Viewer

router = APIRouter(prefix=f"{API}/projects/{{project}}/events", tags=["events"])


class HappenedView(BaseModel):
    """A kind of event and how many of it the newest files hold."""

    name: str
    count: int


class WordsView(BaseModel):
    """What rules can speak of: kinds of event, the most frequent first, and properties by name. `newest` is when the last event was."""

    events: list[HappenedView]
    event_properties: list[str]
    user_properties: list[str]
    newest: datetime | None


@router.get("/words")
def words(ask: Viewer, project: Id) -> WordsView:
    """What the project's events name, for whoever writes a rule; rare names may be absent."""
    return WordsView.model_validate(events.words(ask.request.app.state.small, project), from_attributes=True)
