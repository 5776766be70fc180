"""A membership of which nothing is sure any more, since the platform went on after it was written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tradewind.durable import sync
from tradewind.membership.buckets import Buckets, bucket_name
from tradewind.membership.facts import doubted
from tradewind.membership.files import believed, readable, write_bucket


def doubt(held: Buckets, *, out: Path, at: datetime, ttl: timedelta) -> tuple[Buckets, int]:
    """Write the same identifiers into the folder `out`, each unknown as of an instant; returns them, and how many they are.

    Nobody is left out, also of those who lapsed or were removed: they may have been sent again. Memory is bounded by one
    bucket. Raises EngineError when a file is gone or damaged.
    """
    whole, rows = replace(held, folder=out), 0
    out.mkdir(parents=True, exist_ok=True)
    with readable(held):
        for id_type in held.types:
            place = whole.place(id_type)
            place.mkdir(parents=True, exist_ok=True)
            for number, believes in enumerate(believed(held, id_type)):
                write_bucket(place / bucket_name(number, "arrow"), replace(believes, facts=doubted(believes.facts, at, ttl)))
                rows += len(believes)
            sync(place)
    sync(out)
    return whole, rows
