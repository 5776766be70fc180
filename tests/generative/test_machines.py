"""A machine lets happen whatever may happen, in any order, and looks after each step; every seeded defect must be found by it.

The real planner, diff, merge, guards, delivery loop, scheduler and worker run against people, a platform, a ledger and a clock in
memory (`world.py`); `invariants.py` compares what they say with what the platform has. Where each invariant is looked after:

I1  who is said to be present is there, who is said to be absent is not     after each step, at every place anything was ever sent to
I2  no byte before its intent is durable; sent again means the same bytes   at the platform, for each request
I3  nothing is wrong and idle                                               after each clean run the segment is the cohort
I4  every planned identifier has one outcome                                each run, against what the platform said per batch
I5  who should stay never lapses while the schedule runs                    `quiet`, `calm`; test_four_hundred_days.py
I6  a removal stays a removal                                               I1 after `change_of_mind`
I7  one request holds an identifier once; a change of mind is sent twice    each request; "late" among the answers, and I1
I8  a request has the secret and the people of its own account              each request, also after `new_secret`, `other_account`
I9  what is given up is emptied, or it is on record how people leave        `other_account`, `redefine`, and then `calm`
I10 a shared identifier leaves with its last member; a map may change       `share`, `renew_device`, `other_map`, and I3
I11 what is removed leaves nobody behind but as was said                    `remove`, and then `calm`
I12 a paused sync sends nothing but the removals that were asked for        `pause`
I13 a held or failed run adds and removes nobody                            `nobody_left`, `quiet` with a broken source
I14 who said no is sent to nobody a second later                            `opt_out`, `opt_out_under_way`
I15 who stood still while another took the run sends nothing                `stand_still`; between processes: the kill rig
I16 a refused account is asked no more; a refused item harms no other       "forbidden", "poisoned", "partial" among the answers
I17 a slot has one run; once the next has come no older plan goes on        each step
I18 a clock that is set changes nothing                                     `set_clock`, by minutes; by years in test_worker.py
I20 no reason, note or error names a secret or an identifier                each step; logs and files: tests of the whole product
L1  after calm everything is right within a few runs                        `calm`

Not here: I19 (a ledger from an old backup), which is not promised; docs/explanation/delivery-promise.md says what follows from one.
One request is under way at a time, since the order of several answers is one of chance.
"""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from io import StringIO

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from machine import Machine
from mutants import MUTANTS, Mutant
from world import HONEST, Substitutes

EXAMPLES = int(os.environ.get("TRADEWIND_FUZZ_EXAMPLES", "24"))
SEED = int(os.environ.get("TRADEWIND_FUZZ_SEED", "1"))

ROUND, ROUNDS = 4, 15
"""Examples of one seed, and seeds that follow one another: a machine that has not found a defect by then is not sharp enough."""


def let_happen(substitutes: Substitutes, *, examples: int, begin: int) -> None:
    """Run so many examples of the machine, chosen by a seed; raises the first thing that is wrong."""
    machine = seed(begin)(type("Machine", (Machine,), {"substitutes": substitutes}))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=8,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # every step of an example is a whole day of the product: shrinking would take an hour
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(machine, settings=chosen)


def look_for(mutant: Mutant) -> None:
    """One seed after the other, until something is wrong."""
    with redirect_stdout(StringIO()), mutant.during():
        for number in range(ROUNDS):
            let_happen(mutant.substitutes(), examples=ROUND, begin=mutant.begin + number)


@pytest.mark.timeout(3600)
def test_the_product_keeps_its_word_whatever_happens() -> None:
    """No invariant breaks. `./dev fuzz` looks longer."""
    let_happen(HONEST, examples=EXAMPLES, begin=SEED)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds(name: str) -> None:
    """A defect is found by an invariant that speaks of it, within the bound."""
    mutant = MUTANTS[name]
    with pytest.raises(AssertionError) as found:
        look_for(mutant)
    said = str(found.value).splitlines()[0]
    assert said.startswith(tuple(mutant.caught_by.split())), said
