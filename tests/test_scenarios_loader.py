"""Flow files: what is refused, with its line, its reason and its mend; and that the shipped ones are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.loader import find_flow, load_flow, shipped_flows
from scenarios.source import InputError

BAD = {
    "syntax": ("name: [a\nkind: search\n", "2: YAML syntax"),
    "empty": ("", "1: is empty"),
    "unknown key": ("name: a\nkind: search\ndeadlin: 5\nsteps: [{open: /}]\n", "3: unknown key 'deadlin' (did you mean 'deadline'?)"),
    "twice": ("name: a\nname: b\nkind: search\nsteps: [{open: /}]\n", "2: the key 'name' stands twice (first in line 1)"),
    "kind": ("name: a\nkind: serach\nsteps: [{open: /}]\n", "2: kind should be"),
    "verb": ("name: a\nkind: search\nsteps:\n  - clik: {role: button}\n", "4: unknown key 'clik' (did you mean 'click'?)"),
    "no verb": ("name: a\nkind: search\nsteps:\n  - open: /\n  - name: x\n", "5: steps.1: a step has exactly one verb"),
    "two verbs": ("name: a\nkind: search\nsteps:\n  - {open: /, click: b}\n", "4: steps.0: a step has exactly one verb"),
    "a verb that says nothing": ("name: a\nkind: search\nsteps:\n  - {open: /b, expect: }\n", "4: steps.0: `expect` says nothing"),
    "soft repeat": ("name: a\nkind: search\nsteps:\n  - {repeat: {times: 2, steps: [{open: /}]}, soft: true}\n", "4: steps.0: `soft`, `timeout` and `slow` go with the steps inside"),
    "type": ("name: a\nkind: search\nsteps:\n  - open: 5\n", "4: steps.0.open must be a mapping"),
    "duration": ("name: a\nkind: search\ndeadline: soon\nsteps: [{open: /}]\n", "3: deadline: must be a duration such as"),
    "two ways": ("name: a\nkind: search\nsteps:\n  - open: /\n  - click: {text: a, label: b}\n", "5: steps.1.click: name the element by exactly one of"),
    "expect nothing": ("name: a\nkind: search\nsteps:\n  - open: /\n  - expect: {}\n", "5: steps.1.expect: expects nothing"),
    "gold": ("name: a\nkind: search\nsteps:\n  - open: /\n  - search: {box: {role: searchbox}, result: {role: listitem}, queries: [{query: nib}]}\n", "expects nothing: give titles, categories or both"),
    "unreachable": ("name: a\nkind: search\nsteps:\n  - click: Cari\n", "4: cannot be reached: 'click' before any page is open"),
    "variable": ('name: a\nkind: search\nsteps:\n  - open: /\n  - fill: {label: N, value: "{{ citizen.nk }}"}\n', "5: the variable {{ citizen.nk }} is not set by any step before (did you mean 'citizen.nik'?)"),
    "variable of a check": ('name: a\nkind: http\nrequest:\n  path: "/{{ setings.page }}"\n', "4: the variable {{ setings.page }} is not set by any step before"),
    "malformed variable of a check": ('name: a\nkind: http\nrequest:\n  headers:\n    X-A: "{{ a b }}"\n', "'{{ a b }}' is not a variable"),
    "variable of a body": ('name: a\nkind: http\nrequest:\n  body_contains: ["{{ citizen.nk }}"]\n', "4: the variable {{ citizen.nk }} is not set by any step before (did you mean 'citizen.nik'?)"),
    "submit": ("name: a\nkind: search\nsteps:\n  - open: /\n  - submit: Kirim\n", "5: a `submit` step in a flow that does not say so"),
    "no submit": ("name: a\nkind: search\nsubmits: true\nsteps:\n  - open: /\n", "3: the flow says `submits: true` but has no `submit` step"),
    "timeouts": ("name: a\nkind: search\ndeadline: 5s\nsteps: [{open: /}]\n", "step_timeout (15 s) is longer than deadline (5 s)"),
    "script": ("name: a\nkind: search\nsteps:\n  - script: {file: nowhere.py}\n", "4: no such file beside the flow: nowhere.py"),
    "list": ("- open: /\n", "1: a flow is a mapping"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_flow_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    text, expected = BAD[name]
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        load_flow(path)
    assert expected in str(refusal.value)
    assert str(refusal.value).startswith(str(path))


def test_every_problem_is_listed_not_only_the_first(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("name: a\nkind: search\nx: 1\ny: 2\nsteps: [{open: /}]\n")
    with pytest.raises(InputError) as refusal:
        load_flow(path)
    assert [problem.line for problem in refusal.value.problems] == [3, 4]


def test_a_missing_flow_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text("name: a")
    with pytest.raises(InputError, match=r"no such file \(did you mean .*search.yaml"):
        load_flow(tmp_path / "serach.yaml")
    with pytest.raises(InputError, match=r"unknown scenario 'serach' .*did you mean 'search'"):
        find_flow("serach", tmp_path)


def test_aliases_cannot_grow_without_bound(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="too many or too deeply nested"):
        load_flow(path)


@pytest.mark.parametrize("name", shipped_flows())
def test_shipped_flows_load_under_their_own_name(name: str) -> None:
    flow = load_flow(shipped_flows()[name])
    assert flow.scenario.name == name


def test_shipped_flows_cover_the_kinds() -> None:
    kinds = {load_flow(path).scenario.kind for path in shipped_flows().values()}
    assert kinds == {"page_load", "search", "form_submission", "error_detection", "download", "tracking", "http"}
