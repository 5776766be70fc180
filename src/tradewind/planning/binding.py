"""What a request must agree with, pinned under an id made of its content; pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from tradewind.model.destination import Connection
from tradewind.model.identifier import IdentityMap
from tradewind.model.sync import Binding, Sync, Target


def target_of(url: str, advertiser: str, segment: str) -> Target:
    """The place of a membership; equal places have equal ids."""
    return Target(_digest(url, advertiser, segment), url, advertiser, segment)


def bind(sync: Sync, connection: Connection, url: str, secret_version: int, identity: IdentityMap) -> Binding:
    """The binding of a sync as things stand now. Any change of a part of it gives another id."""
    target = target_of(url, connection.advertiser, sync.segment)
    auth = connection.auth.value
    pinned = (target, secret_version, auth, sync.ttl_minutes, identity, connection.destination)
    content = (sync.project, connection.id, target.id, str(secret_version), auth, str(sync.ttl_minutes), repr(identity))
    return Binding(_digest(connection.destination, *content), sync.project, connection.id, *pinned)


def with_secret(binding: Binding, version: int, auth: str) -> Binding:
    """The same place and account by another version of the secret."""
    return replace(binding, id=_digest(binding.id, str(version), auth), secret_version=version, auth=auth)


def _digest(*words: str) -> str:
    return hashlib.sha256("\x00".join(words).encode()).hexdigest()[:16]
