"""Spans for OpenTelemetry: exported where its own environment variables say so, by the extra `opentelemetry`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tradewind import __version__
from tradewind.errors import ConfigurationError
from tradewind.span import Fact, Follower, Tell, followed

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXPORTER = "OTEL_TRACES_EXPORTER"
EXPORTERS = ("otlp", "console", "none")
DISABLED = "OTEL_SDK_DISABLED"

FLUSH = 5_000
"""Milliseconds that the last spans have to leave when a process ends."""


@contextmanager
def exported(environment: Mapping[str, str]) -> Iterator[None]:
    """Export the spans of this process, if the environment says where to; the rest of it (sampling, headers) is read by OpenTelemetry.

    Raises ConfigurationError when the extra is not installed, or the exporter is not one of `otlp`, `console` and `none`.
    """
    kind = wanted(environment)
    if kind is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ImportError:
        raise ConfigurationError(
            "the environment asks for OpenTelemetry spans (OTEL_...), and the extra for them is not installed; "
            "install tradewind[opentelemetry], or set OTEL_TRACES_EXPORTER=none"
        ) from None
    name = environment.get("OTEL_SERVICE_NAME") or "tradewind"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter() if kind == "otlp" else ConsoleSpanExporter(out=sys.stderr)))
    try:
        with followed(follower(provider)):
            yield
    finally:
        provider.force_flush(FLUSH)
        provider.shutdown()


def wanted(environment: Mapping[str, str]) -> str | None:
    """Which exporter the environment asks for: an endpoint alone means OTLP; None where it asks for none."""
    kind = environment.get(EXPORTER) or ("otlp" if any(environment.get(name) for name in ENDPOINTS) else "none")
    if kind not in EXPORTERS:
        raise ConfigurationError(f"{EXPORTER} is '{kind[:40]}'; expected one of {', '.join(EXPORTERS)}")
    return None if kind == "none" or environment.get(DISABLED, "").lower() == "true" else kind


def follower(provider: Any) -> Follower:
    """Makes spans of a provider of OpenTelemetry. Of an error only its kind is told: its message may hold anything."""
    from opentelemetry.trace import StatusCode

    tracer = provider.get_tracer("tradewind", __version__)

    @contextmanager
    def follow(name: str, facts: dict[str, Fact]) -> Iterator[Tell]:
        with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as under_way:

            def tell(**more: Fact) -> None:
                for key, value in more.items():
                    under_way.set_attribute(f"tradewind.{key}", value)

            tell(**facts)
            try:
                yield tell
            except BaseException as error:
                under_way.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    return follow
