"""`tradewind backup` and `tradewind restore`: everything a home holds, in one sealed file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.connections import secret_from
from tradewind.cli.place import me, parts_of
from tradewind.cli.show import Json
from tradewind.errors import LedgerError

PassphraseEnv = Annotated[str | None, typer.Option(help="Read the passphrase from this environment variable.")]
PassphraseFile = Annotated[Path | None, typer.Option(help="Read the passphrase from this file.")]


def add_to(app: typer.Typer) -> None:
    """Hang both commands onto the app."""
    app.command()(backup)
    app.command()(restore)


def backup(
    context: typer.Context,
    place: Annotated[Path, typer.Argument(help="A new file, or a folder in which it gets a name by the time.")],
    passphrase_env: PassphraseEnv = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Write everything the home holds into one file, sealed by a passphrase, also beside a running server.

    The home's file `key` and its settings are not in it: keep them elsewhere, or the secrets in it open for nobody.
    """
    from tradewind.operations import backup as operation

    passphrase = secret_from(passphrase_env, passphrase_file, "--passphrase", "passphrase")
    with parts_of(context) as parts, show.bar("packing", in_bytes=True) as move:
        made = operation.make(parts, place, passphrase.value, me(), move)
    if as_json:
        show.print_json(made)
        return
    show.line(f"{made.path}: {made.files:,} files, {made.bytes / 1e6:,.1f} MB, as of {made.made_at:%Y-%m-%d %H:%M:%S} UTC.")
    show.line("It opens with the passphrase alone; its secrets open with the home's file 'key', which is not in it.")


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    into: Annotated[Path, typer.Option(help="The home to make of it: a folder that does not exist yet, or is empty.")],
    home_key: Annotated[Path, typer.Option(help="The file 'key' of the home that was backed up.")],
    passphrase_env: PassphraseEnv = None,
    passphrase_file: PassphraseFile = None,
    verify: Annotated[bool, typer.Option("--verify", help="Then check the whole record, as `ledger verify` does.")] = False,
    as_json: Json = False,
) -> None:
    """Make a home of a backup, whole or not at all. Every sync is paused then, and its next run sends everybody anew."""
    from tradewind.app import restore_home

    passphrase = secret_from(passphrase_env, passphrase_file, "--passphrase", "passphrase")
    with show.bar("restoring", in_bytes=True) as move:
        done, findings = restore_home(file, passphrase.value, into, home_key, me(), move, verify=verify)
    wrong = [each for each in findings if not each.ok]
    if as_json:
        show.print_json({"restored": done, "findings": findings if verify else None})
    else:
        show.line(f"{into}: {done.files:,} files of a backup of {done.made_at[:16].replace('T', ' ')} UTC.")
        show.line(f"{len(done.paused):,} syncs are paused, and {done.doubted:,} segments are in doubt until their syncs run again.")
        for sync in done.paused:
            project, _, name = sync.partition("/")
            show.line(f"  tradewind --project {project} syncs resume {name}")
        show.line("Who said no since the backup has to be entered again before that: tradewind privacy opt-out.")
        for each in (*done.left, *(f"NOT OK: {each.what}: {each.found}" for each in wrong)):
            show.line(each)
        if verify and not wrong:
            show.line("The record is whole.")
    if wrong:
        raise typer.Exit(LedgerError.exit_code)
