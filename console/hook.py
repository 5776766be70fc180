"""Builds the console into every wheel; an editable installation takes it from `./dev console`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "TRADEWIND_WITHOUT_CONSOLE"
"""Set to anything, a wheel is built without the console: for machines that reach no npm registry."""


class CustomBuildHook(BuildHookInterface[Any]):
    """What hatchling calls before it collects the files."""

    def initialize(self, version: str, _build_data: dict[str, Any]) -> None:
        """Build, unless it is an editable installation."""
        if version != "editable" and not os.environ.get(WITHOUT):
            _load(Path(self.root) / "console" / "build.py").build()


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("console_build", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
