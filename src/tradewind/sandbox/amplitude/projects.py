"""The projects of the emulated Amplitude, and who is asking: an API key and a secret key, by HTTP Basic."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tradewind.sandbox.amplitude.denial import Denied


class Region(StrEnum):
    """Two data centres that know nothing of each other's projects."""

    US = "us"
    EU = "eu"


@dataclass(frozen=True, slots=True)
class Project:
    """An Amplitude project: its number (`app_id`), its keys, and where it lives."""

    app: int
    name: str
    region: Region
    api_key: str
    secret_key: str

    def shown(self) -> dict[str, Any]:
        """As the sandbox lists it, keys included."""
        return {"app": self.app, "region": self.region, "name": self.name, "api_key": self.api_key, "secret_key": self.secret_key}


def _project(app: int, region: Region) -> Project:
    return Project(app, f"Sandbox project {app}", region, f"sandbox-api-key-{app}", f"sandbox-secret-key-{app}")


BUILT_IN = {project.app: project for project in (_project(100001, Region.US), _project(100002, Region.US), _project(200001, Region.EU))}
"""The projects every sandbox has, by number. Their keys are public: nothing here guards anything."""


def check(region: Region, headers: Mapping[str, str]) -> Project:
    """The project of this region that the request speaks for; header names are lower case.

    Raises Denied: 401 without keys, 403 for wrong ones.
    """
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Denied(401, "unauthorized", "Missing API/Secret Key", headers={"WWW-Authenticate": 'Basic realm="Amplitude"'})
    try:
        api_key, _, secret_key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        api_key = secret_key = ""
    for project in BUILT_IN.values():
        if project.region is region and _same(project.api_key, api_key) and _same(project.secret_key, secret_key):
            return project
    raise wrong_keys()


def wrong_keys() -> Denied:
    """What keys of no project, or of another region's, are told."""
    return Denied(403, "unspecified", "Invalid API/Secret Key combination")


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())
