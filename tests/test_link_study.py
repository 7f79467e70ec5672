"""Study files: what is declared before looking, and every way to get it wrong, with its line."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from egovqual_link.study import load_study
from scenarios.source import InputError

GOOD = """\
study: synthetic example
portals: [alpha, beta]
waves:
  - {name: "1", start: 2024-05-10, end: 2024-05-12}
  - {name: "2", start: 2024-06-10, end: 2024-06-12}
recall_lag_days: 7
hypotheses:
  - {indicator: lcp_p75_seconds, item: RL5, direction: negative}
margin: 0.3
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return path


def test_a_study_gives_windows_and_knows_what_it_declared(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, GOOD))
    assert study.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    window = study.window(study.waves[0])
    assert window.declared
    assert window.start.astimezone(UTC) == datetime(2024, 5, 2, 17, tzinfo=UTC)
    assert window.end.astimezone(UTC) == datetime(2024, 5, 12, 17, tzinfo=UTC)
    assert window.days == 10
    assert study.window(study.waves[0], 28).days == 31
    assert study.waves[1].start == date(2024, 6, 10)
    declared = study.declares("lcp_p75_seconds", "RL5", "performance")
    assert declared is not None
    assert declared.direction == "negative"
    assert study.declares("lcp_p75_seconds", "RL5", "gap") is None


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("waves:", "wavs:"), 3, "unknown key 'wavs' (did you mean 'waves'?)"),
        (("2024-05-12}", "2024-05-01}"), 4, "the wave ends before it starts"),
        (('name: "2"', 'name: "1"'), 5, "the wave '1' stands twice"),
        (("recall_lag_days: 7", "recall_lag_days: soon"), 6, "must be a whole number"),
        (("lcp_p75_seconds", "lpc_p75_seconds"), 8, "did you mean 'lcp_p75_seconds'"),
        (("item: RL5", "item: RL9"), 8, "'RL9' is no item"),
        (("margin: 0.3", "margin: 3"), 9, "less than 1"),
        (("study: synthetic example", "study: s\ntime_zone: Asia/Semarang"), 2, "no time zone 'Asia/Semarang'"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, change: tuple[str, str], line: int, said: str) -> None:
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(InputError) as caught:
        load_study(path)
    told = [str(problem) for problem in caught.value.problems]
    assert any(each.startswith(f"{path}:{line}: ") and said in each for each in told), told


def test_a_study_without_dates_is_refused(tmp_path: Path) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if "name:" not in line and "waves" not in line)
    with pytest.raises(InputError, match="waves is required"):
        load_study(write(tmp_path, text))
