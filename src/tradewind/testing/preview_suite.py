"""The conformance suite of previews: whatever computes them, sizes, overlaps, samples and reasons hold to these laws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

import pyarrow as pa
import pytest

from tradewind.engines.memory import Event
from tradewind.engines.preview import Asked, Clause, Node, Overlap, Previews, Sizes, Through, Turn
from tradewind.errors import Bug, ConfigurationError, EngineError, OvertakenError
from tradewind.model.cohort import All, AnyOf, Comparison, Count, Did, EventFilter, InCohort, Last, Not, Operator, Rule, UserProperty
from tradewind.model.identifier import IdentityMap, IdType, Refusal, Resolution, Send
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.snapshot import Wanted
from tradewind.privacy.keyed import Keyer
from tradewind.privacy.sieve import Sieve
from tradewind.testing.engine_suite import EVERYBODY, NOON, PROJECT, a_list, happened, said

PreviewsOf = Callable[[Iterable[Event]], Previews]
"""Gives previews over exactly these events, all of the project `default`."""

TWICE = Count(Comparison.AT_LEAST, 2)

SHOP = (
    happened(50, "ann", price=5),
    happened(2, "ann", price=30),
    happened(1, "bob", price=9),
    said(9, "ann", "d1", plan="gold"),
    said(8, "bob", plan="free"),
    said(7, "cem", plan="gold"),
    happened(3, None, "d1", "Look"),
    happened(3, None, "d7", "Look"),
)
"""Ann bought twice and is gold, bob bought once and is free, cem only said that he is gold, and the device d7 looked."""


def asked(rule: Rule, **nested: Rule | Path) -> Asked:
    """At noon, in the project `default`."""
    return Asked(PROJECT, rule, NOON, nested)


def sieve_of(*identifiers: bytes) -> Sieve:
    """A sieve that holds these back."""
    keyer = Keyer(b"k" * 32, "default")
    digests = b"".join(keyer.digest(each) for each in identifiers)
    return Sieve(keyer, keyer.quick(pa.array(identifiers, pa.binary())), digests)


NOBODY = sieve_of()


class PreviewSuite:
    """Subclass it with a fixture `previews_of` (a `PreviewsOf`)."""

    def test_the_waterfall_says_what_each_rule_holds_for_and_what_is_left(self, previews_of: PreviewsOf) -> None:
        """Alone of everybody, and after those before it; `any` finds more with each."""
        gold, bought, looked = UserProperty("plan", Operator.IS, ("gold",)), Did("Buy"), Did("Look")
        either = AnyOf((bought, looked))
        found = previews_of(SHOP).sizes(asked(All((gold, either, Not(looked)))), Turn())
        parts = (Node(bought, 2, 2), Node(looked, 2, 3))
        all_ = (Node(gold, 2, 2), Node(either, 3, 1, parts), Node(Not(looked), 2, 0, (Node(looked, 2, 2),)))
        assert found == Sizes(0, 4, Node(All((gold, either, Not(looked))), 0, 0, all_))

    def test_an_edited_rule_is_answered_anew(self, previews_of: PreviewsOf) -> None:
        """Count, window, condition and instant each make another question of the same events."""
        previews = previews_of(SHOP)
        dear = (EventFilter("price", Operator.GREATER, ("8",)),)
        rules = (Did("Buy"), Did("Buy", count=TWICE), Did("Buy", dear), Did("Buy", dear, TWICE), Did("Buy", window=Last(1)))
        assert [previews.sizes(asked(rule), Turn()).members for rule in rules] == [2, 1, 2, 0, 2]
        earlier = replace(asked(Did("Buy")), as_of=NOON - timedelta(hours=1, minutes=30))
        assert [previews.sizes(earlier, Turn()).members, previews.sizes(asked(Did("Buy")), Turn()).members] == [1, 2]

    def test_a_cohort_is_answered_by_its_rule_or_by_a_file(self, previews_of: PreviewsOf, tmp_path: Path) -> None:
        """Members of whom there is no event are people too, where the rule names their cohort; bits of them change nobody else's."""
        previews, vips = previews_of(SHOP), a_list(tmp_path / "vips.parquet", "user:zoe", "user:ann", "row 3")
        outside = asked(Not(InCohort("vips")), vips=vips)
        assert (previews.sizes(outside, Turn()).members, previews.sizes(outside, Turn()).universe) == (3, 6)
        inner = asked(AnyOf((InCohort("both"), Did("Look"))), both=All((InCohort("vips"), Not(Did("Buy")))), vips=vips)
        assert previews.sample(inner, 9, Turn()) == ("device:d7", "row 3", "user:ann", "user:zoe")
        assert previews.sizes(inner, Turn()).universe == 6
        assert previews.sizes(asked(EVERYBODY, vips=vips), Turn()).members == 4

    def test_an_overlap_is_of_those_who_belong(self, previews_of: PreviewsOf, tmp_path: Path) -> None:
        """Both, and each alone; a cohort and its opposite share nobody."""
        previews, vips = previews_of(SHOP), a_list(tmp_path / "vips.parquet", "user:zoe", "user:ann")
        bought, listed = asked(Did("Buy")), asked(InCohort("vips"), vips=vips)
        assert previews.overlap(bought, listed, Turn()) == Overlap(1, 1, 1)
        assert previews.overlap(bought, asked(Not(Did("Buy"))), Turn()) == Overlap(0, 2, 2)
        assert previews.overlap(bought, bought, Turn()) == Overlap(2, 0, 0)
        one, other = (asked(InCohort("same"), same=rule) for rule in (Did("Buy"), Did("Look")))
        assert previews.overlap(one, other, Turn()) == Overlap(1, 1, 1), "each question has its own answers"

    def test_a_sample_is_the_first_of_those_who_belong(self, previews_of: PreviewsOf) -> None:
        """In the order of persons, however many there are."""
        crowd = previews_of([happened(1, f"u{number:03}", None, "Buy" if number % 3 else "Look") for number in range(100)])
        assert crowd.sample(asked(Did("Buy")), 4, Turn()) == ("user:u001", "user:u002", "user:u004", "user:u005")
        assert len(crowd.sample(asked(Did("Buy")), 1000, Turn())) == 66
        assert crowd.sample(asked(Did("Nothing")), 4, Turn()) == ()

    def test_why_somebody_is_in_or_out(self, previews_of: PreviewsOf, tmp_path: Path) -> None:
        """How often and when last of a deed, the value of a property, and whether a cohort has them; nothing of nobody."""
        previews, vips = previews_of(SHOP), a_list(tmp_path / "vips.parquet", "user:zoe")
        bought, gold, never = Did("Buy", count=TWICE), UserProperty("plan", Operator.IS, ("gold",)), Did("Leave")
        rule = All((bought, AnyOf((gold, InCohort("vips"))), Not(never)))

        def why(person: str) -> Clause | None:
            return previews.why(asked(rule, vips=vips), person, Turn())

        def told(person: str) -> Mapping[Rule, tuple[object, ...]]:
            clause = why(person)
            assert clause is not None
            return {each.rule: (each.holds, each.times, each.last, each.value) for each in flat(clause) if not each.parts}

        last = NOON - timedelta(hours=2)
        vip = InCohort("vips")
        assert told("user:ann") == {
            bought: (True, 2, last, None), gold: (True, None, None, "gold"), vip: (False, None, None, None), never: (False, 0, None, None),
        }  # fmt: skip
        assert told("user:zoe") == {
            bought: (False, 0, None, None), gold: (False, None, None, None), vip: (True, None, None, None), never: (False, 0, None, None),
        }  # fmt: skip
        assert [clause and clause.holds for clause in map(why, ("user:ann", "user:bob", "device:d7", "user:nobody"))] == [
            True, False, False, None,
        ]  # fmt: skip

    def test_who_acted_on_a_device_of_several_is_told_apart(self, previews_of: PreviewsOf) -> None:
        """Events without a user are of whom the device knew then, in each clause as in the count of people."""
        shared = [happened(9, "ann", "d"), happened(8, None, "d", "Look"), happened(6, "bob", "d"), happened(5, None, "d", "Look")]
        previews = previews_of([*shared, happened(4, None, "d", "Look"), happened(4, None, "d2", "Look"), happened(2, "cem", "d2")])
        sizes = previews.sizes(asked(Did("Look", count=TWICE)), Turn())
        assert (sizes.members, sizes.universe) == (1, 3)
        assert previews.sample(asked(Did("Look")), 9, Turn()) == ("user:ann", "user:bob", "user:cem")

    def test_identifiers_are_those_that_a_resolve_would_find(self, previews_of: PreviewsOf, tmp_path: Path) -> None:
        """Valid and different ones by type, what was refused and why, and without the suppressed; none where a file alone knows people."""
        same, own, odd = (
            "11111111-1111-4111-8111-111111111111",
            "22222222-2222-4222-8222-222222222222",
            "0" * 8 + "-0000-0000-0000-" + "0" * 12,
        )
        events = [
            happened(1, "ann"), happened(1, "bob"), happened(1, "cem"), happened(1, "dan"), happened(1, "eve", None, "Look"),
            said(2, "ann", ad=same, uid=same), said(2, "bob", ad=same), said(2, "cem", ad="no"), said(2, "dan", ad=odd, uid=own),
            said(2, "eve", ad="33333333-3333-4333-8333-333333333333"),
        ]  # fmt: skip
        mappings = (IdMapping("user.ad", IdType.DAID), IdMapping("user.uid", IdType.TDID))
        previews, vips = previews_of(events), a_list(tmp_path / "vips.parquet", "user:zoe")

        def find(rule: Rule, send: Send, sieve: Sieve = NOBODY) -> Resolution | None:
            folder = Path(mkdtemp(dir=tmp_path))
            wanted = tuple(Wanted(each.source, False) for each in mappings)
            through = Through(IdentityMap(mappings, send), wanted, sieve, folder)
            return previews.identifiers(asked(rule, vips=vips), through, Turn())

        everything = find(Did("Buy"), Send.ALL)
        assert everything == Resolution(
            4, 3, 8, {IdType.DAID: 1, IdType.TDID: 2},
            {IdType.DAID: {Refusal.ZEROED: 1, Refusal.BAD_FORMAT: 1}, IdType.TDID: {Refusal.MISSING: 2}}, 1, {},
        )  # fmt: skip
        first = find(Did("Buy"), Send.FIRST)
        assert first is not None
        assert (first.members_usable, first.values, first.identifiers) == (3, 6, {IdType.DAID: 1, IdType.TDID: 1})
        said_no = find(Did("Buy"), Send.ALL, sieve_of(UUID(same).bytes))
        assert said_no is not None
        assert (said_no.identifiers, said_no.refused[IdType.DAID][Refusal.SUPPRESSED]) == ({IdType.DAID: 0, IdType.TDID: 1}, 1)
        assert find(AnyOf((Did("Buy"), InCohort("vips"))), Send.ALL) is None

    def test_a_question_that_was_overtaken_is_not_answered(self, previews_of: PreviewsOf) -> None:
        """And the next one is."""
        previews, turn = previews_of(SHOP), Turn()
        turn.end()
        with pytest.raises(OvertakenError):
            previews.sizes(asked(Did("Buy")), turn)
        assert previews.sizes(asked(Did("Buy")), Turn()).members == 2

    def test_projects_do_not_see_one_another(self, previews_of: PreviewsOf) -> None:
        """Another project has none of these events."""
        other = Project("other", "Other", ProjectPlan.PAID, "UTC", ())
        found = previews_of(SHOP).sizes(Asked(other, EVERYBODY, NOON, {}), Turn())
        assert (found.members, found.universe) == (0, 0)

    def test_mistakes_are_told_in_a_sentence(self, previews_of: PreviewsOf, tmp_path: Path) -> None:
        """A broken file, a zone that is none, and a cohort that nobody answered; what follows is answered."""
        previews, broken = previews_of(SHOP), tmp_path / "broken.parquet"
        broken.write_bytes(b"PAR1 is not enough")
        with pytest.raises(EngineError, match=r"^[^\n]+$"):
            previews.sizes(asked(InCohort("vips"), vips=broken), Turn())
        nowhere = Project("default", "Default", ProjectPlan.PAID, "Mars/Olympus", ())
        with pytest.raises(ConfigurationError, match="is not a time zone"):
            previews.sizes(Asked(nowhere, Did("Buy", window=Last(1)), NOON, {}), Turn())
        with pytest.raises(Bug, match="vips, which nobody answered"):
            previews.sizes(asked(InCohort("vips")), Turn())
        assert previews.sizes(asked(Did("Buy")), Turn()).members == 2


def flat(clause: Clause) -> Iterable[Clause]:
    """A clause and all within."""
    yield clause
    for part in clause.parts:
        yield from flat(part)
