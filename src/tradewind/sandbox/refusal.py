"""A request or a line that the emulated platform does not accept, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from tradewind.sandbox.wire import Answer


class Refused(Exception):
    """The whole request is refused: nothing of it is applied."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        return Answer(self.status, orjson.dumps({"ErrorCode": self.code, "Message": self.message}))


class LineRefused(Exception):
    """One item, or one entry of its `Data`, is refused; the lines around it stand."""

    def __init__(self, code: str, message: str, *, data_name: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data_name = code, message, data_name


@dataclass(frozen=True, slots=True)
class FailedLine:
    """One entry of `FailedLines`. Numbers count from 1 and travel as text."""

    code: str
    message: str
    item: str | None
    data: str | None = None
    data_name: str | None = None

    def upload_line(self) -> dict[str, Any]:
        """As `POST /data/advertiser` answers it."""
        return {
            "TDID": None,
            "DataName": self.data_name,
            "ErrorCode": self.code,
            "Message": self.message,
            "ItemNumber": self.item,
            "DataNumber": self.data,
        }

    def deletion_line(self, advertiser: str) -> dict[str, Any]:
        """As `POST /data/deletion-optout/advertiser` answers it."""
        return {
            "AdvertiserId": advertiser,
            "DataProviderId": None,
            "TDID": None,
            "ErrorCode": self.code,
            "Message": self.message,
            "ItemNumber": self.item,
            "DataNumber": None,
        }
