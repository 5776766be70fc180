"""Definitions as YAML: what is read, what is written back, and the place of every mistake."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from tradewind.catalog import yaml as files
from tradewind.catalog.yaml import SecretSource
from tradewind.errors import DefinitionError
from tradewind.model.cohort import CohortKind, Pulled, StaticList
from tradewind.model.destination import Auth
from tradewind.model.identifier import IdType, Mapping, Send, Take
from tradewind.model.source import Source, SourceKind
from tradewind.model.sync import Cadence, Holdout, Recency

WHOLE = """\
cohorts:
  - id: buyers
    name: Buyers
    kind: behavioural
    who: {did: Purchase, in: {last: 30 days}}
  - {id: vip, name: VIP, kind: static, file: lists/vip.csv, identifiers: {maid: DAID}}
connections:
  - id: acme-us
    name: Acme US
    destination: thetradedesk
    advertiser: abc123
    region: us-east
    auth: signature
    secret: {env: ACME_SECRET}
    identity:
      - {from: user.advertising_id, to: DAID}
      - {from: user_id, to: UID2, take: all}
    send: first
syncs:
  - {cohort: buyers, connection: acme-us, cadence: daily}
  - {id: vip-once, cohort: vip, connection: acme-us, segment: VIP list, ttl_days: 7, cadence: one_time, at: 16:30,
     recency: last_event, holdout: {percent: 10}}
