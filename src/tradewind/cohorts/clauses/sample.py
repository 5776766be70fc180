"""`sample: {percent: 10, salt: spring}`: so many percent of all people, the same ones every time, and still when it grows."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from sqlglot import exp

from tradewind.cohorts import reading
from tradewind.cohorts.clauses.form import EVERYBODY, WHO, Facts, Form, Names
from tradewind.cohorts.document import Node
from tradewind.model.cohort import Sample

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
LOTS = 1 << 32


class SampleForm(Form[Sample]):
    """A part of all people, drawn by lot."""

    words = ("sample",)

    def parse(self, node: Node, word: str) -> Sample:
        fields = node.fields(required=(word,), what=f"beside '{word}'")[word].fields(required=("percent", "salt"), what="in a sample")
        percent, salt = fields["percent"], fields["salt"]
        written = str(percent.value) if isinstance(percent.value, int | float | str) else ""
        if not _PERCENT.fullmatch(written) or not 0 < Decimal(written) <= 100:
            percent.refuse(f"expected a number above 0 and up to 100, with at most four decimals, found {percent.described()}")
        return Sample(Decimal(written).normalize(), reading.plain(salt, salt.text()))

    def document(self, clause: Sample) -> dict[str, object]:
        return {"sample": {"percent": f"{clause.percent:f}", "salt": clause.salt}}

    def phrase(self, clause: Sample, _names: Names) -> str:
        return f"who are in the sample of {clause.percent:f} % named '{clause.salt}'"

    def idle(self, _clause: Sample) -> None:
        return None

    def verdict(self, clause: Sample, facts: Facts) -> exp.Expr:
        return drawn(exp.column(WHO, EVERYBODY), clause, facts)


def drawn(who: exp.Expr, clause: Sample, facts: Facts) -> exp.Expr:
    """Whether a person is in a sample: `model.lot` says how lots are drawn."""
    least_outside = math.ceil(clause.percent * LOTS / 100)
    if least_outside >= LOTS:
        return exp.true()
    salted = exp.Concat(expressions=[exp.Literal.string(f"{clause.salt}:"), facts.dialect.member_hex(who)], safe=False, coalesce=False)
    lot = exp.Substring(this=facts.dialect.md5_hex(salted), start=exp.Literal.number(1), length=exp.Literal.number(8))
    return exp.LT(this=lot, expression=exp.Literal.string(f"{least_outside:08x}"))
