"""Where OTLP goes; without OpenTelemetry itself, which not everyone installs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class OtlpTarget:
    """A collector's base address, such as `http://127.0.0.1:4318`, and the headers of each request (secrets)."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def otlp_installed() -> bool:
    """Whether the extra `otel` is there."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
