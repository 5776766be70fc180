"""Each definition on the page about defining cohorts is explained by the sentence below it."""

from __future__ import annotations

import re
from pathlib import Path

from tradewind.cohorts.document import read_text
from tradewind.cohorts.explain import explain
from tradewind.cohorts.parse import parse_cohort

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "define-a-cohort.md"


def test_each_definition_means_what_is_said_below_it() -> None:
    said = re.findall(r"^```yaml\n(.*?)^```\n\n> (.*?)$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(said) == 3
    for written, sentence in said:
        assert explain(parse_cohort(read_text(written), "default"), {}) == sentence
