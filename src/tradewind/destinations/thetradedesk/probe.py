"""What the answer to a request without items proves of an account, and what it cannot; pure."""

from __future__ import annotations

import re

from tradewind.destinations.base import Probe, Verdict
from tradewind.destinations.thetradedesk.answer import NOT_CONFIGURED, scrub

_MISSING_ITEMS = re.compile(r"missing[^.]*items|items[^.]*missing|no items", re.IGNORECASE)

_UNPROVED_WHEN_READY = (
    "that an identifier is accepted, that the segment may be created, or that anybody is reached; "
    "tradewind connections test --live goes one step further, with one identifier of your own"
)
_UNPROVED = "anything of the account: put this right and test again"
_UNPROVED_BEHIND = "whether identifiers would be accepted: put this right and test again"


def read_probe(status: int | None, said: str) -> Probe:
    """Judge an answer by status and text; a status of None means that no whole answer came, and `said` why.

    A page (of a portal in between, say) is no answer of the platform, whatever its status.
    """
    if status is None:
        return Probe(Verdict.UNREACHABLE, f"the platform did not answer: {said}; check the network and firewall of this machine", _UNPROVED)
    if (status == 200 and said.lstrip().startswith("{")) or (status == 400 and _MISSING_ITEMS.search(said)):
        proved = "advertiser id, secret and region fit together, and this advertiser may upload data"
        return Probe(Verdict.READY, proved, _UNPROVED_WHEN_READY, status)
    if status in {400, 403} and NOT_CONFIGURED.search(said):
        proved = (
            "id and secret are known, but this advertiser is not configured: its paid plan or its data upload is not enabled; "
            "ask the advertiser's account manager at the platform to enable first-party data upload"
        )
        return Probe(Verdict.NOT_CONFIGURED, proved, _UNPROVED_BEHIND, status)
    verdict, proved = _others(status)
    quoted = f"; it said: {scrub(said)}" if scrub(said) else ""
    return Probe(verdict, f"{proved} (status {status}){quoted}", _UNPROVED, status)


def _others(status: int) -> tuple[Verdict, str]:
    if status in {401, 403}:
        return Verdict.REFUSED, (
            "the platform answered and refused: the advertiser id, the secret or the region is wrong, or the token has expired "
            "or is not for the Data API; compare them with the advertiser's preferences there, or ask its account manager"
        )
    if status == 429:
        return Verdict.THROTTLED, "the platform answered that it is asked too often; test again in a few minutes"
    if status >= 500:
        return Verdict.UNREACHABLE, "the platform answered that it is in trouble itself; test again later"
    if 200 <= status < 500 and status != 400:
        return Verdict.MISDIRECTED, "something answered that is not the platform's data upload: check the region, and any proxy in between"
    return Verdict.UNCLEAR, "the platform answered in a way that is not known; ask the advertiser's account manager with what it said"
