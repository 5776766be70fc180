"""`tradewind connections`: accounts at a platform."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.leaving import Empty, LetExpire, chosen, print_ended
from tradewind.cli.place import me, noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.destinations.base import Verdict
from tradewind.errors import ConfigurationError, DefinitionError, DeliveryError
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import Send
from tradewind.model.sync import Leaving
from tradewind.operations.plain import plain

app = typer.Typer(help="Accounts at a platform: advertiser, secret, region, identity map.", no_args_is_help=True)

NOT_READY, TRY_AGAIN = ConfigurationError.exit_code, DeliveryError.exit_code


@app.command()
def add(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The connection's id, chosen once.")],
    advertiser: Annotated[str, typer.Option(help="The Advertiser ID.")],
    region: Annotated[str, typer.Option(help="The data center region, such as us-east; there is no default.")],
    map_: Annotated[list[str], typer.Option("--map", help="SOURCE=TYPE, such as user.advertising_id=DAID; in order, as often as needed.")],
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    auth: Annotated[Auth, typer.Option(help="Whether the secret is the Advertiser Secret Key or a Data API token.")] = Auth.SIGNATURE,
    send: Annotated[Send, typer.Option(help="Send every identifier a person has, or the first that is usable.")] = Send.ALL,
    secret_env: Annotated[str | None, typer.Option(help="Read the secret from this environment variable.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="Read the secret from this file.")] = None,
    destination: Annotated[str, typer.Option(help="The kind of platform.")] = "thetradedesk",
    empty: Empty = False,
    let_expire: LetExpire = False,
    as_json: Json = False,
) -> None:
    """Add a connection, or change one. The secret is asked for, or read from an environment variable or file.

    When the account changes, the segments of the old one are given up: it says who is in them, and asks how they leave.
    """
    from tradewind.operations import connections, edits, endings

    identity = connections.identity(map_, send)
    with parts_of(context) as parts:
        wanted = Connection(project_of(context), id_, name or id_, destination, advertiser, region, auth, identity)
        staked = endings.stakes(parts, connections.moved(parts, wanted))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        secret = secret_from(secret_env, secret_file)
        noted(context, parts, "connection.save", id_, **edits.of_connection(parts, wanted, secret))
        saved = connections.add(parts, wanted, secret, leaving)
    if as_json:
        show.print_json(saved)
    else:
        show.line(f"Connection '{saved.id}' is saved: advertiser {saved.advertiser} in {saved.region}. Its secret is sealed.")
        for each in staked if leaving else ():
            when = "with the next run" if leaving is Leaving.EMPTY else "as their time there ends"
            show.line(f"{each.count:,} identifiers leave segment '{each.target.segment}' of advertiser {each.target.advertiser} {when}.")
        show.line(f"See whether it works with: tradewind connections test {saved.id}")


@app.command()
def remove(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The connection's id.")],
    empty: Empty = False,
    let_expire: LetExpire = False,
    as_json: Json = False,
) -> None:
    """Remove a connection with its syncs, and its secret. Says who is in their segments and until when, and asks how they leave."""
    from tradewind.operations import endings

    project = project_of(context)
    with parts_of(context) as parts:
        staked = endings.stakes(parts, endings.of_connection(parts, project, id_))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        noted(context, parts, "connection.remove", id_)
        with show.steps("removing") as watch:
            ended = endings.remove_connection(parts, project, id_, leaving, watch)
    print_ended(f"Connection '{id_}' is removed, with its syncs.", ended, as_json=as_json)


@app.command("test")
def prove(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The connection's id.")],
    live: Annotated[
        str | None,
        typer.Option(metavar="IDENTIFIER", help="Put this identifier, one you own, into a throw-away segment for a day and remove it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a signed request without people, and say what it proved and what it could not."""
    from tradewind.operations import connections

    with parts_of(context) as parts:
        if live:
            connections.identifier(live)
        noted(context, parts, "connection.test", id_, **({"live": "one identifier"} if live else {}))
        probe = connections.test(parts, project_of(context), id_)
        trial = connections.try_live(parts, project_of(context), id_, live) if live and probe.ready else None
    if as_json:
        show.print_json({"ready": probe.ready, "probe": probe, "trial": trial})
    else:
        show.line(f"{'Ready' if probe.ready else 'Not ready'}: {probe.proved}")
        show.line(f"Not shown by this: {probe.unproved}")
        if trial:
            removed = trial.removed.value if trial.removed else "not tried"
            why = f" ({trial.refused})" if trial.refused else ""
            show.line(f"Live: add {trial.added.value}, removal {removed}, in segment '{trial.segment}'{why}.")
    if probe.verdict in {Verdict.UNREACHABLE, Verdict.THROTTLED}:
        raise typer.Exit(TRY_AGAIN)
    if not (probe.ready and (trial is None or trial.passed)):
        raise typer.Exit(NOT_READY)


