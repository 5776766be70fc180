"""Which files of this machine may be read as tables: those inside a few folders, wherever links lead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tradewind.errors import DefinitionError

MOST_FILES = 100_000

OWN = "tables"
"""The folder of a home in which tables may lie; nothing else of a home is one."""

_SETTING = "TRADEWIND_TABLE_FOLDERS"


@dataclass(frozen=True)
class Folders:
    """The folders in which tables may lie, and the home, of which no other folder is read whatever they say."""

    allowed: tuple[Path, ...]
    home: Path

    def place(self, path: str) -> Path:
        """The folder or file that `path` names, whole or from one of the folders, without links.

        Raises DefinitionError when it is not there, or is not inside.
        """
        found = next((whole for folder in self.allowed if (whole := folder / path).exists()), None)
        if found is None:
            raise DefinitionError(f"there is no '{path}' in {self._named()}, where tables may lie; put it there, or set {_SETTING}")
        return self._inside(found, self.allowed)

    def files(self, folder: Path, pattern: str) -> tuple[Path, ...]:
        """The files of a folder that a pattern names, without links, in order; no hidden ones, and none that begin with `_`.

        Raises DefinitionError when there are none or too many, or one cannot be read as a file of this folder.
        """
        found = [path for path in folder.glob(pattern) if _counts(path.relative_to(folder)) and not path.is_dir()]
        if not found:
            raise DefinitionError(f"there is no file '{pattern}' in {folder}")
        if len(found) > MOST_FILES:
            raise DefinitionError(f"'{pattern}' names {len(found):,} files in {folder}; at most {MOST_FILES:,} are read")
        return tuple(sorted(self._inside(path, (folder,)) for path in found))

    def _inside(self, path: Path, folders: tuple[Path, ...]) -> Path:
        real = path.resolve()
        if not any(real.is_relative_to(folder.resolve()) for folder in folders):
            where = self._named() if folders == self.allowed else folders[0]
            raise DefinitionError(f"'{path}' lies or leads outside of {where}, and is not read; a folder more stands in {_SETTING}")
        home = self.home.resolve()
        if home.is_relative_to(real) or (real.is_relative_to(home) and not real.is_relative_to(home / OWN)):
            raise DefinitionError(f"'{path}' is of this product's own home, of which only the folder '{OWN}' is read")
        if not real.is_dir() and not real.is_file():
            raise DefinitionError(f"'{path}' is no regular file, and is not read")
        if any(letter in str(real) for letter in "*?["):
            raise DefinitionError(f"the name of '{path}' has a letter that stands for others (* ? [), and is not read; rename it")
        return real

    def _named(self) -> str:
        return " or ".join(map(str, self.allowed))


def _counts(relative: Path) -> bool:
    """Whether it is data, and not what a writer lays beside it."""
    return not any(part.startswith((".", "_")) for part in relative.parts)
