"""Rules of behavioural cohorts: from the tree of a YAML text to frozen nodes, and back; what holds of any rule."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from tradewind.cohorts.clauses.registry import BY_WORD, form_of
from tradewind.cohorts.document import Node
from tradewind.cohorts.reading import EVENT, USER
from tradewind.model.cohort import All, AnyOf, Clause, InCohort, Not, Rule

DEEPEST_RULE = 16
MOST_CLAUSES = 200

WORDS = ("all", "any", "not", *(word for word in BY_WORD if word != USER))


def parse_rule(node: Node) -> Rule:
    """The rule that `node` states. Raises DefinitionError with file, line, path and what was expected."""
    rule = _rule(node, 1)
    clauses = sum(form_of(leaf).size(leaf) for leaf in leaves(rule))
    if clauses > MOST_CLAUSES:
        node.refuse(f"has {clauses:,} clauses and conditions; a rule has at most {MOST_CLAUSES}")
    return rule


def leaves(rule: Rule) -> Iterator[Clause]:
    """The clauses of a rule, from left to right."""
    match rule:
        case All(rules) | AnyOf(rules):
            for part in rules:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield rule


def rule_document(rule: Rule) -> dict[str, object]:
    """The mapping of a rule, of text, lists and mappings only; `parse_rule` reads it back as the same rule."""
    match rule:
        case All(rules):
            return {"all": [rule_document(part) for part in rules]}
        case AnyOf(rules):
            return {"any": [rule_document(part) for part in rules]}
        case Not(All() | AnyOf() | Not() as part):
            return {"not": rule_document(part)}
        case Not(part):
            return form_of(part).negated(part) or {"not": rule_document(part)}
        case _:
            return form_of(rule).document(rule)


def properties(rule: Rule) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The event properties and the user properties a rule looks at, each once, sorted."""
    named = [form_of(clause).properties(clause) for clause in leaves(rule)]
    event, user = ({name for both in named for name in both[side]} for side in (0, 1))
    return tuple(sorted(event)), tuple(sorted(user))


def idle(rule: Rule) -> bool | None:
    """Whether a rule holds of somebody who did nothing of what it names and is in no cohort it names; None where that depends."""
    match rule:
        case All(rules):
            found = {idle(part) for part in rules}
            return False if False in found else None if None in found else True
        case AnyOf(rules):
            found = {idle(part) for part in rules}
            return True if True in found else None if None in found else False
        case Not(part):
            holds = idle(part)
            return None if holds is None else not holds
        case _:
            return form_of(rule).idle(rule)


def qualifying(rule: Rule, *, negated: bool = False) -> Iterator[Clause]:
    """The clauses that nobody meets who did nothing: what members did by one of these is what they are recent by."""
    match rule:
        case All(rules) | AnyOf(rules):
            for part in rules:
                yield from qualifying(part, negated=negated)
        case Not(part):
            yield from qualifying(part, negated=not negated)
        case InCohort():
            if not negated:
                yield rule
        case _:
            if form_of(rule).idle(rule) is negated:
                yield rule


def _rule(node: Node, depth: int) -> Rule:
    if depth > DEEPEST_RULE:
        node.refuse(f"is nested deeper than {DEEPEST_RULE} rules")
    word = _word(node)
    if word not in {"all", "any", "not"}:
        return BY_WORD[USER if word.startswith(USER) else word].parse(node, word)
    entry = node.fields(required=(word,), what=f"beside '{word}'")[word]
    if word == "not":
        return Not(_rule(entry, depth + 1))
    rules = tuple(_rule(part, depth + 1) for part in entry.items())
    if not rules:
        entry.refuse("expected at least one rule, found an empty list")
    return All(rules) if word == "all" else AnyOf(rules)


def _word(node: Node) -> str:
    """The one key that says what kind of rule stands here."""
    expected = f"expected one of {', '.join(WORDS)}, user.<property>"
    if not isinstance(node.value, dict) or not node.value:
        node.refuse(f"{expected}, found {'an empty mapping' if node.value == {} else node.described()}")
    found = [key for key in node.value if key in WORDS or key.startswith(USER)]
    if len(found) > 1:
        node.refuse(f"one rule is expected here, found '{found[0]}' and '{found[1]}'; put them into the list of an 'all' or 'any'")
    if found:
        return found[0]
    key, entry = next(iter(node.value.items()))
    if key.startswith(EVENT):
        entry.refuse(f"'{key[:60]}' is a property of an event; put it under the 'where' of a 'did'")
    near = get_close_matches(key, [*WORDS, "user."], 1)
    hint = f"did you mean '{near[0]}'?" if near else expected
    return entry.refuse(f"'{key[:60]}' is not a rule; {hint}")
