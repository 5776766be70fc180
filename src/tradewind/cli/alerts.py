"""`tradewind alerts`: who is told when something is wrong, and what is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.connections import secret_from
from tradewind.cli.place import me, noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError
from tradewind.model.alert import AlertKind, Contact, ContactKind

app = typer.Typer(help="Who is told when something is wrong, and what is.", no_args_is_help=True)

ContactId = Annotated[str, typer.Argument(metavar="ID", help="The contact's id, chosen once.")]


@app.command()
def add(
    context: typer.Context,
    id_: ContactId,
    email: Annotated[str | None, typer.Option(help="Tell by mail to this address; needs TRADEWIND_SMTP_URL.")] = None,
    slack: Annotated[bool, typer.Option("--slack", help="Tell by an incoming webhook of Slack or its like.")] = False,
    webhook: Annotated[bool, typer.Option("--webhook", help="Tell a program, by a signed request.")] = False,
    url_env: Annotated[str | None, typer.Option(help="Read the URL from this environment variable.")] = None,
    url_file: Annotated[Path | None, typer.Option(help="Read the URL from this file.")] = None,
    secret_env: Annotated[str | None, typer.Option(help="Read the secret of signed requests from this environment variable.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="Read that secret from this file.")] = None,
    on: Annotated[list[AlertKind] | None, typer.Option(help="Only of these alerts; as often as needed.")] = None,
    as_json: Json = False,
) -> None:
    """Add somebody who is told, or change it. URL and secret are asked for, or read from an environment variable or file, and sealed."""
    from tradewind.operations import contacts

    if (email is not None) + slack + webhook != 1:
        raise DefinitionError("say how to tell: one of --email, --slack and --webhook")
    kind = ContactKind.EMAIL if email is not None else ContactKind.SLACK if slack else ContactKind.WEBHOOK
    url = None if email is not None else secret_from(url_env, url_file, "--url", "URL")
    secret = secret_from(secret_env, secret_file) if webhook else None
    with parts_of(context) as parts:
        wanted = Contact(project_of(context), id_, kind, email or "", tuple(dict.fromkeys(on or ())))
        saved = contacts.save(parts, wanted, url, secret, me())
    if as_json:
        show.print_json(saved)
    else:
        show.line(
            f"Contact '{saved.id}' is told of {_kinds(saved)} at {saved.shown}. See whether it works with: tradewind alerts test {id_}"
        )


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List who is told in the project, and what is wrong now."""
    from tradewind.operations import contacts

    with parts_of(context) as parts:
        told = contacts.listed(parts, project_of(context))
        wrong = parts.notify.book.incidents(project_of(context), only_open=True, limit=1000)
    if as_json:
        show.print_json({"contacts": told, "incidents": wrong})
        return
    rows = [(each.contact.id, each.contact.kind.value, each.contact.shown, _kinds(each.contact), each.trouble) for each in told]
    if rows:
        show.table("Told", ("contact", "how", "where", "of", "trouble"), rows)
    else:
        show.line("Nobody is told yet. Add somebody with: tradewind alerts add --help")
    for one in wrong:
        show.line(f"{one.alert.kind.value} since {one.opened_at:%Y-%m-%d %H:%M} UTC: {one.alert.sentence}")
    if not wrong:
        show.line("Nothing is wrong, as far as was seen by the last look of a worker or server.")


@app.command("test")
def rehearse(context: typer.Context, id_: ContactId, as_json: Json = False) -> None:
    """Tell a contact something now that means nothing."""
    from tradewind.operations import contacts

    with parts_of(context) as parts:
        noted(context, parts, "contact.test", id_)
        message = contacts.rehearse(parts, project_of(context), id_)
    if as_json:
        show.print_json({"sent": message.id})
    else:
        show.line(f"Contact '{id_}' took it; its id is {message.id}.")


@app.command()
def remove(context: typer.Context, id_: ContactId, as_json: Json = False) -> None:
    """Tell somebody nothing any more; URL and secret are forgotten."""
    from tradewind.operations import contacts

    with parts_of(context) as parts:
        contacts.remove(parts, project_of(context), id_, me())
    if as_json:
        show.print_json({"removed": id_})
    else:
        show.line(f"Contact '{id_}' is told nothing any more.")


def _kinds(contact: Contact) -> str:
    return ", ".join(each.value for each in contact.kinds) or "all alerts"
