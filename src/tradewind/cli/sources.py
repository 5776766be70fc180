"""`tradewind sources`: places outside where cohorts and events are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.connections import NOT_READY, secret_from
from tradewind.cli.place import parts_of, project_of
from tradewind.cli.show import Json
from tradewind.operations.plain import plain

if TYPE_CHECKING:
    from tradewind.model.source import KeyPair
    from tradewind.operations.sources import Shown

app = typer.Typer(help="Places outside where cohorts and events are kept: Amplitude.", no_args_is_help=True)

SourceId = Annotated[str, typer.Argument(metavar="ID", help="The source's id.")]
ApiKeyEnv = Annotated[str | None, typer.Option(help="Read the API key from this environment variable.")]
ApiKeyFile = Annotated[Path | None, typer.Option(help="Read the API key from this file.")]
SecretKeyEnv = Annotated[str | None, typer.Option(help="Read the secret key from this environment variable.")]
SecretKeyFile = Annotated[Path | None, typer.Option(help="Read the secret key from this file.")]
Region = Annotated[str, typer.Option(help="Where the project lives at Amplitude: us or eu; there is no default.")]


@app.command()
def add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What it is: amplitude.")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="The source's id, chosen once.")],
    region: Region,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    app_: Annotated[int | None, typer.Option("--app", help="Amplitude's number of the project, for people to read.")] = None,
    api_key_env: ApiKeyEnv = None,
    api_key_file: ApiKeyFile = None,
    secret_key_env: SecretKeyEnv = None,
    secret_key_file: SecretKeyFile = None,
    as_json: Json = False,
) -> None:
    """Add a source. Its two keys are asked for, or read from environment variables or files; they are sealed and never shown."""
    from tradewind.model.source import Source
    from tradewind.operations import sources

    with parts_of(context) as parts:
        source = Source(project_of(context), id_, name or id_, sources.kind(kind), region, app_)
        parts.amplitude.check_region(region)
        saved = sources.add(parts, source, _keys(api_key_env, api_key_file, secret_key_env, secret_key_file))
    if as_json:
        show.print_json(saved)
    else:
        show.line(f"Source '{saved.id}' is saved, in region {saved.region}. Its keys are sealed.")
        show.line(f"See whether they work with: tradewind sources test {saved.id}")


@app.command()
def change(
    context: typer.Context,
    id_: SourceId,
    region: Annotated[str | None, typer.Option(help="Another region: us or eu.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    app_: Annotated[int | None, typer.Option("--app", help="Another number of the project.")] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Ask for both keys anew.")] = False,
    api_key_env: ApiKeyEnv = None,
    api_key_file: ApiKeyFile = None,
    secret_key_env: SecretKeyEnv = None,
    secret_key_file: SecretKeyFile = None,
    as_json: Json = False,
) -> None:
    """Change a source: its region, its name, or both keys. What is not named stays."""
    from tradewind.operations import sources

    given = (api_key_env, api_key_file, secret_key_env, secret_key_file)
    with parts_of(context) as parts:
        parts.sources.one(project_of(context), id_)
        pair = _keys(*given) if keys or any(given) else None
        saved = sources.change(parts, project_of(context), id_, sources.Change(name, region, app_, pair))
    if as_json:
        show.print_json(saved)
    else:
        show.line(f"Source '{saved.id}' is saved, in region {saved.region}.{' Its keys are sealed.' if pair else ''}")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the project's sources. Keys are never shown; a fingerprint tells whether they changed."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        found = [sources.shown(parts, each.project, each.id) for each in parts.sources.all(project_of(context))]
    if as_json:
        show.print_json({"sources": [_document(each) for each in found]})
    elif not found:
        show.line("No sources yet. Add one with: tradewind sources add amplitude --help")
    else:
        rows = [
            (s.source.id, s.source.name, s.source.kind.value, s.source.region, s.keys or "none", f"{s.budget.left} of {s.budget.allowed}")
            for s in found
        ]
        show.table("", ("source", "name", "kind", "region", "keys", "downloads left"), rows)


@app.command("show")
def show_(context: typer.Context, id_: SourceId, as_json: Json = False) -> None:
    """Show a source: where it is, what is left of the month's downloads, and the cohorts pulled through it. Asks nobody outside."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        found = sources.shown(parts, project_of(context), id_)
    if as_json:
        show.print_json(_document(found))
        return
    source, budget = found.source, found.budget
    show.line(f"{source.name} ({source.id}): {source.kind.value}, region {source.region}{f', project {source.app}' if source.app else ''}")
    show.line(f"Keys: {f'sealed, fingerprint {found.keys}' if found.keys else 'none yet'}")
    show.line(
        f"Downloads: {budget.spent:,} of {budget.allowed:,} in the last 31 days, by all sources with this API key; {budget.left:,} left"
    )
    if budget.next_free:
        show.line(f"The next is free at {budget.next_free:%Y-%m-%d %H:%M} UTC.")
    show.line(f"Cohorts: {', '.join(found.cohorts) or 'none is pulled through it'}")


@app.command("test")
def prove(context: typer.Context, id_: SourceId, as_json: Json = False) -> None:
    """Ask for the list of cohorts, and say whether the keys work; and if not, whether they are wrong or the region is."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        tested = sources.test(parts, project_of(context), id_)
    if as_json:
        show.print_json(tested)
    else:
        show.line(f"{'Ready' if tested.ready else 'Not ready'}: {tested.sentence}")
    if not tested.ready:
        raise typer.Exit(NOT_READY)


@app.command()
def remove(context: typer.Context, id_: SourceId, as_json: Json = False) -> None:
    """Remove a source and its keys. Refused while a cohort uses it."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        sources.remove(parts, project_of(context), id_)
    if as_json:
        show.print_json({"removed": id_})
    else:
        show.line(f"Source '{id_}' is removed, with its keys.")


def _keys(api_key_env: str | None, api_key_file: Path | None, secret_key_env: str | None, secret_key_file: Path | None) -> KeyPair:
    from tradewind.operations import sources

    return sources.key_pair(
        secret_from(api_key_env, api_key_file, "--api-key", "API key"),
        secret_from(secret_key_env, secret_key_file, "--secret-key", "secret key"),
    )


def _document(shown: Shown) -> dict[str, object]:
    """What a program reads of a source."""
    budget = {"spent": shown.budget.spent, "allowed": shown.budget.allowed, "left": shown.budget.left, "next_free": shown.budget.next_free}
    return {**plain(shown.source), "keys_fingerprint": shown.keys, "downloads": budget, "cohorts": list(shown.cohorts)}
