"""Every table of the product: importing this module fills the MetaData with what each room declares."""

from __future__ import annotations

from tradewind.access import sql as access
from tradewind.catalog import sql as catalog
from tradewind.catalog.sources import sql as catalog_sources
from tradewind.database import metadata
from tradewind.engines.lookalike import sql as lookalike
from tradewind.events import sql as events
from tradewind.ledger import sql as ledger
from tradewind.ledger.readings import sql as readings
from tradewind.membership import sql as membership
from tradewind.notify import sql as notify
from tradewind.privacy import sql as privacy
from tradewind.sources import sql as sources
from tradewind.sources.amplitude import sql as amplitude
from tradewind.sources.received import sql as received
from tradewind.sources.uploads import sql as uploads
from tradewind.sources.webhook import sql as webhook
from tradewind.trials import sql as trials
from tradewind.vault import sql as vault

ROOMS = (
    access,
    amplitude,
    catalog,
    catalog_sources,
    events,
    ledger,
    lookalike,
    membership,
    notify,
    privacy,
    readings,
    received,
    sources,
    trials,
    uploads,
    vault,
    webhook,
)

__all__ = ["ROOMS", "metadata"]
