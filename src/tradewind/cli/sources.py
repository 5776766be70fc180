"""`tradewind sources`: places outside where cohorts and events are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.connections import NOT_READY, secret_from
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.operations.plain import plain

if TYPE_CHECKING:
    from tradewind.engines.spec.ask import Answer
    from tradewind.model.source import KeyPair
    from tradewind.operations.sources import Shown

app = typer.Typer(help="Places outside where cohorts and events are kept: Amplitude, or tables of a client's own.", no_args_is_help=True)

SHOWN = 10
"""Rows that a server answers wrongly, as shown to a person."""

SourceId = Annotated[str, typer.Argument(metavar="ID", help="The source's id.")]
ApiKeyEnv = Annotated[str | None, typer.Option(help="Read the API key from this environment variable.")]
ApiKeyFile = Annotated[Path | None, typer.Option(help="Read the API key from this file.")]
SecretKeyEnv = Annotated[str | None, typer.Option(help="Read the secret key from this environment variable.")]
SecretKeyFile = Annotated[Path | None, typer.Option(help="Read the secret key from this file.")]
Region = Annotated[str | None, typer.Option(help="Where the project lives at Amplitude: us or eu; there is no default.")]
Tables = Annotated[Path | None, typer.Option("--file", help="Of kind tables: a YAML file with engine, url or path, events and people.")]


@app.command()
def add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What it is: amplitude or tables.")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="The source's id, chosen once.")],
    region: Region = None,
    file: Tables = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    app_: Annotated[int | None, typer.Option("--app", help="Amplitude's number of the project, for people to read.")] = None,
    api_key_env: ApiKeyEnv = None,
    api_key_file: ApiKeyFile = None,
    secret_key_env: SecretKeyEnv = None,
    secret_key_file: SecretKeyFile = None,
    as_json: Json = False,
) -> None:
    """Add a source. Its two keys are asked for, or read from environment variables or files; they are sealed and never shown.

    Of kind tables, the server is asked whether the tables are what the file says.
    """
    from tradewind.model.source import Source, SourceKind
    from tradewind.operations import edits, sources

    if sources.kind(kind) is SourceKind.TABLES:
        _add_tables(context, id_, name or id_, file, as_json=as_json)
        return
    if region is None:
        raise typer.BadParameter("a source in Amplitude needs a region: us or eu", param_hint="--region")
    with parts_of(context) as parts:
        source = Source(project_of(context), id_, name or id_, sources.kind(kind), region, app_)
        parts.amplitude.check_region(region)
        keys = _keys(api_key_env, api_key_file, secret_key_env, secret_key_file)
        noted(context, parts, "source.save", id_, **edits.of_source(parts, source.project, id_, sources.Change(None, region, app_, keys)))
        saved = sources.add(parts, source, keys)
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
    from tradewind.operations import edits, sources

    given = (api_key_env, api_key_file, secret_key_env, secret_key_file)
    with parts_of(context) as parts:
        parts.sources.one(project_of(context), id_)
        pair = _keys(*given) if keys or any(given) else None
        wish = sources.Change(name, region, app_, pair)
        noted(context, parts, "source.save", id_, **edits.of_source(parts, project_of(context), id_, wish))
        saved = sources.change(parts, project_of(context), id_, wish)
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
        show.table("", ("source", "name", "kind", "where", "keys", "state"), [_row(each) for each in found])


@app.command("show")
def show_(context: typer.Context, id_: SourceId, as_json: Json = False) -> None:
    """Show a source: where it is, what is left of the month's downloads, and the cohorts pulled through it; of one of tables what is read
    there, and whether its server was verified. Asks nobody outside."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        found = sources.shown(parts, project_of(context), id_)
    if as_json:
        show.print_json(_document(found))
        return
    source, budget = found.source, found.budget
    if budget is None:
        _show_tables(found)
        return
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
    """Ask for the list of cohorts, and say whether the keys work; and if not, whether they are wrong or the region is.

    Of a source of tables, ask whether they are still what it says.
    """
    from tradewind.operations import sources

    with parts_of(context) as parts:
        noted(context, parts, "source.test", id_)
        tested = sources.test(parts, project_of(context), id_)
    if as_json:
        show.print_json(tested)
    else:
        show.line(f"{'Ready' if tested.ready else 'Not ready'}: {tested.sentence}")
    if not tested.ready:
        raise typer.Exit(NOT_READY)