"""
CONNECTION = (
    "connections: [{id: a, name: A, destination: d, advertiser: x, region: r, auth: token, identity: [{from: user_id, to: UID2}]%s}]"
)
SOURCE = "sources: [{id: amp, name: Amp, kind: amplitude, region: eu%s}]"
SYNC = "syncs: [{cohort: c, connection: k, cadence: daily%s}]"


def _read(folder: Path, text: str, name: str = "all.yaml") -> files.Documents:
    (folder / name).write_text(text)
    return files.read([folder / name], "default")


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    documents = _read(tmp_path, WHOLE)
    assert [written.value.id for written in documents.cohorts] == ["buyers", "vip"]
    connection = documents.connections[0].value
    assert (connection.auth, connection.region, connection.identity.send) == (Auth.SIGNATURE, "us-east", Send.FIRST)
    assert connection.identity.mappings == (Mapping("user.advertising_id", IdType.DAID), Mapping("user_id", IdType.UID2, Take.ALL))
    assert documents.secrets["acme-us"].value == SecretSource("env", "ACME_SECRET")
    first, second = (written.value for written in documents.syncs)
    assert (first.id, first.segment, first.ttl_minutes, first.cadence) == ("buyers-acme-us", "", 43_200, Cadence.DAILY)
    assert (second.id, second.segment, second.ttl_minutes, second.cadence) == ("vip-once", "VIP list", 10_080, Cadence.ONE_TIME)
    assert (first.at, second.at) == (time(6), time(16, 30))
    assert (first.recency, second.recency) == (Recency.SYNC, Recency.LAST_EVENT)
    assert (first.holdout, second.holdout) == (None, Holdout(10, "vip-once"))


def test_files_are_named_from_the_folder_of_the_text(tmp_path: Path) -> None:
    definition = _read(tmp_path, WHOLE).cohorts[1].value.definition
    assert isinstance(definition, StaticList)
    assert definition.file == str(tmp_path / "lists" / "vip.csv")


def test_a_folder_and_a_single_cohort_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "vip.yml").write_text("{id: vip, name: VIP, kind: static, file: vip.csv}")
    (tmp_path / "rest.yaml").write_text("cohorts: [{id: b, name: B, kind: behavioural, who: {did: Purchase}}]")
    (tmp_path / "notes.txt").write_text("not a definition")
    documents = files.read([tmp_path], "default")
    assert [(written.value.id, written.value.kind) for written in documents.cohorts] == [
        ("b", CohortKind.BEHAVIOURAL),
        ("vip", CohortKind.STATIC),
    ]


def test_what_is_written_is_read_back_the_same(tmp_path: Path) -> None:
    before = _read(tmp_path, WHOLE)
    values = [[written.value for written in part] for part in (before.cohorts, before.connections, before.syncs[1:])]
    text = files.write(*values)  # type: ignore[arg-type]
    after = _read(tmp_path, text, "again.yaml")
    assert [[written.value for written in part] for part in (after.cohorts, after.connections, after.syncs)] == values
    assert "ACME_SECRET" not in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cohort: []", r"all.yaml:1: at cohort: 'cohort' is not known in a definition file .*did you mean 'cohorts'"),
        ("- 1", r"expected a mapping"),
        (CONNECTION % ", secret: hunter22", r"connections\[0\].secret: expected \{env: NAME\} or \{file: path\}"),
        (CONNECTION % ", secret: {value: hunter22}", r"'value' is not known in a secret"),
        (CONNECTION % ", secret: {env: hunter 22}", r"secret.env: expected the name of an environment variable"),
        (CONNECTION % ", secret: {env: A, file: b}", r"expected one of env and file"),
        (CONNECTION % ", send: some", r"'some' is not a way to send; expected one of first, all"),
        (CONNECTION % ", url: http://evil.example", r"'url' is not known in a connection"),
        (CONNECTION.replace("UID2", "RampID") % "", r"'RampID' is not a type of identifier; expected one of TDID, DAID, UID2"),
        (CONNECTION.replace("user_id", "advertising_id") % "", r"identity\[0\].from: expected user_id, device_id, user.<property>"),
        (CONNECTION.replace("[{from: user_id, to: UID2}]", "[]") % "", r"expected at least one mapping"),
        (CONNECTION.replace("auth: token, ", "") % "", r"'auth' is missing in a connection"),
        (SYNC % ", ttl_days: 0", r"syncs\[0\].ttl_days: 0 would remove everyone"),
        (SYNC % ", ttl_days: -1", r"expected 1 to 180 days, found -1"),
        (SYNC % ", ttl_days: 181", r"expected 1 to 180 days, found 181"),
        (SYNC % ", ttl_days: 1.5", r"expected a whole number"),
        (SYNC % ', ttl_days: "30"', r"expected a whole number"),
        (SYNC % ", ttl_days: true", r"expected a whole number"),
        (SYNC % ", at: 24:00", r"syncs\[0\].at: '24:00' is not a time of day; expected HH:MM"),
        (SYNC % ", at: 6", r"syncs\[0\].at: expected a text"),
        (SYNC.replace("daily", "weekly") % "", r"'weekly' is not a cadence; expected one of one_time, hourly, daily"),
        (
            "syncs: [{cohort: c, connection: k, cadence: daily}, {cohort: c, connection: k, cadence: daily}]",
            r"sync 'c-k' is defined already in",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=says) as caught:
        _read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "all.yaml"))
    assert "hunter22" not in str(caught.value)


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"holds no .yaml file"):
        files.read([tmp_path], "default")


def test_a_source_is_read_with_where_its_keys_are_and_written_back_without(tmp_path: Path) -> None:
    documents = _read(tmp_path, SOURCE % ", app: 7, api_key: {env: KEY}, secret_key: {file: key.txt}")
    source = documents.sources[0].value
    assert source == Source("default", "amp", "Amp", SourceKind.AMPLITUDE, "eu", 7)
    assert documents.keys["amp"].value == (SecretSource("env", "KEY"), SecretSource("file", str(tmp_path / "key.txt")))
    text = files.write(sources=[source])
    assert _read(tmp_path, text, "again.yaml").sources[0].value == source
    assert "KEY" not in text


def test_a_cohort_in_amplitude_is_read_and_written_back(tmp_path: Path) -> None:
    text = "cohorts: [{id: p, name: P, kind: amplitude, source: amp, cohort: 0123, identifiers: {idfa: DAID}}]"
    cohort = _read(tmp_path, text).cohorts[0].value
    assert cohort.definition == Pulled("amp", "0123", (Mapping("column.idfa", IdType.DAID),)), "an id of digits stays as it is written"
    assert _read(tmp_path, files.write([cohort]), "again.yaml").cohorts[0].value == cohort


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SOURCE % ", api_key: {env: KEY}", "expected both api_key and secret_key, or neither"),
        (SOURCE % ", api_key: abc123, secret_key: {env: KEY}", "a secret itself is never written here"),
        (SOURCE % ", app: x", "expected a whole number"),
        (SOURCE.replace("kind: amplitude", "kind: mixpanel") % "", "'mixpanel' is not a kind of source; expected one of amplitude"),
        (SOURCE.replace("]", ", {id: amp, name: B, kind: amplitude, region: us}]") % "", "source 'amp' is defined already"),
        ("{id: p, name: P, kind: amplitude, source: amp, cohort: 'a/b'}", "expected the id that Amplitude shows for the cohort"),
        ("{id: p, name: P, kind: amplitude, cohort: ab}", "'source' is missing in a cohort of kind amplitude"),
    ],
)
def test_a_source_or_cohort_that_cannot_be_is_refused_at_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        _read(tmp_path, text)
    assert sentence in str(caught.value)
    assert "all.yaml:1" in str(caught.value)
