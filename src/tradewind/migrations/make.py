"""Writes the next revision from what the rooms declare: `python -m tradewind.migrations.make "what changed"`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from tradewind.database import Database
from tradewind.migrations import FOLDER, configuration, database_upgrade, latest
from tradewind.migrations.schema import metadata


def make(message: str) -> Path:
    """Compare an empty database at the newest revision with the declared tables, and write the difference as a file."""
    number = f"{int(latest() or 0) + 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database.at(Path(folder))
        database_upgrade(database)
        with database.transaction() as transaction:
            config = configuration(transaction)
            config.attributes["metadata"] = metadata
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(config, message, autogenerate=True, rev_id=number)
        database.close()
    path = next((FOLDER / "versions").glob(f"{number}_*.py"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")))
    return path


if __name__ == "__main__":
    path = make(" ".join(sys.argv[1:]) or sys.exit('say what changed: python -m tradewind.migrations.make "what changed"'))
    for tidy in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, str(path)], check=True)  # noqa: S603  our own arguments
    sys.stdout.write(f"{path}\n")
