"""Spans: each stands in the code and in the table, they nest as the work does, and OpenTelemetry gets them where its variables say so."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from site_of import Site
from town import Town, guid
from tradewind.errors import ConfigurationError
from tradewind.model.sync import Cadence
from tradewind.operations import syncs
from tradewind.span import SPANS, followed, span
from tradewind.telemetry import exported, follower, wanted

SOURCE = Path(__file__).resolve().parents[2] / "src" / "tradewind"


def named_in_code() -> set[str]:
    """The first argument of every call of `span` and `spanned`."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "from tradewind.span import" in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"span", "spanned"}:
                name = node.args[0]
                assert isinstance(name, ast.Constant), f"{path.name}:{node.lineno}: a span is named by a literal"
                found.add(str(name.value))
    return found


def test_the_table_of_spans_is_what_the_code_says() -> None:
    assert named_in_code() == set(SPANS)


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """What OpenTelemetry was given."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with followed(follower(provider)):
        yield kept


def facts(each: ReadableSpan) -> dict[str, Any]:
    return {name.removeprefix("tradewind."): value for name, value in (each.attributes or {}).items()}


def test_a_run_is_a_span_with_its_phases_and_requests_inside(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    """Also those that leave from threads of their own."""
    town = Town(tmp_path)
    town.people.numbers = {1, 2, 3}
    sync = town.add("daily", Cadence.DAILY)
    done = syncs.run(town.parts, "default", sync.id, None, lambda *_: None)
    spans = {each.name: each for each in exporter.get_finished_spans()}
    run, send = spans["run"], spans["send"]
    assert facts(run) == {"project": "default", "sync": sync.id, "run": done.id, "kind": "sync", "state": "closed", "outcome": "clean"}
    assert {"evaluate", "resolve", "diff", "plan", "deliver", "acknowledge", "close"} <= set(spans)
    for name in ("evaluate", "deliver", "close"):
        parent = spans[name].parent
        assert parent is not None
        assert run.context is not None
        assert parent.span_id == run.context.span_id
    assert send.parent is not None
    assert spans["deliver"].context is not None
    assert send.parent.span_id == spans["deliver"].context.span_id
    assert (facts(send)["items"], facts(send)["answer"]) == (3, "applied")
    told = json.dumps([facts(each) for each in exporter.get_finished_spans()])
    assert str(guid(1)) not in told
    town.close()


def test_a_request_is_a_span_by_its_route(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    """Never by its path, which may hold anything; a method that nobody knows is no text either."""
    site = Site(tmp_path)
    browser = site.browser()
    browser.get("/api/v1/projects/secret-name")
    browser.request("BREW", "/livez")
    first, second = exporter.get_finished_spans()
    assert facts(first) | {"request": ""} == {
        "method": "GET", "request": "", "route": "/api/v1/projects/{project}", "status": 401
    }  # fmt: skip
    assert (facts(second)["method"], facts(second)["status"]) == ("other", 405)
    site.close()


def test_of_an_error_only_its_kind_is_told(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="canary"), span("run"):
        raise ValueError("canary")
    (told,) = exporter.get_finished_spans()
    assert told.status.description == "ValueError"
    assert not told.events


def test_without_anybody_who_follows_spans_are_nothing() -> None:
    with span("run", run="r") as tell:
        tell(state="closed")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, None),
    ],
)
def test_the_standard_variables_say_where_spans_go(environment: dict[str, str], expected: str | None) -> None:
    assert wanted(environment) == expected


def test_another_exporter_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="OTEL_TRACES_EXPORTER is 'zipkin'; expected one of otlp, console, none"):
        wanted({"OTEL_TRACES_EXPORTER": "zipkin"})


def test_spans_reach_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    with exported({"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "mine"}), span("run", run="r1"):
        pass
    shown = capsys.readouterr().err
    assert '"tradewind.run": "r1"' in shown
    assert '"service.name": "mine"' in shown
