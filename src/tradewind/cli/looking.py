"""Previews as text: the waterfall, an overlap, why somebody is in, and what a changed definition comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tradewind.cli import show

if TYPE_CHECKING:
    from tradewind.operations.previews import Comparison, Overlap, Reason, Size, Sizes, Why


def print_waterfall(sizes: Sizes) -> None:
    """Each rule on a line of its own, those within it below it."""
    rows = [(f"{'  ' * depth}{size.sentence}", f"{size.members:,}", f"{size.after:,}") for depth, size in _sizes(sizes.who, 0)]
    show.table("", ("people", "by itself", "with those before it"), rows)


def print_overlap(overlap: Overlap, this: str, that: str) -> None:
    """Three counts."""
    rows = [("in both", f"{overlap.both:,}"), (f"only in {this}", f"{overlap.only_this:,}"), (f"only in {that}", f"{overlap.only_that:,}")]
    show.table("", ("people", "count"), rows)


def print_why(why: Why) -> None:
    """Each rule, whether it holds, and what was found."""
    show.line(f"{why.person} is {'in' if why.belongs else 'not in'}, as of {why.as_of:%Y-%m-%d %H:%M} UTC")
    rows = [("yes" if each.holds else "no", f"{'  ' * depth}{each.sentence}", each.found) for depth, each in _reasons(why.who, 0)]
    show.table("", ("holds", "rule", "this person"), rows)


def print_comparisons(found: Mapping[str, Comparison]) -> None:
    """A line for each cohort."""
    rows = [(cohort, f"{each.before:,}", f"{each.after:,}", f"+{each.added:,}", f"-{each.removed:,}") for cohort, each in found.items()]
    show.table("", ("cohort", "now", "then", "added", "removed"), rows)


def _sizes(size: Size, depth: int) -> Iterator[tuple[int, Size]]:
    yield depth, size
    for part in size.parts:
        yield from _sizes(part, depth + 1)


def _reasons(reason: Reason, depth: int) -> Iterator[tuple[int, Reason]]:
    yield depth, reason
    for part in reason.parts:
        yield from _reasons(part, depth + 1)
