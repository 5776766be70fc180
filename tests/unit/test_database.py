"""Who reads a file that is a database waits for nobody, and writers of one process take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tradewind.database import Database

NUMBERS = sa.Table("numbers", sa.MetaData(), sa.Column("number", sa.Integer, primary_key=True))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.at(tmp_path)
    with made.transaction() as db:
        NUMBERS.metadata.create_all(db)
    yield made
    made.close()


def numbers(database: Database) -> list[int]:
    with database.reading() as db:
        return list(db.execute(sa.select(NUMBERS.c.number)).scalars())


def add(database: Database, number: int) -> None:
    with database.transaction() as db:
        db.execute(NUMBERS.insert().values(number=number))


def test_a_reader_neither_waits_for_a_writer_nor_sees_what_is_not_committed(database: Database) -> None:
    with database.transaction() as db:
        db.execute(NUMBERS.insert().values(number=1))
        assert numbers(database) == []
    assert numbers(database) == [1]


def test_a_writer_does_not_wait_for_a_reader_who_sees_all_as_it_was(database: Database) -> None:
    add(database, 1)
    with database.reading() as db:
        query = sa.select(sa.func.count()).select_from(NUMBERS)
        assert db.execute(query).scalar() == 1
        add(database, 2)
        assert db.execute(query).scalar() == 1
    assert numbers(database) == [1, 2]


def test_writers_of_one_process_take_turns_and_none_gives_up(database: Database) -> None:
    """One that fails lets the next one in."""

    def write(first: int) -> None:
        for number in range(first, first + 20):
            add(database, number)

    with pytest.raises(ZeroDivisionError), database.transaction():
        raise ZeroDivisionError
    writers = [threading.Thread(target=write, args=(100 * each,)) for each in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert len(numbers(database)) == 80
