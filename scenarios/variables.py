"""Variables in flows: `{{ citizen.nik }}`, portal settings, secrets, and what the flow itself remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from scenarios.citizen import Citizen
from scenarios.model import Portal, Remember, Repeat, Scenario, Step

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}")
_OPEN = re.compile(r"\{\{.*?(?:\}\}|$)")
REDACTED = "[redacted]"


class UnknownVariableError(Exception):
    """A flow used a variable that nothing has set; the message names it."""


class Variables:
    """The values a flow can use in one run. Text is put in as it is: a value is never looked into for variables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def set(self, name: str, value: str) -> None:
        """Remember a value for the steps that follow."""
        self._values[name] = value

    def fill(self, text: str) -> str:
        """`text` with every `{{ name }}` replaced.

        Raises:
            UnknownVariableError: a name that has no value.
        """

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self._values:
                raise UnknownVariableError(f"{{{{ {name} }}}} has no value here")
            return self._values[name]

        return _VARIABLE.sub(value, text)

    def as_dict(self) -> dict[str, str]:
        """A copy of all values, for script steps."""
        return dict(self._values)


def portal_variables(portal: Portal, citizen: Citizen) -> dict[str, str]:
    """What every flow on `portal` may use before it has remembered anything."""
    return {
        "portal.name": portal.name,
        "portal.base_url": portal.base_url,
        **{f"settings.{name}": value for name, value in portal.settings.items()},
        **{f"secrets.{name}": value for name, value in portal.secrets.items()},
        **citizen.variables(),
    }


def texts(value: Any) -> Iterator[str]:
    """All texts of a model, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from texts(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, Iterable):
        for each in value:
            yield from texts(each)


def used_names(value: Any) -> Iterator[str]:
    """Names of all variables in the texts of a model, at any depth."""
    for text in texts(value):
        yield from _VARIABLE.findall(text)


def malformed(text: str) -> str | None:
    """The first `{{ … }}` of `text` that is not a variable name, such as `{{ a b }}` or an unclosed one."""
    for match in _OPEN.finditer(text):
        if _VARIABLE.fullmatch(match[0]) is None:
            return match[0][:60]
    return None


def required(scenario: Scenario, prefix: str) -> set[str]:
    """Names that a scenario uses under `prefix` ("settings" or "secrets"), without the prefix."""
    return {name.removeprefix(f"{prefix}.") for name in used_names(scenario) if name.startswith(f"{prefix}.")}


def remembered(step: Step) -> str | None:
    """The variable that a step sets for those after it, if it sets one."""
    argument = step.argument
    return argument.as_ if isinstance(argument, Remember) else None


def inner_steps(step: Step) -> tuple[Step, ...]:
    """The steps inside a `repeat`, none for other verbs."""
    argument = step.argument
    return argument.steps if isinstance(argument, Repeat) else ()


class Redactor:
    """Takes secrets out of every text before it leaves the probe.

    Values shorter than four characters are taken out only where they stand as a word: otherwise ordinary text would be
    blotted out and the blots would give the secret away.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        long = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        parts = [re.escape(s) if len(s) >= 4 else rf"(?<!\w){re.escape(s)}(?!\w)" for s in long]
        self._pattern = re.compile("|".join(parts)) if parts else None

    def __call__(self, text: str) -> str:
        """`text` with each secret replaced by `[redacted]`."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text
