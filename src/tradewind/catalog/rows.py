"""Rows of the catalog's tables as what they stand for, and back; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

from pydantic import TypeAdapter

from tradewind.cohorts.document import read_value
from tradewind.cohorts.parse import parse_cohort, to_document
from tradewind.database import aware
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Auth, Connection
from tradewind.model.identifier import IdentityMap
from tradewind.model.sync import Cadence, Holdout, Leaving, Only, Parting, Recency, Refresh, Sync, SyncState

_IDENTITY = TypeAdapter(IdentityMap)


def definition_of(cohort: Cohort) -> dict[str, object]:
    """What a cohort asks for, as YAML has it."""
    return {name: value for name, value in to_document(cohort).items() if name not in {"id", "name", "kind"}}


def cohort_from(row: Any) -> Cohort:
    """A cohort of its row."""
    document = {"id": row.id, "name": row.name, "kind": row.kind, **row.definition}
    return replace(parse_cohort(read_value(document, f"cohort {row.id}"), row.project), version=row.version)


def connection_row(connection: Connection) -> dict[str, Any]:
    """The row of a connection."""
    return {
        "project": connection.project, "id": connection.id, "name": connection.name, "destination": connection.destination,
        "advertiser": connection.advertiser, "region": connection.region, "auth": connection.auth.value,
        "identity": _IDENTITY.dump_python(connection.identity, mode="json"),
        "version": connection.version, "paused": connection.paused,
    }  # fmt: skip


def connection_from(row: Any) -> Connection:
    """A connection of its row."""
    identity = _IDENTITY.validate_python(row.identity, strict=False)
    return Connection(
        row.project, row.id, row.name, row.destination, row.advertiser, row.region, Auth(row.auth), identity, row.version, row.paused
    )


def sync_row(sync: Sync) -> dict[str, Any]:
    """The row of a sync, without what it owns."""
    return {
        "project": sync.project, "id": sync.id, "cohort": sync.cohort, "connection": sync.connection, "segment": sync.segment,
        "ttl_minutes": sync.ttl_minutes, "cadence": sync.cadence.value, "state": sync.state.value, "at": f"{sync.at:%H:%M}",
        "refresh": sync.refresh.value, "recency": sync.recency.value, "cron": sync.cron,
        "holdout_percent": sync.holdout and sync.holdout.percent, "holdout_salt": sync.holdout and sync.holdout.salt,
        "split": sync.only and sync.only.split, "split_property": sync.only and sync.only.property,
        "split_value": sync.only and sync.only.value,
    } | ({"added_at": sync.added_at} if sync.added_at else {})  # fmt: skip


def sync_from(row: Any) -> Sync:
    """A sync of its row."""
    return Sync(
        row.project, row.id, row.cohort, row.connection, row.segment, row.ttl_minutes, Cadence(row.cadence), SyncState(row.state),
        time.fromisoformat(row.at), Refresh(row.refresh), Recency(row.recency), aware(row.added_at), row.cron,
        Holdout(row.holdout_percent, row.holdout_salt) if row.holdout_percent else None,
        Only(row.split, row.split_property, row.split_value) if row.split else None,
    )  # fmt: skip


def parting_from(row: Any) -> Parting:
    """A parting of its row."""
    return Parting(row.target, Leaving(row.how), row.until and aware(row.until), row.reason, aware(row.at))
