"""The one question that pausing, removing and moving ask: remove the people now, or let them expire."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.errors import DefinitionError, DeliveryError
from tradewind.model.run import RunOutcome
from tradewind.model.sync import Leaving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.operations.endings import Ended
    from tradewind.operations.partings import Stake

Empty = Annotated[bool, typer.Option("--empty", help="Take everybody out of a segment that is given up.")]
LetExpire = Annotated[bool, typer.Option("--let-expire", help="Leave those who are in it until their time there ends.")]


def chosen(staked: Sequence[Stake], *, empty: bool, let_expire: bool) -> Leaving | None:
    """How people leave: as the options say; else asked at the terminal, when somebody is there. None when nobody said.

    Raises DefinitionError when both options are given.
    """
    from tradewind.operations.endings import sentence

    if empty and let_expire:
        raise DefinitionError("give --empty or --let-expire, not both")
    if empty or let_expire:
        return Leaving.EMPTY if empty else Leaving.LET_EXPIRE
    there = [each for each in staked if each.count]
    if not there or not sys.stdin.isatty():
        return None
    for each in there:
        show.line(f"{sentence(each).capitalize()}.")
    words = {"remove": Leaving.EMPTY, "expire": Leaving.LET_EXPIRE}
    answer: str = typer.prompt("Remove them now, or let them expire? (remove, expire)", type=str)
    if answer.strip() not in words:
        raise DefinitionError("neither remove nor expire; nothing was changed")
    return words[answer.strip()]


def print_ended(what: str, ended: Ended, *, as_json: bool) -> None:
    """What became of the people, and the exit code that says whether all of that is done."""
    if as_json:
        show.print_json(ended)
    else:
        show.line(what)
        for each in ended.stakes:
            show.line(_fate(each, ended.how))
        for run in ended.runs:
            state = run.outcome.value if run.outcome else run.state.value
            show.line(f"Run {run.id} {state}{f': {run.reason}' if run.reason else ''}; see: tradewind runs show {run.id}")
            if run.outcome in {None, RunOutcome.INCOMPLETE}:
                show.line("Not all of them are out yet. The worker goes on with it.")
        for reason in ended.later:
            show.line(f"Not done yet: {reason}. The worker goes on with it.")
    if ended.later or any(run.outcome in {None, RunOutcome.INCOMPLETE} for run in ended.runs):
        raise typer.Exit(DeliveryError.exit_code)


def _fate(each: Stake, how: Leaving) -> str:
    if not each.count:
        return f"Nobody was in segment '{each.target.segment}'."
    if how is Leaving.EMPTY:
        return f"{each.count:,} identifiers are taken out of segment '{each.target.segment}'."
    return (
        f"{each.count:,} identifiers stay in segment '{each.target.segment}'; the last of them leaves by {each.until:%Y-%m-%d %H:%M} UTC."
    )
