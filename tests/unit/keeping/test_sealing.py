"""A sealed stream opens whole, with its own passphrase, or not at all."""

from __future__ import annotations

import io

import pytest

from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.keeping.sealing import MAGIC, PIECE, Opener, Sealer

PASSPHRASE, QUICK = "twelve words are better", 4
HEAD, TAG = len(MAGIC) + 17, 16


def sealed(content: bytes, slices: int = 1) -> bytes:
    """The content under the passphrase, written in so many goes."""
    file = io.BytesIO()
    sealer = Sealer(file, PASSPHRASE, QUICK)
    size = max(1, -(-len(content) // slices))
    for start in range(0, len(content), size):
        sealer.write(content[start : start + size])
    sealer.close()
    return file.getvalue()


def opened(file: bytes, passphrase: str = PASSPHRASE) -> bytes:
    stream, found = Opener(io.BytesIO(file), passphrase), bytearray()
    while some := stream.read(100_003):
        found += some
    return bytes(found)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
def test_what_was_sealed_opens_again(size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert opened(sealed(content)) == opened(sealed(content, slices=13)) == content


def test_nothing_of_the_content_is_readable_and_no_two_files_are_alike() -> None:
    content = b"8f9c2c1e-canary" * 1000
    assert b"canary" not in sealed(content)
    assert sealed(content) != sealed(content)


def test_another_passphrase_does_not_open_it() -> None:
    with pytest.raises(ConfigurationError, match="the passphrase is another"):
        opened(sealed(b"content"), "twelve words are worse")


@pytest.mark.parametrize("left", [HEAD, HEAD + 5, HEAD + PIECE, HEAD + PIECE + TAG, HEAD + 2 * (PIECE + TAG), -1])
def test_a_file_that_was_cut_short_does_not_open(left: int) -> None:
    """Also not where it was cut between two pieces."""
    with pytest.raises(ConfigurationError, match="damaged"):
        opened(sealed(bytes(3 * PIECE))[:left])


def test_a_piece_that_was_changed_moved_repeated_or_taken_from_another_backup_does_not_open() -> None:
    file, other = sealed(bytes(3 * PIECE + 1)), sealed(bytes(3 * PIECE + 1))
    first, second = (slice(HEAD + at * (PIECE + TAG), HEAD + (at + 1) * (PIECE + TAG)) for at in (0, 1))
    changed = bytearray(file)
    changed[HEAD + PIECE + TAG + 5] ^= 1
    swapped = file[: first.start] + file[second] + file[first] + file[second.stop :]
    repeated = file[: second.stop] + file[second] + file[second.stop :]
    foreign = file[: second.start] + other[second] + file[second.stop :]
    longer = file + bytes(20)
    for wrong in (bytes(changed), swapped, repeated, foreign, longer, other[:HEAD] + file[HEAD:]):
        with pytest.raises(ConfigurationError, match="damaged"):
            opened(wrong)


@pytest.mark.parametrize("file", [b"", b"PK\x03\x04 something else entirely, long enough", MAGIC, MAGIC + bytes([60]) + bytes(40)])
def test_what_is_no_backup_is_refused_before_any_work(file: bytes) -> None:
    with pytest.raises(DefinitionError, match="not a backup"):
        Opener(io.BytesIO(file), PASSPHRASE)


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(DefinitionError, match="needs 12 characters or more; it has 6"):
        Sealer(io.BytesIO(), "secret")
