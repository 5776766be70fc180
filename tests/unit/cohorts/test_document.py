"""YAML is read as people mean it: no aliases, no surprises in plain words, and every mistake has a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.cohorts.document import LARGEST, Node, read_file, read_text, read_value
from tradewind.errors import DefinitionError


def scalar(text: str) -> Node:
    node = read_text(f"a: {text}")
    assert isinstance(node.value, dict)
    return node.value["a"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("12:30", "12:30"),
        ("12", 12),
        ("-3", -3),
    ],
)
def test_plain_words_are_words(written: str, value: object) -> None:
    node = scalar(written)
    assert (node.value, type(node.value), node.written) == (value, type(value), written)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x.yaml: is empty"),
        ("a: [", "x.yaml:1: is not YAML"),
        ("a: &b 1\nc: *b", "x.yaml:2: aliases are not read"),
        ("a: 1\na: 2", "x.yaml:2: 'a' is given twice"),
        ("? [a]\n: 1", "x.yaml:1: a key must be a plain word"),
        ("a: !!python/object:os.system x", "x.yaml:1: at a: cannot read"),
        ("a: 2026-02-30", "x.yaml:1: at a: cannot read '2026-02-30'"),
        ("[" * 60 + "]" * 60, "is nested deeper than 48 levels"),
        ("[" * 5000 + "]" * 5000, "x.yaml"),
        ("a: \x00", "x.yaml"),
        ("a: 1\n---\nb: 2", "x.yaml:2: is not YAML"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_text(text, "x.yaml")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_texts(tmp_path: Path) -> None:
    for name, content, sentence in (
        ("large.yaml", b"a: " + b"x" * LARGEST, "a definition file has at most 1,048,576"),
        ("latin.yaml", "a: é".encode("latin-1"), "is not UTF-8 at byte 3"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DefinitionError, match=sentence):
            read_file(tmp_path / name)
    with pytest.raises(DefinitionError, match="cannot be read: No such file"):
        read_file(tmp_path / "absent.yaml")
    (tmp_path / "marked.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert isinstance(read_file(tmp_path / "marked.yaml").value, dict)


def test_a_value_of_a_request_has_a_path_and_no_line() -> None:
    node = read_value({"a": [{"b": True}]}, "body")
    assert isinstance(node.value, dict)
    inner = node.value["a"].items()[0]
    assert isinstance(inner.value, dict)
    assert (inner.value["b"].path, inner.value["b"].line, inner.value["b"].written) == ("a[0].b", None, "true")
    with pytest.raises(DefinitionError, match=r"body: at a: .* is not a plain value"):
        read_value({"a": object()}, "body")
