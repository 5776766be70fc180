"""The SQL check of identifiers gives the answer of the plain check on random texts."""

from __future__ import annotations

import base64
from uuid import UUID

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from tradewind.identity.validate import WORDS, check, checked, unusual, unusual_sql
from tradewind.model.identifier import IdType, Refusal

HEX = st.text("0123456789abcdefABCDEF", min_size=30, max_size=66)
GUIDS = st.uuids().map(str).flatmap(lambda text: st.sampled_from([text, text.upper(), text[:-1], f"{text}0", f"{{{text}}}", f" {text}\n"]))
BASE64 = st.binary(min_size=30, max_size=35).map(lambda raw: base64.b64encode(raw).decode())
WIDE = st.text("ABCDabcd0189+/=_-", min_size=40, max_size=130)
PHONES = st.text("+0123456789 ().-", min_size=5, max_size=24)
NEAR = st.tuples(st.one_of(GUIDS, BASE64, st.sampled_from(WORDS)), st.integers(0, 50), st.characters(exclude_categories=["Cs"])).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
)
CASED = st.sampled_from(WORDS).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.title(), word.replace("k", "\u212a"), f"\u00a0{word}"])
)
TEXTS = st.one_of(st.none(), st.text(max_size=60), HEX, GUIDS, BASE64, WIDE, PHONES, NEAR, CASED)


@pytest.mark.parametrize("id_type", list(IdType))
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=60))
def test_both_checks_agree(id_type: IdType, texts: list[str | None]) -> None:
    blob = exp.column("id")
    query = f"""
        WITH given AS (SELECT unnest(range(len($1))) AS position, unnest($1::VARCHAR[]) AS text),
        checked AS ({checked(id_type, "FROM given")})
        SELECT reason, id, {unusual_sql(id_type, blob).sql("duckdb")} FROM checked ORDER BY position
    """
    with duckdb.connect() as connection:
        rows = connection.execute(query, [texts]).fetchall()
    values = [found.bytes if isinstance(found, UUID) else found for _, found, _ in rows]
    answers = [found if reason is None else Refusal(reason) for (reason, *_), found in zip(rows, values, strict=True)]
    expected = [check(id_type, text) for text in texts]
    assert answers == expected
    assert [odd for *_, odd in rows] == [isinstance(found, bytes) and unusual(id_type, found) for found in expected]
