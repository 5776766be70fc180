"""`tradewind users`: who may sign in, and what they may do in which project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.access.roles import Role
from tradewind.cli import show
from tradewind.cli.place import me, parts_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from tradewind.access.roles import User
    from tradewind.operations.people import Invited

app = typer.Typer(help="Who may sign in, and what they may do in which project.", no_args_is_help=True)

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id, such as ann@shop.example.")]


@app.command()
def add(
    context: typer.Context,
    user: UserId,
    name: Annotated[str | None, typer.Option(help="What people call them.")] = None,
    role: Annotated[list[str] | None, typer.Option("--role", metavar="PROJECT=ROLE", help="A role in a project; may be repeated.")] = None,
    administrator: Annotated[bool, typer.Option("--administrator", help="May change what concerns the whole installation.")] = False,
    as_json: Json = False,
) -> None:
    """Add a user. Prints a one-time code, good for a day, with which they choose a password."""
    from tradewind.operations import people

    with parts_of(context) as parts:
        roles = dict(_role(text) for text in role or ())
        _print_invited(people.add_user(parts, me(), user, name or user, administrator=administrator, roles=roles), as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the users with their roles."""
    with parts_of(context) as parts:
        found, factors, required = parts.access.users.all(), parts.access.factors.all(), parts.access.factors.required()
    on = {each.user for each in factors if each.since}
    if as_json:
        show.print_json({"users": found, "second_factor": sorted(on), "required": required})
    elif not found:
        show.line("No users yet. The command line needs none; they are for who signs in to a server.")
    else:
        rows = [(*_row(each), "on" if each.id in on else "off") for each in found]
        show.table("", ("user", "name", "administrator", "roles", "state", "second factor"), rows)


@app.command("role")
def role_(
    context: typer.Context,
    user: UserId,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, member, manager, admin, or none.")],
    as_json: Json = False,
) -> None:
    """Give a user a role in a project, or none any more. It counts at once: their sessions end, and they sign in again."""
    from tradewind.operations import people

    with parts_of(context) as parts:
        changed = people.set_role(parts, me(), user, project, None if role == "none" else _known(role))
    _print_user(changed, f"User '{user}' is {role} in project '{project}'.", as_json=as_json)


@app.command()
def code(context: typer.Context, user: UserId, as_json: Json = False) -> None:
    """Print a new one-time code for a user who has no password or forgot it."""
    from tradewind.operations import people

    with parts_of(context) as parts:
        _print_invited(people.invite_again(parts, me(), user), as_json=as_json)


@app.command("reset-factor")
def reset_factor(context: typer.Context, user: UserId, as_json: Json = False) -> None:
    """Take out the second factor of a user who lost the phone and the recovery codes; their sessions end."""
    from tradewind.operations import factors

    with parts_of(context) as parts:
        changed = factors.reset(parts, me(), user)
    _print_user(changed, f"User '{user}' signs in with the password alone, until they turn the second factor on again.", as_json=as_json)


@app.command("require-factor")
def require_factor(
    context: typer.Context,
    off: Annotated[bool, typer.Option("--off", help="Leave it to each user again.")] = False,
    as_json: Json = False,
) -> None:
    """Ask everybody who signs in for a second factor; who has none turns it on first. Tokens are not concerned."""
    from tradewind.operations import factors

    with parts_of(context) as parts:
        factors.require(parts, me(), required=not off)
    if as_json:
        show.print_json({"required": not off})
    else:
        show.line("The second factor is left to each user." if off else "Everybody who signs in needs a second factor.")


@app.command()
def disable(context: typer.Context, user: UserId, as_json: Json = False) -> None:
    """Shut a user out at once, with all sessions and tokens; what they did stays on record."""
    _set_disabled(context, user, disabled=True, as_json=as_json)


@app.command()
def enable(context: typer.Context, user: UserId, as_json: Json = False) -> None:
    """Let a user who was shut out in again."""
    _set_disabled(context, user, disabled=False, as_json=as_json)


def _set_disabled(context: typer.Context, user: str, *, disabled: bool, as_json: bool) -> None:
    from tradewind.operations import people

    with parts_of(context) as parts:
        changed = people.set_disabled(parts, me(), user, disabled=disabled)
    _print_user(changed, f"User '{user}' is {'shut out' if disabled else 'let in again'}.", as_json=as_json)


def _known(text: str) -> Role:
    if text not in set(Role):
        raise DefinitionError(f"'{text[:40]}' is not a role; expected one of {', '.join(Role)}")
    return Role(text)


def _role(text: str) -> tuple[str, Role]:
    project, equals, role = text.partition("=")
    if not equals:
        raise DefinitionError(f"'{text[:80]}' is not PROJECT=ROLE, such as default=viewer")
    return project, _known(role)


def _row(user: User) -> tuple[str, ...]:
    roles = ", ".join(f"{project} {role.value}" for project, role in sorted(user.roles.items()))
    return user.id, user.name, "yes" if user.administrator else "", roles, "disabled" if user.disabled else ""


def _print_user(user: User, sentence: str, *, as_json: bool) -> None:
    if as_json:
        show.print_json(user)
    else:
        show.line(sentence)


def _print_invited(invited: Invited, *, as_json: bool) -> None:
    if as_json:
        show.print_json(invited)
    else:
        show.line(f"With this code user '{invited.user.id}' chooses a password, until {invited.until:%Y-%m-%d %H:%M} UTC; shown once:")
        show.line(f"  {invited.code}")
