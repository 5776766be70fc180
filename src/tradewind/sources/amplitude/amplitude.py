"""Amplitude as the product asks it: which regions there are, with whose keys, and what a cohort there holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradewind.clock import Clock
from tradewind.errors import ConfigurationError, DefinitionError, RefusedKeyError
from tradewind.model.cohort import Pulled
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.model.source import KeyPair, Source
from tradewind.sources.amplitude import pulling
from tradewind.sources.amplitude.base import Account, Client, Pace
from tradewind.sources.amplitude.budget import Budget
from tradewind.sources.amplitude.sql import Downloads
from tradewind.vault.sql import KEY_PAIR, Vault

HOSTS = {"us": "https://amplitude.com", "eu": "https://analytics.eu.amplitude.com"}
"""Region -> where its API answers."""

SANDBOX, SANDBOX_EU = "sandbox", "sandbox-eu"

OTHER = {"us": "eu", "eu": "us", SANDBOX: SANDBOX_EU, SANDBOX_EU: SANDBOX}
"""Region -> the one that a key may belong to instead."""

Connect = Callable[[Account, Pace, Clock], Client]
"""Makes what asks with an account's keys, at the pace of all who do."""


def hosts(sandbox: str | None, sandbox_eu: str | None) -> dict[str, str]:
    """The regions there are, with their addresses; those of a sandbox only where it has one."""
    return HOSTS | {region: url for region, url in ((SANDBOX, sandbox), (SANDBOX_EU, sandbox_eu)) if url}


@dataclass(frozen=True)
class Amplitude:
    """Everything that is asked of Amplitude goes through here, with the keys of a source."""

    hosts: Mapping[str, str]
    vault: Vault
    downloads: Downloads
    connect: Connect

    def check_region(self, region: str) -> None:
        """Raise DefinitionError unless there is such a region here."""
        if region in self.hosts:
            return
        sandbox = "; a sandbox is offered where TRADEWIND_SANDBOX_AMPLITUDE_URL names it" if region.startswith(SANDBOX) else ""
        raise DefinitionError(f"'{region[:60]}' is not a region of Amplitude; expected one of {', '.join(self.hosts)}{sandbox}")

    def client(self, source: Source, clock: Clock, region: str | None = None) -> Client:
        """What asks with the keys of a source, in its region or in another. Raises ConfigurationError when it has no keys."""
        place = region or source.region
        self.check_region(place)
        keys = self._keys(source)
        account = Account(keys.api_key, keys.secret_key, self.hosts[place])
        return self.connect(account, self.downloads.pace(source.account, clock), clock)

    def budget(self, source: Source, now: datetime) -> Budget:
        """What is left of the month's downloads, for all sources with the same API key."""
        return self.downloads.budget(source.account, now)

    def evaluate(
        self,
        source: Source,
        definition: Pulled,
        wanted: Sequence[Wanted],
        beside: Collection[Wanted],
        as_of: datetime,
        clock: Clock,
        out: Path,
    ) -> Snapshot:
        """The members of a cohort with the wanted columns, written to `out`; raises as `pulling.evaluate` does.

        `beside` is what other syncs want of the cohort too, so that they can share the download.
        """
        properties = pulling.properties_of([*wanted, *beside])
        pull = pulling.Pull(self.client(source, clock), self.downloads, source.account, definition.cohort, properties, as_of, clock)
        try:
            return pulling.evaluate(pull, wanted, out)
        except RefusedKeyError as error:
            raise RefusedKeyError(
                f"Amplitude does not know the keys of source '{source.id}' in region '{source.region}'; "
                f"test it to see whether they are wrong or of another region, with: tradewind sources test {source.id}"
            ) from error

    def _keys(self, source: Source) -> KeyPair:
        version = self.vault.latest(source.project, source.id, KEY_PAIR)
        if version is None:
            raise ConfigurationError(f"source '{source.id}' has no keys yet; give them with: tradewind sources change {source.id}")
        return KeyPair.of(self.vault.open(source.project, source.id, version, KEY_PAIR))
