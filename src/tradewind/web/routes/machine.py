"""The installation as a whole: is everything in order, and is the record whole."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from tradewind.operations import doctor, ledger
from tradewind.operations.doctor import Finding
from tradewind.web.bodies import API
from tradewind.web.gate import Administrator
from tradewind.web.words import Said

router = APIRouter(prefix=API, tags=["machine"])


class FindingView(BaseModel):
    """One thing looked at, whether it is in order, and what was found."""

    what: str
    ok: bool
    found: Said


class FindingsView(BaseModel):
    """All that was looked at; `ok` where all of it is in order."""

    ok: bool
    findings: list[FindingView]


@router.get("/doctor")
def examine(ask: Administrator) -> FindingsView:
    """Look whether everything is in order, over all projects; asks nobody outside."""
    return _view([doctor.room(ask.parts.home), *doctor.examined(ask.parts)])


@router.post("/ledger/verification")
def verify(ask: Administrator) -> FindingsView:
    """Look at every account, every named file and every membership version of all projects; changes nothing. Computed while one waits."""
    ask.note("ledger.verify", "the record")
    return _view(ledger.verify(ask.parts, lambda _what, _done, _total: None))


def _view(found: tuple[Finding, ...] | list[Finding]) -> FindingsView:
    shown = [FindingView(what=each.what, ok=each.ok, found=each.found) for each in found]
    return FindingsView(ok=all(each.ok for each in found), findings=shown)
