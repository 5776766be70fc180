"""Prints the card of a lookalike's model."""

from __future__ import annotations

from tradewind.cli import show
from tradewind.model.lookalike import Apart, Card


def print_card(card: Card) -> None:
    """How it was made, how well it ranks and counts people it has not seen, and what matters."""
    show.line(f"Trained as of {card.trained_as_of:%Y-%m-%d %H:%M} UTC")
    show.line(f"  on behaviour from {card.since:%Y-%m-%d} to {card.apart.cut_off:%Y-%m-%d %H:%M} UTC; {kept_apart(card.apart)}")
    show.line(f"  {card.seed:,} members of the seed, of whom {card.seed_known:,} are known by what they did, and {card.others:,} others")
    show.line(
        f"A member is ranked before somebody else in {card.auc:.1%} of cases (AUC {card.auc:.3f}, 95% interval {card.auc_low:.3f} to "
        f"{card.auc_high:.3f}), judged on people it did not learn from; by how much they did: {card.baseline:.3f}"
    )
    if card.auc_came is not None:
        came = f"{card.came:,} came into it by then; they are ranked before the others in {card.auc_came:.1%} of cases"
        show.line(f"Of those who were outside the seed on {card.apart.cut_off:%Y-%m-%d}, {came}")
    rows = [(f"{each.people:,}", f"{each.expected:.1%}", f"{each.observed:.1%}") for each in reversed(card.bins)]
    show.table("Tenths of the people, from the most alike", ("people", "expected in the seed", "are in it"), rows)
    show.table(
        "What matters", ("people who are like the seed are", "weight"), [(each.words, f"{each.weight:.2f}") for each in card.weights]
    )


def kept_apart(apart: Apart) -> str:
    """How behaviour was kept apart from what defines the seed, as a phrase."""
    left_out = [f"events {', '.join(apart.events)}"] if apart.events else []
    left_out += [f"properties {', '.join(apart.properties)}"] if apart.properties else []
    said = f"without the {' and the '.join(left_out)}, which define the seed" if left_out else "before what defines the seed"
    return said if apart.known else "not all that defines the seed can be kept apart, so that the figures may flatter"
