"""Reading YAML that people write: every mistake is told with its line and its mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

Key = str | int
Path_ = tuple[Key, ...]
M = TypeVar("M", bound=BaseModel)

#: A config or flow is some kilobytes. A megabyte or a hundred thousand nodes is an accident or an attack
#: (nested aliases grow without bound: the "billion laughs").
MAX_BYTES = 1_000_000
MAX_NODES = 100_000


class StrictModel(BaseModel):
    """A frozen model that refuses unknown keys and does not turn one type into another."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what a person wrote: where, what, and what to do."""

    source: str
    line: int | None
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        """`file:line: message (hint)`, the form that editors and terminals make clickable."""
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class InputError(Exception):
    """What a person gave cannot be used; carries every problem found, not just the first. Exit code 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Document:
    """A parsed YAML file: plain data, and the line (from 1) of every key and element by its path."""

    source: str
    data: Any
    lines: Mapping[Path_, int] = field(repr=False)

    def line(self, path: Iterable[Key]) -> int | None:
        """Line of the deepest part of `path` that stands in the file."""
        parts = tuple(path)
        while parts:
            if parts in self.lines:
                return self.lines[parts]
            parts = parts[:-1]
        return self.lines.get((), None)

    def problem(self, path: Iterable[Key], message: str, hint: str | None = None) -> Problem:
        """A problem at the place that `path` has in the file."""
        return Problem(self.source, self.line(path), message, hint)


def read_text(path: Path) -> str:
    """Text of a file that a person named.

    Raises:
        InputError: it is missing, not a file, unreadable, too large, or not UTF-8.
    """
    name = str(path)
    try:
        if path.is_dir():
            raise InputError([Problem(name, None, "is a folder, not a file", "name the file inside it")])
        if path.stat().st_size > MAX_BYTES:
            raise InputError([Problem(name, None, f"is larger than {MAX_BYTES:,} bytes", "is it the right file?")])
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError([Problem(name, None, "no such file", _neighbours(path))]) from None
    except PermissionError:
        raise InputError([Problem(name, None, "may not be read", "check its permissions")]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError([Problem(name, line, "is not UTF-8 text", "save it as UTF-8")]) from None
    except OSError as error:
        raise InputError([Problem(name, None, error.strerror or str(error))]) from None


def _neighbours(path: Path) -> str | None:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix == path.suffix]
    except OSError:
        return f"the folder {path.parent} does not exist either"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {path.parent / close[0]}?" if close else None


def parse_yaml(text: str, source: str) -> Document:
    """YAML 1.1 (PyYAML's safe subset) with lines; duplicate keys and non-text keys are refused.

    Raises:
        InputError: syntax, duplicate or non-text keys, too many nodes, an empty document.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise InputError([Problem(source, 1, "is empty", "see `gapwatch init` for a start")])
        reader = _Reader(loader, source)
        data = reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError(
            [
                Problem(
                    source,
                    mark.line + 1 if mark else None,
                    f"YAML syntax: {message}",
                    _syntax_hint(text, mark),
                )
            ]
        ) from None
    except yaml.YAMLError as error:
        raise InputError([Problem(source, None, f"YAML syntax: {error}")]) from None
    finally:
        loader.dispose()
    if reader.problems:
        raise InputError(reader.problems)
    return Document(source, data, reader.lines)


def _syntax_hint(text: str, mark: yaml.Mark | None) -> str | None:
    if mark is None:
        return None
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line:
        return "indent with spaces, not tabs"
    if "{{" in line:
        return "put text with {{ … }} in quotes"
    return None


class _Reader:
    """Turns YAML nodes into plain data while it notes lines, mistakes and growth."""

    def __init__(self, loader: yaml.SafeLoader, source: str) -> None:
        self.loader = loader
        self.source = source
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def read(self, node: yaml.Node, path: Path_) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > 100:
            raise InputError([Problem(self.source, None, "has too many or too deeply nested values")])
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        return self.loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key == "<<":
                self.problems.append(Problem(self.source, line, "a key must be plain text"))
                continue
            if key in result:
                self.problems.append(
                    Problem(
                        self.source,
                        line,
                        f"the key {key!r} stands twice",
                        f"first in line {self.lines[*path, key]}",
                    )
                )
                continue
            self.lines[*path, key] = line
            result[key] = self.read(value_node, (*path, key))
        return result


def load_yaml(path: Path) -> Document:
    """The YAML file at `path`; raises InputError for all that can be wrong with it."""
    return parse_yaml(read_text(path), str(path))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean …?` for a misspelt word, or the list of what is known when it is short."""
    choices = sorted(set(known))
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(choices)}" if 0 < len(choices) <= 40 else None


def validate(model: type[M], document: Document, path: Path_ = (), data: Any = None) -> M:
    """`data` (or the whole document) as `model`.

    Raises:
        InputError: one Problem for each mistake, with its line, and the nearest known key for unknown ones.
    """
    value = document.data if data is None and not path else data
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(problems_of(error, model, document, path)) from None


def problems_of(error: ValidationError, model: type[BaseModel], document: Document, path: Path_ = ()) -> list[Problem]:
    """What pydantic found, as problems with lines, in the order of the file, each place once."""
    found: dict[tuple[int | None, str], Problem] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and detail["input"]:
            continue  # the elements were given; their own mistakes are told one by one
        where = _place(document, path, detail["loc"])
        problem = Problem(document.source, document.line(where), _message(detail, where), _hint(detail, model, where))
        found.setdefault((problem.line, problem.message), problem)
    return sorted(found.values(), key=lambda problem: problem.line or 0)


def _place(document: Document, base: Path_, loc: tuple[Key, ...]) -> Path_:
    """Where pydantic points, without the names of union members and validators, which are not in the file."""
    where = base
    for part in loc:
        if (*where, part) in document.lines or part == loc[-1]:
            where = (*where, part)
    return where


_SAID = {
    "missing": "is required",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
}


def _message(detail: ErrorDetails, where: Path_) -> str:
    name = ".".join(str(part) for part in where) or "the file"
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"unknown key {where[-1]!r}"
    said = _SAID.get(kind)
    if said is None:
        said = detail["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
        if kind == "value_error":
            return f"{name}: {said}"
    given = detail.get("input")
    shown = "" if kind == "missing" or isinstance(given, dict | list) else f", not {str(given)[:60]!r}"
    return f"{name} {said}{shown}"


def _hint(detail: ErrorDetails, model: type[BaseModel], where: Path_) -> str | None:
    if detail["type"] != "extra_forbidden":
        return None
    return nearest(str(where[-1]), _known_keys(model, detail["loc"][:-1]))


def _known_keys(model: type[BaseModel], loc: tuple[Key, ...]) -> list[str]:
    """Keys that the model at `loc` has; all keys of the whole model where the place cannot be followed."""
    current: list[type[BaseModel]] = [model]
    for part in loc:
        following = [
            inner
            for each in current
            for name, info in each.model_fields.items()
            if part in (name, info.alias)
            for inner in _models_in(info.annotation)
        ]
        current = (
            following or [inner for inner in current if not isinstance(part, str) or inner.__name__ == part] or current
        )
    return [info.alias or name for each in current for name, info in each.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for inner in getattr(annotation, "__args__", ()):
        found.extend(_models_in(inner))
    return found
