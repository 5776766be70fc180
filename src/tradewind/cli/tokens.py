"""`tradewind tokens`: keys of programs that act for a user."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.access.roles import ApiToken, Role, Routes
from tradewind.cli import show
from tradewind.cli.place import me, parts_of, project_of
from tradewind.cli.show import Json

app = typer.Typer(help="Keys of programs that act for a user: where, up to what role, by which routes, for how long.", no_args_is_help=True)


TokenId = Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id.")]


@app.command()
def issue(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="For whom the program acts.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")],
    role: Annotated[Role, typer.Option(help="What it may do at most; never more than its user.")] = Role.VIEWER,
    routes: Annotated[
        list[Routes] | None, typer.Option("--routes", help="The only routes that it opens, by what they are about; once for each.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it is good, at most a year.")] = 90,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In every project of the user, not only in that of --project.")] = False,
    as_json: Json = False,
) -> None:
    """Issue a token in the project. It is shown once, and kept only as a hash."""
    from tradewind.operations import people

    with parts_of(context) as parts:
        issued = people.issue(parts, me(), user, name, "" if everywhere else project_of(context), role, days, routes or ())
    if as_json:
        show.print_json(issued)
    else:
        show.line(f"Token {issued.token.id} is good until {issued.token.expires_at:%Y-%m-%d}; its text is shown once:")
        show.line(f"  {issued.text}")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the tokens of all users; their texts are nowhere."""
    with parts_of(context) as parts:
        found = parts.access.tokens.all()
    if as_json:
        show.print_json({"tokens": found})
    else:
        rows = [(t.id, t.name, t.user, t.project or "all", t.role.value, _only(t), f"{t.expires_at:%Y-%m-%d}", _used(t)) for t in found]
        show.table("", ("token", "name", "user", "project", "role", "routes", "good until", "last used"), rows)


@app.command()
def revoke(context: typer.Context, token: TokenId, as_json: Json = False) -> None:
    """Take a token out; it opens nothing any more."""
    from tradewind.operations import people

    with parts_of(context) as parts:
        people.revoke(parts, me(), token)
    if as_json:
        show.print_json({"revoked": token})
    else:
        show.line(f"Token {token} opens nothing any more.")


def _only(token: ApiToken) -> str:
    return ", ".join(token.routes) or "all"


def _used(token: ApiToken) -> str:
    return f"{token.used_at:%Y-%m-%d %H:%M}" if token.used_at else "never"
