"""`tradewind webhook`: cohorts that Amplitude pushes."""

from __future__ import annotations

import typer

from tradewind.cli import show
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import Json

app = typer.Typer(help="Cohorts that Amplitude pushes.", no_args_is_help=True)


@app.command()
def secret(context: typer.Context, as_json: Json = False) -> None:
    """Make a new secret for the webhook of the project. It is shown this once; the one before it stays good until the next is made."""
    from tradewind.operations import webhooks

    project = project_of(context)
    with parts_of(context) as parts:
        noted(context, parts, "webhook.secret", project)
        text = webhooks.new_secret(parts, project)
    if as_json:
        show.print_json({"path": _path(project), "header": webhooks.HEADER, "secret": text})
        return
    show.line(f"URL: the address of your server, and then {_path(project)}")
    show.line(f"Header: {webhooks.HEADER}: {text}")
    show.line("Give both to the cohort webhook in Amplitude. The secret is not shown again.")


@app.command("show")
def show_(context: typer.Context, as_json: Json = False) -> None:
    """Show what came of each cohort that is pushed."""
    from tradewind.operations import webhooks

    with parts_of(context) as parts:
        found, mark = webhooks.pushing(parts, project_of(context)), webhooks.fingerprint(parts, project_of(context))
    if as_json:
        show.print_json({"secret_fingerprint": mark, "cohorts": found})
        return
    show.line(f"The secret has the fingerprint {mark}." if mark else "There is no secret yet; make one with: tradewind webhook secret")
    rows = [
        (each.cohort, each.there, f"{each.messages:,}", f"{each.last.received_at:%Y-%m-%d %H:%M}" if each.last else "never")
        for each in found
    ]
    show.table("", ("cohort", "in Amplitude", "messages", "last (UTC)"), rows)


def _path(project: str) -> str:
    return f"/api/v1/projects/{project}/webhook/messages"
