"""An operator's own records: read strictly, open waits censored, and labelled as the operator's everywhere."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from link_store import START, StoreMaker
from statsmodels.duration.survfunc import SurvfuncRight

from egovqual_link import load_published
from egovqual_link.external import read_issue_times, read_tickets, waiting_quantile
from egovqual_link.link import link
from egovqual_link.report import render
from egovqual_link.windows import Window
from scenarios.source import InputError

TICKETS = """\
Ticket;Opened;First reply;Closed;Portal
1;2024-05-01 08:00;2024-05-01 10:00;2024-05-02 08:00;synthetic
2;2024-05-01 08:00;2024-05-01 12:00;;synthetic
3;2024-05-01 08:00;2024-05-01 14:00;;synthetic
4;2024-05-01 08:00;;;synthetic
5;2024-05-02 08:00;;2024-05-02 09:00;synthetic
6;2024-05-03 08:00;;;synthetic
7;2023-01-01 08:00;2023-02-01 08:00;;synthetic
8;2024-05-01 08:00;2024-05-01 09:00;;another
"""


def write(folder: Path, text: str, name: str = "tickets.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def window() -> Window:
    return Window(START - timedelta(days=1), START + timedelta(days=30), "Asia/Jakarta")


def store(folder: Path, portals: tuple[str, ...] = ("synthetic",)) -> str:
    maker = StoreMaker(folder / "synthetic.db")
    for portal in portals:
        for hour in range(24):
            maker.opened(START + timedelta(hours=hour), 1.0 + hour / 20, portal=portal)
    return maker.write()


def test_open_tickets_are_censored_not_dropped(tmp_path: Path) -> None:
    records = read_tickets(write(tmp_path, TICKETS))
    assert f"{records.until:%Y-%m-%d %H:%M}" == "2024-05-03 01:00"  # 08:00 in Jakarta
    table = records.table
    assert table["hours"].tolist()[:6] == [2.0, 4.0, 6.0, 48.0, 1.0, 0.0]
    assert table["ended"].tolist()[:6] == [True, True, True, False, False, False]
    value = records.value(0.5, "synthetic", window())
    # By hand: at risk 4 at 2 h (S = .75), 3 at 4 h (.5): the median is 4 h; dropping the open ones would give it too,
    # but p75 lies beyond what was seen to end, where dropping them would say 6 h.
    assert (value.value, value.at_least, value.n, value.censored) == (4.0, False, 6, 3)
    assert value.n_runs == 0
    assert value.note is not None
    assert "not measured by probes" in value.note.en
    assert "tidak diukur dengan uji" in value.note.id
    assert records.value(0.75, "synthetic", window()).value == 6.0
    assert records.value(0.9, "synthetic", window()).at_least
    assert records.value(0.9, "synthetic", window()).value == 48.0


def test_quantiles_and_their_intervals_are_those_of_the_survival_curve() -> None:
    rng = np.random.default_rng(2)
    true, censor = rng.exponential(10, 300), rng.uniform(0, 40, 300)
    hours, ended = np.minimum(true, censor), true <= censor
    value, at_least, low, high = waiting_quantile(hours, ended, 0.5)
    curve = SurvfuncRight(hours, ended.astype(int))
    assert value == curve.quantile(0.5)
    assert (low, high) == tuple(curve.quantile_ci(0.5, 0.05, method="cloglog"))
    assert not at_least
    assert low is not None
    assert high is not None
    assert low < 10 * np.log(2) < high
    assert waiting_quantile(np.array([3.0, 9.0]), np.array([False, False]), 0.5) == (9.0, True, None, None)


def test_issue_times_count_what_is_not_yet_issued(tmp_path: Path) -> None:
    text = "applied,issued\n2024-05-01 08:00,2024-05-03 08:00\n2024-05-01 08:00,\n2024-05-01 08:00,2024-05-02 08:00\n"
    records = read_issue_times(write(tmp_path, text), "UTC")
    value = records.value(0.5, "anything", window())
    assert (value.value, value.censored) == (48.0, 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("2;2024-05-01 08:00;2024-05-01 12:00", "2;soon;2024-05-01 12:00", 3, "column 'opened': 'soon' is no time"),
        ("2;2024-05-01 08:00;2024-05-01 12:00", "2;;2024-05-01 12:00", 3, "column 'opened': is blank"),
        ("2024-05-01 14:00", "2024-04-01 14:00", 4, "column 'first_reply': 2024-04-01 07:00 UTC is before opened"),
        ("2024-05-02 09:00", "2024-05-02 07:00", 6, "column 'closed'"),
        ("First reply", "Reply", 1, "lacks the column 'first_reply'"),
        ("Portal", "Opened at", 1, "two columns hold 'opened'"),
        ("4;2024-05-01 08:00;;;synthetic", "4;2024-05-01 08:00;;;synthetic;more", 5, "has 6 cells, the header 5"),
    ],
)
def test_mistakes_are_told_with_row_and_column(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    path = write(tmp_path, TICKETS.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_tickets(path)
    told = [str(each) for each in caught.value.problems]
    assert any(f"{path.name}:{line}: " in each and said in each for each in told), told


def test_all_mistakes_are_told_at_once_and_empty_files_refused(tmp_path: Path) -> None:
    text = TICKETS.replace("2024-05-01 14:00", "later").replace("2024-05-02 09:00", "never")
    with pytest.raises(InputError) as caught:
        read_tickets(write(tmp_path, text))
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError, match="holds no rows"):
        read_tickets(write(tmp_path, "opened,first_reply,closed\n"))


def test_the_operators_figures_are_labelled_in_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gapwatch.associations import print_associations
    from gapwatch.surveys import print_link

    records = [read_tickets(write(tmp_path, TICKETS))]
    result = link(load_published(), store(tmp_path), from_="2024-05-01", to="2024-05-20", external=records)
    rows = result.indicators.set_index("indicator")
    assert rows.loc["helpdesk_first_reply_median_hours", "value"] == 4.0
    assert rows.loc["helpdesk_first_reply_median_hours", "origin"] == "operator"
    assert "not measured by probes" in rows.loc["helpdesk_first_reply_p75_hours", "note_en"]
    assert rows.loc["issue_time_median_hours", "reason"] == "operator_data"
    assert set(rows[rows["origin"] == "operator"].index) == {
        "issue_time_median_hours", "issue_time_p75_hours", "helpdesk_first_reply_median_hours",
        "helpdesk_first_reply_p75_hours",
    }  # fmt: skip
    data = json.loads(result.to_json())
    beside = next(row for row in data["side_by_side"] if row["indicator"] == "helpdesk_first_reply_median_hours")
    assert (beside["item"], beside["fit"], beside["origin"], beside["value"]) == ("CS2", "none", "operator", 4.0)
    assert any("1 rows of other portals" in text.en for text in result.warnings)
    assert "[operator's records]" in render(result, "en").replace("&#39;", "'")
    assert "[catatan pengelola]" in render(result, "id")
    print_link(result, "en")
    print_associations(result, "id")
    said = " ".join(capsys.readouterr().out.split())
    assert "operator's" in said
    assert "tidak diukur dengan uji" in said


def test_the_digest_tells_which_records_were_used(tmp_path: Path) -> None:
    url, survey = store(tmp_path), load_published()
    first = link(survey, url, external=[read_tickets(write(tmp_path, TICKETS))]).digest
    other = link(survey, url, external=[read_tickets(write(tmp_path, TICKETS + "9;2024-05-04 08:00;;;synthetic\n"))])
    assert len({first, other.digest, link(survey, url).digest}) == 3


def test_records_must_say_their_portal_where_there_are_several(tmp_path: Path) -> None:
    text = "opened,first_reply,closed\n2024-05-01 08:00,2024-05-01 09:00,\n"
    records = [read_tickets(write(tmp_path, text))]
    with pytest.raises(InputError, match="does not say the portal of every row"):
        link(load_published(), store(tmp_path, ("a", "b")), external=records)
    strange = [read_tickets(write(tmp_path, TICKETS.replace("synthetic", "syntetic").replace("another", "sintetic")))]
    with pytest.raises(InputError, match="has no row of a, b"):
        link(load_published(), store(tmp_path / "..", ("a", "b")), external=strange)
