"""The destination and the sandbox, which share no code, agree: on bodies, signatures, refusals, faults and probes."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from sandbox_process import SandboxProcess
from tradewind.destinations.base import Destination, Verdict
from tradewind.destinations.thetradedesk.destination import TheTradeDesk
from tradewind.door import Door
from tradewind.errors import ConfigurationError
from tradewind.model.destination import Auth, Secret
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.privacy import RequestType
from tradewind.model.run import Answer, LineClass, Receipt
from tradewind.model.sync import Binding, Target

GUIDS = [uuid.uuid5(uuid.NAMESPACE_DNS, str(number)).bytes for number in range(50)]
UID2S = [hashlib.sha256(bytes([number])).digest() for number in range(10)]
SEGMENT = "[Tradewind] Käufer & more: buyers"


@pytest.fixture
def desk(sandbox: SandboxProcess) -> Iterator[Destination]:
    with Door(deadline=2, loopback_only=True) as door:
        yield TheTradeDesk(door, sandbox.url)


def send(
    desk: Destination,
    values: list[bytes],
    *,
    operation: Operation = Operation.ADD,
    id_type: IdType = IdType.DAID,
    advertiser: str = "ready1",
    auth: Auth = Auth.SIGNATURE,
    secret: str = "sandbox-secret-ready1",
) -> Receipt:
    target = Target("t", desk.url("sandbox"), advertiser, SEGMENT)
    binding = Binding("b1", "default", "acme", target, 1, auth.value, 43_200, IdentityMap(()))
    batch = Batch(1, 0, 0, len(values), operation, id_type, datetime.now(UTC).replace(microsecond=0))
    return desk.send(desk.prepare(binding, batch, pa.array(values, pa.binary()), Secret(secret)))


def test_every_type_arrives_and_leaves_again(sandbox: SandboxProcess, desk: Destination) -> None:
    wanted = {("DAID", str(uuid.UUID(bytes=value))) for value in GUIDS} | {("TDID", str(uuid.UUID(bytes=GUIDS[0])))}
    wanted |= {("UID2", base64.b64encode(value).decode()) for value in UID2S}
    signed, other = send(desk, GUIDS), send(desk, GUIDS[:1], id_type=IdType.TDID)
    token = send(desk, UID2S, id_type=IdType.UID2, auth=Auth.TOKEN, secret="sandbox-token-ready1")
    for receipt in (signed, other, token):
        assert replace(receipt, request_id=None) == Receipt(Answer.APPLIED, status=200)
    assert sandbox.members("ready1", SEGMENT) == wanted
    assert send(desk, GUIDS, operation=Operation.REMOVE).answer is Answer.APPLIED
    assert sandbox.members("ready1", SEGMENT) == {pair for pair in wanted if pair[0] != "DAID"}


def test_refused_items_are_told_by_position(sandbox: SandboxProcess, desk: Destination) -> None:
    sandbox.faults({"kind": "refuse_items", "every": 25})
    receipt = send(desk, GUIDS)
    assert receipt.answer is Answer.APPLIED
    refused = {line.item for line in receipt.lines}
    assert {line.line_class for line in receipt.lines} == {LineClass.ROW}
    assert sandbox.members("ready1", SEGMENT) == {
        ("DAID", str(uuid.UUID(bytes=value))) for item, value in enumerate(GUIDS) if item not in refused
    }
    assert len(refused) == 2


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"kind": "throttle", "retry_after": 7}, Answer.THROTTLED),
        ({"kind": "error", "status": 503}, Answer.UNKNOWN),
        ({"kind": "error", "status": 500, "applied": True}, Answer.UNKNOWN),
        ({"kind": "lost"}, Answer.UNKNOWN),
        ({"kind": "unread"}, Answer.UNKNOWN),
        ({"kind": "torn"}, Answer.UNKNOWN),
        ({"kind": "drip", "seconds": 0.2}, Answer.UNKNOWN),
        ({"kind": "late", "seconds": 5}, Answer.UNKNOWN),
        ({"kind": "flood"}, Answer.UNKNOWN),
        ({"kind": "html", "status": 200}, Answer.UNKNOWN),
        ({"kind": "too_large", "over_items": 10}, Answer.TOO_LARGE),
        ({"kind": "bad_request"}, Answer.POISONED),
        ({"kind": "refuse_items", "every": 25, "number": "0"}, Answer.UNATTRIBUTED),
        ({"kind": "answer", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, Answer.MISDIRECTED),
    ],
    ids=lambda given: str(given)[:50],
)
def test_faults(sandbox: SandboxProcess, desk: Destination, fault: dict[str, Any], answer: Answer) -> None:
    sandbox.faults(fault)
    receipt = send(desk, GUIDS)
    assert (receipt.answer, receipt.lines) == (answer, ())
    assert receipt.wait == (7.0 if answer is Answer.THROTTLED else None)
    assert not {str(uuid.UUID(bytes=value)) for value in GUIDS} & set(receipt.note.split())
    assert replace(send(desk, GUIDS), request_id=None) == Receipt(Answer.APPLIED, status=200), "the next request is answered for itself"


@pytest.mark.parametrize("auth", list(Auth))
@pytest.mark.parametrize(
    ("advertiser", "answer", "verdict"),
    [
        ("ready1", Answer.APPLIED, Verdict.READY),
        ("wrongsecret1", Answer.FORBIDDEN, Verdict.REFUSED),
        ("notconfigured1", Answer.FORBIDDEN, Verdict.NOT_CONFIGURED),
        ("forbidden1", Answer.FORBIDDEN, Verdict.REFUSED),
        ("nobody1", Answer.FORBIDDEN, Verdict.REFUSED),
    ],
)
def test_accounts_and_probes(
    sandbox: SandboxProcess, desk: Destination, auth: Auth, advertiser: str, answer: Answer, verdict: Verdict
) -> None:
    secret = f"sandbox-{'token' if auth is Auth.TOKEN else 'secret'}-{advertiser}"
    assert send(desk, GUIDS, advertiser=advertiser, auth=auth, secret=secret).answer is answer
    probe = desk.probe(sandbox.url, advertiser, auth, Secret(secret))
    assert (probe.verdict, probe.ready) == (verdict, verdict is Verdict.READY)
    assert secret not in probe.proved


def test_a_notice_is_understood_with_every_type_and_credential(sandbox: SandboxProcess, desk: Destination) -> None:
    """People leave every segment of the advertiser, and the platform has heard what was asked; told twice, nothing is amiss."""
    send(desk, GUIDS)
    send(desk, UID2S, id_type=IdType.UID2)
    url, key, token = desk.url("sandbox"), Secret("sandbox-secret-ready1"), Secret("sandbox-token-ready1")
    for kind, id_type, values, auth, secret in (
        (RequestType.OPT_OUT, IdType.DAID, GUIDS[:3], Auth.SIGNATURE, key),
        (RequestType.DELETION, IdType.UID2, [*UID2S[:2], b"\x81" + UID2S[2]], Auth.TOKEN, token),
        (RequestType.DELETION, IdType.TDID, GUIDS[:3], Auth.SIGNATURE, key),
        (RequestType.OPT_OUT, IdType.DAID, GUIDS[:3], Auth.SIGNATURE, key),
    ):
        request = desk.prepare_notice(url, "ready1", auth, kind, id_type, pa.array(values, pa.binary()), secret)
        assert replace(desk.send(request), request_id=None) == Receipt(Answer.APPLIED, status=200)
    assert len(sandbox.members("ready1", SEGMENT)) == len(GUIDS) - 3 + len(UID2S) - 2
    heard = sandbox.get("/_sandbox/deletions")
    assert [each["request_type"] for each in heard] == ["OptOut"] * 3 + ["Deletion"] * 6 + ["OptOut"] * 3
    assert heard[5]["id"] == base64.b64encode(b"\x81" + UID2S[2]).decode()


def test_a_notice_to_a_stranger_is_refused(desk: Destination) -> None:
    """An address of no region is never signed for, and a wrong secret is told apart from a refused item."""
    ids = pa.array(GUIDS[:1], pa.binary())
    with pytest.raises(ConfigurationError, match="of no region"):
        desk.prepare_notice("https://evil.invalid", "ready1", Auth.SIGNATURE, RequestType.OPT_OUT, IdType.DAID, ids, Secret("s3cret"))
    wrong = desk.prepare_notice(desk.url("sandbox"), "ready1", Auth.SIGNATURE, RequestType.OPT_OUT, IdType.DAID, ids, Secret("s3cret"))
    assert desk.send(wrong).answer is Answer.FORBIDDEN