@app.command()
def verify(context: typer.Context, id_: SourceId, as_json: Json = False) -> None:
    """Ask the server of a source of tables every row of the cohort language, and say whether it agrees. Nothing of the client's is read."""
    from tradewind.operations import tables

    with parts_of(context) as parts, show.bar("asking") as move:
        noted(context, parts, "source.verify", id_)
        found = tables.verify(parts, project_of(context), id_, move)
    answered = found.verification
    if as_json:
        show.print_json(vars(answered) | {"wrong": [_wrong(each) for each in found.wrong]})
    else:
        show.line(f"{answered.server} agrees with {answered.agreed:,} of {answered.cases:,} rows of the cohort language.")
        for each in found.wrong[:SHOWN]:
            show.line(f"  {each.table.title}: {each.case.rule} gives {each.why or _found(each)}, not {sorted(each.expected)}")
        show.line(f"Source '{id_}' stays unverified." if found.wrong else f"Source '{id_}' is verified.")
    if found.wrong:
        raise typer.Exit(NOT_READY)


@app.command()
def remove(context: typer.Context, id_: SourceId, as_json: Json = False) -> None:
    """Remove a source and its keys. Refused while a cohort uses it."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        noted(context, parts, "source.remove", id_)
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


def _add_tables(context: typer.Context, id_: str, name: str, file: Path | None, *, as_json: bool) -> None:
    from tradewind.operations import tables

    if file is None:
        raise typer.BadParameter(
            "a source of kind tables needs a YAML file with engine, url or path, events and people", param_hint="--file"
        )
    with parts_of(context) as parts:
        noted(context, parts, "source.save", id_)
        saved = tables.add(parts, tables.read(file, project_of(context), id_, name))
    if as_json:
        show.print_json(plain(saved))
    else:
        show.line(f"Source '{saved.id}' is saved: its tables are there, as the file says.")
        show.line(f"See whether its server understands the cohort language with: tradewind sources verify {saved.id}")


def _row(shown: Shown) -> tuple[str, ...]:
    source, budget = shown.source, shown.budget
    if source.tables:
        return (
            source.id,
            source.name,
            source.kind.value,
            f"{source.tables.engine.value}, {source.tables.path or source.tables.url}",
            "",
            shown.standing,
        )
    state = f"{budget.left} of {budget.allowed} downloads left" if budget else ""
    return (source.id, source.name, source.kind.value, source.region, shown.keys or "none", state)


def _show_tables(shown: Shown) -> None:
    source = shown.source
    assert source.tables is not None
    show.line(f"{source.name} ({source.id}): tables in {source.tables.engine.value}, at {source.tables.where()}")
    show.line(f"It is {shown.standing}.")
    for rows in source.tables.rows:
        what = f"events, '{rows.event}'" if rows.event else f"events, by column {rows.event_column}" if rows.event_column else "people"
        show.line(f"  {rows.table}: {what}")
    project = f"project '{source.project}'"
    show.line(f"Behavioural cohorts of {project} are {'' if shown.answers else 'not '}answered from it.")


def _wrong(answer: Answer) -> dict[str, object]:
    return {"table": answer.table.title, "rule": answer.case.rule, "expected": sorted(answer.expected), "found": _found(answer)}


def _found(answer: Answer) -> list[str] | None:
    return None if answer.found is None else sorted(answer.found)


def _document(shown: Shown) -> dict[str, object]:
    """What a program reads of a source."""
    left = shown.budget
    if left is None:
        return {**plain(shown.source), "standing": shown.standing, "answers": shown.answers}
    budget = {"spent": left.spent, "allowed": left.allowed, "left": left.left, "next_free": left.next_free}
    return {**plain(shown.source), "keys_fingerprint": shown.keys, "downloads": budget, "cohorts": list(shown.cohorts)}
