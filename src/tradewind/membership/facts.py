"""What is believed of identifiers, said once for all of whom it is true, and how an outcome changes it; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.membership.rows import Flags
from tradewind.model.plan import Operation

MOMENTS = ("since", "expires_from", "expires_until", "unknown_since", "late_add", "late_remove")
FACT = np.dtype([*((name, np.int64) for name in MOMENTS), ("leaving", np.bool_), ("batch", np.int64)])
"""What is believed of an identifier: moments in microseconds of UTC, or NEVER, and the batch of the run that said so last.

The true expiry lies between `expires_from` and `expires_until`; they differ only where an outcome is unknown, and then
`leaving` says whether the last wish was a removal. `late_add` and `late_remove` are when the last request began that may still
add or remove it though its answer was lost. One that was removed for certain while such a request may be under way stays on
record, as `leaving` with nothing unknown.
"""

FATE = np.dtype([("outcome", np.int8), ("stamp", np.int64), ("batch", np.int64), ("doubted", np.int64)])
"""How a batch ended, when it was stamped, its number, and when the last request with it began whose answer was lost, or NEVER."""

ACCEPTED, UNKNOWN, KEPT = "accepted", "unknown", "kept"
OUTCOMES = (ACCEPTED, UNKNOWN, KEPT)

NEVER = int(np.iinfo(np.int64).min)
"""What numpy writes for no moment."""

Facts = npt.NDArray[Any]
Fates = npt.NDArray[Any]

NOTHING: Facts = np.zeros(1, FACT)
"""The fact of an identifier of which nothing is believed."""
for _name in MOMENTS:
    NOTHING[_name] = NEVER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """A moment in microseconds of UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The moment of so many microseconds."""
    return _EPOCH + value * _MICROSECOND


def to_arrow(facts: Facts) -> pa.StructArray:
    """Facts as a column of an Arrow file."""
    columns = [pa.array(facts[name].astype("datetime64[us]"), pa.timestamp("us")) for name in MOMENTS]
    names = [*MOMENTS, "leaving", "batch"]
    return pa.StructArray.from_arrays([*columns, pa.array(facts["leaving"]), pa.array(facts["batch"])], names=names)


def from_arrow(column: Any) -> Facts:
    """The same read back. Raises ArrowInvalid where a field is lacking."""
    facts = np.zeros(len(column), FACT)
    for name in FACT.names or ():
        place = column.type.get_field_index(name)
        if place < 0:
            raise pa.ArrowInvalid(f"no field {name}")
        values = column.field(place).to_numpy(zero_copy_only=False)
        facts[name] = values.view(np.int64) if name in MOMENTS else values
    return facts


def removed(facts: Facts) -> Flags:
    """Which facts say that somebody is not there any more, for certain."""
    gone: Flags = facts["leaving"] & (facts["unknown_since"] == NEVER)
    return gone


def late(facts: Facts) -> npt.NDArray[np.int64]:
    """When the last request began that may still be applied, whatever it said."""
    latest: npt.NDArray[np.int64] = np.maximum(facts["late_add"], facts["late_remove"])
    return latest


def after(before: Facts, fates: Fates, operation: Operation, ttl: timedelta) -> tuple[Facts, Flags]:
    """What is believed once a wish had an outcome, and of whom nothing more is: one row of `before` with one of `fates` each.

    An identifier that was never applied stays as it was.
    """
    known = before["since"] != NEVER
    accepted, unknown = (fates["outcome"] == OUTCOMES.index(outcome) for outcome in (ACCEPTED, UNKNOWN))
    stamp, told = fates["stamp"], before.copy()
    told["batch"] = np.where(accepted | unknown, fates["batch"], before["batch"])
    told["unknown_since"] = np.where(unknown & (before["unknown_since"] == NEVER), stamp, before["unknown_since"])
    told["unknown_since"] = np.where(accepted, NEVER, told["unknown_since"])
    told["leaving"] = np.where(accepted | unknown, operation is Operation.REMOVE, before["leaving"])
    doubted = "late_remove" if operation is Operation.REMOVE else "late_add"
    told[doubted] = np.maximum(before[doubted], fates["doubted"])
    if operation is Operation.REMOVE:
        told["expires_from"] = np.where(accepted | unknown, np.minimum(before["expires_from"], stamp), before["expires_from"])
        told["expires_until"] = np.where(accepted, told["expires_from"], before["expires_until"])
        return told, ~known | (accepted & (late(told) == NEVER))
    expiry = stamp + ttl // _MICROSECOND
    was = known & ~removed(before)
    earliest = np.where(was, np.minimum(before["expires_from"], expiry), stamp)
    latest = np.where(was, np.maximum(before["expires_until"], expiry), expiry)
    told["since"] = np.where((accepted | unknown) & ~was, stamp, before["since"])
    told["expires_from"] = np.where(accepted, expiry, np.where(unknown, earliest, before["expires_from"]))
    told["expires_until"] = np.where(accepted, expiry, np.where(unknown, latest, before["expires_until"]))
    return told, ~known & ~accepted & ~unknown


def after_again(before: Facts, fates: Fates, operation: Operation, ttl: timedelta) -> tuple[Facts, Flags]:
    """The same of a wish that was sent a second time. Unless it was accepted, the earlier request may have undone the first."""
    told, gone = after(before, fates, operation, ttl)
    missed = (fates["outcome"] != OUTCOMES.index(ACCEPTED)) & (before["since"] != NEVER)
    doubt = before["late_add" if operation is Operation.REMOVE else "late_remove"]
    told["unknown_since"] = np.where(missed & (told["unknown_since"] == NEVER), doubt, told["unknown_since"])
    if operation is Operation.REMOVE:
        told["expires_until"] = np.where(missed, np.maximum(told["expires_until"], doubt + ttl // _MICROSECOND), told["expires_until"])
        told["leaving"] |= missed
    else:
        told["expires_from"] = np.where(missed, np.minimum(told["expires_from"], doubt), told["expires_from"])
    return told, gone


def doubted(facts: Facts, at: datetime, ttl: timedelta) -> Facts:
    """The same when anything may have been sent until an instant, and nothing of that is on record."""
    instant, told = micros(at), facts.copy()
    told["unknown_since"] = np.where(facts["unknown_since"] == NEVER, instant, facts["unknown_since"])
    told["expires_from"] = np.minimum(facts["expires_from"], instant)
    told["expires_until"] = np.maximum(facts["expires_until"], instant + ttl // _MICROSECOND)
    told["late_add"] = told["late_remove"] = instant
    return told


def settled(facts: Facts, doubted_after: int) -> Facts:
    """The same without the requests that cannot be applied any more: those that began by then."""
    told = facts.copy()
    for name in ("late_add", "late_remove"):
        told[name] = np.where(facts[name] > doubted_after, facts[name], NEVER)
    return told
