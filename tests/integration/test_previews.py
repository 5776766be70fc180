"""Previews at the command line, over events in a store: what a rule does, before anything is sent."""

from __future__ import annotations

from pathlib import Path

from product import Product

RULE = "{all: [{did: Buy, in: {last: 30 days}}, {not_in_cohort: gold}]}"


def cohorts(rule: str) -> str:
    return f"""cohorts:
  - {{id: gold, name: Gold, kind: behavioural, who: {{user.plan: {{is: [gold]}}}}}}
  - {{id: buyers, name: Buyers, kind: behavioural, who: {rule}}}
"""


def test_a_rule_is_looked_at_from_all_sides_and_a_changed_file_is_compared(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.ok("init")
    events = [
        f'{{"user_id": "u{n}", "event_type": "{"Buy" if n % 2 else "Look"}", "time": "2026-07-0{1 + n % 3} 10:00:00",'
        f' "user_properties": {{"plan": "{"gold" if n < 4 else "free"}"}}}}'
        for n in range(12)
    ]
    product.ok("events", "import", str(product.write("events.json", "\n".join(events))))
    product.ok("apply", str(product.write("cohorts.yaml", cohorts(RULE))))
    asked = ("cohorts", "preview", "buyers", "--as-of", "2026-07-05", "--waterfall", "--overlap", "gold", "--why", "user:u5")
    seen = product.ok(*asked)
    assert [(each["kind"], each["members"], each["after"]) for each in seen["who"]["parts"]] == [("did", 6, 6), ("not_in_cohort", 8, 4)]
    assert [seen["overlap"][name] for name in ("both", "only_this", "only_that")] == [0, 4, 4]
    assert seen["why"]["who"]["parts"][0]["found"] == "did Buy in the last 30 days once, last on 2026-07-03 at 10:00"
    shown = product.text(*asked).output
    assert "did Buy in the last 30 days once" in shown
    assert "who are not in the cohort 'Gold'" in shown
    product.write("cohorts.yaml", cohorts("{did: Look}"))
    found = product.ok("cohorts", "compare", "cohorts.yaml", "--as-of", "2026-07-05")["cohorts"]
    assert {name: found["buyers"][name] for name in ("before", "after", "added", "removed")} == {
        "before": 4, "after": 6, "added": 6, "removed": 4,
    }  # fmt: skip
    assert set(found) == {"buyers"}, "what is as it was is not told"
    assert product.ok("cohorts", "preview", "buyers", "--as-of", "2026-07-05")["members"] == 4, "nothing is changed"
    wrong = product.call("cohorts", "preview", "buyers", "--why", "u5")
    assert wrong.code == 10
    assert "write user:<id>" in wrong.error
