"""What is believed of identifiers, said once for all of whom it is true, and how an outcome changes it; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.membership.rows import Flags
from tradewind.model.plan import Operation

MOMENTS = ("since", "expires_from", "expires_until", "unknown_since")
FACT = np.dtype([*((name, np.int64) for name in MOMENTS), ("leaving", np.bool_), ("batch", np.int64)])
"""What is believed of an identifier: moments in microseconds of UTC, or NEVER, and the batch of the run that said so last.

The true expiry lies between `expires_from` and `expires_until`; they differ only where an outcome is unknown, and then
`leaving` says whether the last wish was a removal.
"""

FATE = np.dtype([("outcome", np.int8), ("stamp", np.int64), ("batch", np.int64)])
"""How a batch ended, when it was stamped, and its number."""

ACCEPTED, UNKNOWN, KEPT = "accepted", "unknown", "kept"
OUTCOMES = (ACCEPTED, UNKNOWN, KEPT)

NEVER = int(np.iinfo(np.int64).min)
"""What numpy writes for no moment."""

Facts = npt.NDArray[Any]
Fates = npt.NDArray[Any]

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


def after(before: Facts, known: Flags, fates: Fates, operation: Operation, ttl: timedelta) -> tuple[Facts, Flags]:
    """What is believed once a wish had an outcome, and of whom nothing more is: one row of `before` with one of `fates` each.

    `known` says where `before` holds at all. An identifier that was never applied stays as it was.
    """
    accepted, unknown = (fates["outcome"] == OUTCOMES.index(outcome) for outcome in (ACCEPTED, UNKNOWN))
    stamp, expiry, told = fates["stamp"], fates["stamp"] + ttl // _MICROSECOND, before.copy()
    gone = ~known & ~accepted & ~unknown
    told["batch"] = np.where(accepted | unknown, fates["batch"], before["batch"])
    told["leaving"] = np.where(unknown, operation is Operation.REMOVE, before["leaving"] & ~accepted)
    told["unknown_since"] = np.where(unknown & (~known | (before["unknown_since"] == NEVER)), stamp, before["unknown_since"])
    if operation is Operation.REMOVE:
        told["expires_from"] = np.where(unknown, np.minimum(before["expires_from"], stamp), before["expires_from"])
        return told, gone | accepted | ~known
    earliest, latest = np.minimum(before["expires_from"], expiry), np.maximum(before["expires_until"], expiry)
    told["since"] = np.where(known, before["since"], stamp)
    told["unknown_since"] = np.where(accepted, NEVER, told["unknown_since"])
    told["expires_from"] = np.where(accepted, expiry, np.where(unknown, np.where(known, earliest, stamp), before["expires_from"]))
    told["expires_until"] = np.where(accepted, expiry, np.where(unknown, np.where(known, latest, expiry), before["expires_until"]))
    return told, gone