@app.command("platform")
def platform_(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The connection's id.")],
    token_env: Annotated[str | None, typer.Option(help="Read the token from this environment variable.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="Read the token from this file.")] = None,
    remove_: Annotated[bool, typer.Option("--remove", help="Forget the token; the platform is asked no more.")] = False,
    as_json: Json = False,
) -> None:
    """Give a connection a token with access to the platform's API, to read what it says of the segments. It is tried before it is kept."""
    from tradewind.operations import platform

    project = project_of(context)
    with parts_of(context) as parts:
        if remove_:
            platform.take_away(parts, project, id_, me())
        else:
            platform.give(parts, project, id_, secret_from(token_env, token_file, "--token", "token"), me())
    if as_json:
        show.print_json({"connection": id_, "platform": not remove_})
    elif remove_:
        show.line(f"Connection '{id_}' asks the platform no more; its token is forgotten.")
    else:
        show.line(f"The platform takes the token of connection '{id_}', which is sealed. Ask it now with: tradewind segments read")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the project's connections. Secrets are never shown; a fingerprint tells whether one changed."""
    with parts_of(context) as parts:
        found = parts.catalog.connections(project_of(context))
        prints = {each.id: parts.vault.fingerprint(each.project, each.id) for each in found}
        asking = {each.connection for each in parts.readings.readers(project_of(context))}
    if as_json:
        show.print_json(
            {"connections": [plain(each) | {"secret_fingerprint": prints[each.id], "asks_platform": each.id in asking} for each in found]}
        )
    elif not found:
        show.line("No connections yet. Add one with: tradewind connections add --help")
    else:
        rows = [
            (c.id, c.name, c.advertiser, c.region, c.auth.value, ", ".join(f"{m.source}→{m.id_type.value}" for m in c.identity.mappings),
             prints[c.id] or "none", "yes" if c.id in asking else "", c.paused or "")
            for c in found
        ]  # fmt: skip
        show.table("", ("connection", "name", "advertiser", "region", "auth", "identity map", "secret", "asks", "paused"), rows)


def secret_from(variable: str | None, file: Path | None, option: str = "--secret", name: str = "secret") -> Secret:
    """The secret, from where it was said to be, or asked for at the terminal. Raises DefinitionError when it is nowhere."""
    from tradewind.catalog.yaml import SecretSource
    from tradewind.operations.apply import read_secret

    if variable and file:
        raise DefinitionError(f"give {option}-env or {option}-file, not both")
    if variable:
        return read_secret(SecretSource("env", variable), os.environ)
    if file:
        return read_secret(SecretSource("file", str(file)), os.environ)
    if not sys.stdin.isatty():
        raise DefinitionError(f"no terminal to ask for the {name} at; give {option}-env or {option}-file")
    return Secret(typer.prompt(f"{name[0].upper()}{name[1:]} (not shown)", hide_input=True))
