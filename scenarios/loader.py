"""Flow files: found by name or path, read, and checked beyond what their shape can say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.citizen import synthetic_citizen
from scenarios.model import Flow, Repeat, Scenario, Script, Step, Upload
from scenarios.source import Document, InputError, Key, Problem, load_yaml, nearest, validate
from scenarios.variables import inner_steps, malformed, remembered, texts, used_names

SHIPPED = Path(__file__).parent / "flows"
_CITIZEN = frozenset(synthetic_citizen("names").variables())


def shipped_flows() -> dict[str, Path]:
    """The flows that come with the tool, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find_flow(reference: str, base: Path) -> Path:
    """The file that a config means: a shipped flow's name, or a path (from the config's folder) with its ending.

    Raises:
        InputError: neither; the hint names the nearest shipped flow.
    """
    if reference.endswith((".yaml", ".yml")):
        path = base / Path(reference).expanduser()
        if not path.is_file():
            raise InputError([Problem(str(path), None, "no such flow file")])
        return path
    shipped = shipped_flows()
    if reference not in shipped:
        hint = nearest(reference, shipped) or "name a shipped flow, or give the path of a .yaml file"
        raise InputError([Problem(reference, None, f"unknown scenario {reference!r}", hint)])
    return shipped[reference]


def load_flow(path: Path) -> Flow:
    """The flow in the file `path`.

    Raises:
        InputError: every problem with its line: syntax, unknown keys, wrong types, steps that cannot be reached,
            variables that nothing sets, a submit in a flow that does not say it submits, missing files.
    """
    document = load_yaml(path)
    if isinstance(document.data, list):
        raise InputError([document.problem((), "a flow is a mapping with name, kind and steps, not a list")])
    scenario = validate(Scenario, document)
    problems = list(_Checker(scenario, document, path.parent).problems())
    if problems:
        raise InputError(problems)
    return Flow(scenario, path)


def _walk(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _walk(inner_steps(step))


@dataclass(frozen=True)
class _Checker:
    """What a scenario must hold beyond its shape, told by the lines of its document."""

    scenario: Scenario
    document: Document
    folder: Path

    def problems(self) -> Iterator[Problem]:
        scenario, document = self.scenario, self.document
        known = {"portal.name", "portal.base_url", *_CITIZEN}
        if scenario.request is not None:
            for key in ("path", "headers", "body_contains", "body_lacks"):
                yield from self._variables(getattr(scenario.request, key), ("request", key), known)
            return
        first = scenario.steps[0]
        if first.verb not in ("open", "script"):
            yield document.problem(
                ("steps", 0),
                f"cannot be reached: {first.verb!r} before any page is open",
                "let the flow start with `open: /`",
            )
        yield from self._steps(scenario.steps, ("steps",), known)
        if scenario.submits and not any(step.verb == "submit" for step in _walk(scenario.steps)):
            yield document.problem(
                ("submits",),
                "the flow says `submits: true` but has no `submit` step",
                "use `submit:` instead of `click:` for the button that sends the form",
            )

    def _steps(self, steps: Sequence[Step], path: tuple[Key, ...], known: set[str]) -> Iterator[Problem]:
        for index, step in enumerate(steps):
            here = (*path, index, step.verb)
            yield from self._variables(step.argument, here, known)
            yield from self._one(step, (*path, index))
            argument = step.argument
            if isinstance(argument, Repeat):
                yield from self._steps(argument.steps, (*here, "steps"), known | {argument.as_})
                known |= {name for each in _walk(argument.steps) if (name := remembered(each))}
            elif (name := remembered(step)) is not None:
                known.add(name)

    def _one(self, step: Step, place: tuple[Key, ...]) -> Iterator[Problem]:
        scenario, document, argument = self.scenario, self.document, step.argument
        if step.verb == "submit" and not scenario.submits:
            yield document.problem(
                (*place, "submit"),
                "a `submit` step in a flow that does not say so",
                "add `submits: true` at the top of the flow",
            )
        if step.timeout is not None and step.timeout > scenario.deadline:
            yield document.problem(
                (*place, "timeout"),
                f"timeout ({step.timeout:g} s) is longer than the flow's deadline ({scenario.deadline:g} s)",
            )
        if isinstance(argument, Upload | Script) and not (self.folder / argument.file).is_file():
            yield document.problem((*place, step.verb, "file"), f"no such file beside the flow: {argument.file}")

    def _variables(self, argument: Any, here: tuple[Key, ...], known: set[str]) -> Iterator[Problem]:
        if isinstance(argument, Repeat):
            argument = (argument.over, argument.links)
        for text in texts(argument):
            if (bad := malformed(text)) is not None:
                yield self.document.problem(here, f"{bad!r} is not a variable", "write it as {{ citizen.nik }}")
        for name in dict.fromkeys(used_names(argument)):
            if name not in known and not name.startswith(("settings.", "secrets.")):
                yield self.document.problem(
                    here, f"the variable {{{{ {name} }}}} is not set by any step before", nearest(name, known)
                )
