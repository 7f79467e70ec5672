"""A survey on the terminal: first what it says, then the tables that carry it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from egovqual_link.ipa import CROSSHAIRS, quadrant_name
from egovqual_link.published import PublishedTable
from egovqual_link.scores import Source
from egovqual_link.survey import FLAGS, Survey
from gapwatch.survey_files import quadrants
from gapwatch.survey_words import FLAG_WORDS, WORDS
from gapwatch.tables import DASH, Lang, number, print_table

Tables = Mapping[str, pd.DataFrame]

#: Below this share of resamples a quadrant is called unsure.
_SURE: Final = 0.8
#: What `--all` prints of each item's reliability.
_RELATED: Final = ("r", "alpha_without")
#: Rows of flagged respondents and of cells outside the scale that are printed; files hold all.
_SHOWN: Final = 20


def print_survey(source: Source, tables: Tables, lang: Lang, *, everything: bool = False) -> None:
    """The summary, scores with tests, reliability, results without the flagged, and sample size.

    `everything` adds quadrants by every crosshair, item-total correlations, the flagged rows and sizes by item.
    """
    _summary(source, tables, lang)
    _scores(tables, lang)
    _reliability(tables, lang)
    if isinstance(source, Survey):
        _flagged(source, tables, lang, everything)
    _sizes(tables, lang, everything)
    if everything:
        _crosshairs(tables, lang)
        _item_total(tables, lang)
    for note in tables["notes"][f"note_{lang}"]:
        print(f"- {note}")
    if not everything:
        print(WORDS[lang]["more"])


def _summary(source: Source, tables: Tables, lang: Lang) -> None:
    words = WORDS[lang]
    name = source.study if isinstance(source, PublishedTable) else source.source
    print(f"{words['survey']}: {name}")
    respondents = words["not_told"] if source.n is None else f"{source.n:,}".replace(",", "." if lang == "id" else ",")
    print(f"{words['respondents']}: {respondents}; {words['scale']}: {source.scale or words['not_told']}")
    overall = tables["scores"].iloc[-1]
    print(
        f"{words['overall']}: {words['performance']} {number(overall['performance'], lang)}, "
        f"{words['importance']} {number(overall['importance'], lang)}, "
        f"{words['gap']} {number(overall['gap'], lang, sign=True)} {_interval(overall, lang)}".rstrip()
    )
    rows = [
        (quadrant_name(code, lang), ", ".join(_placed(each, lang) for each in found) or DASH)
        for code, found in quadrants(tables).items()
    ]
    print_table((words["quadrant"], words["items"]), rows, title=words["quadrants"])
    unsure = [each["key"] for found in quadrants(tables).values() for each in found if (each["p"] or 1.0) < _SURE]
    if unsure:
        print(words["unsure"].format(items=", ".join(unsure), share=f"{_SURE:.0%}"))
    moving = _moving(tables)
    if moving:
        print(words["moving"].format(items=", ".join(moving)))


def _placed(entry: Mapping[str, Any], lang: Lang) -> str:
    share = "" if entry["p"] is None else f" {entry['p']:.0%}"
    return f"{entry['key']}{share}" + (f" ({WORDS[lang]['on_line']})" if entry["on_line"] else "")


def _moving(tables: Tables) -> list[str]:
    """Items that lines at the medians put into another quadrant than lines at the means."""
    placed = tables["ipa"]
    placed = placed[placed["crosshair"].isin(("means", "medians")) & placed["quadrant"].notna()]
    return [str(key) for key, rows in placed.groupby("key", sort=False) if rows["quadrant"].nunique() > 1]


def _interval(row: Any, lang: Lang) -> str:
    if pd.isna(row["gap_low"]):
        return ""
    return f"({number(row['gap_low'], lang, sign=True)} … {number(row['gap_high'], lang, sign=True)})"


def _p(value: Any, lang: Lang) -> str:
    if pd.isna(value):
        return DASH
    return f"< {number(0.001, lang, 3)}" if value < 0.001 else number(value, lang, 3)


def _scores(tables: Tables, lang: Lang) -> None:
    words = WORDS[lang]
    tests = tables["gap_tests"].set_index(["level", "key"])
    rows, silent = [], []
    for row in tables["scores"].to_dict("records"):
        if pd.isna(row["performance"]) and pd.isna(row["importance"]) and pd.isna(row["gap"]):
            silent.append(str(row["key"]))
            continue
        test = tests.loc[(row["level"], row["key"])]
        adjusted = "" if row["level"] == "overall" else "_adjusted"
        star = "*" if not pd.isna(test["zeros_matter"]) and test["zeros_matter"] else ""
        rows.append(
            (
                words["overall"] if row["level"] == "overall" else str(row["key"]),
                number(row["n"], lang, 0),
                number(row["performance"], lang),
                number(row["importance"], lang),
                number(row["gap"], lang, sign=True),
                _interval(row, lang).strip("()") or DASH,
                _p(test[f"p_t{adjusted}"], lang),
                _p(test[f"p_wilcoxon{adjusted}"], lang) + star,
                number(test["rank_biserial"], lang, sign=True),
                number(row["tk"], lang, 1),
            )
        )
    heads = ("key", "n", "performance", "importance", "gap", "interval", "p_t", "p_w", "rb", "tk")
    print_table([words[each] for each in heads], rows, right=range(1, 10), title=words["scores"])
    if silent:
        print(f"{words['silent']}: {', '.join(silent)}")
    if tests["p_t"].notna().any():
        print(words["tests"])
    for line in _zeros(tables["gap_tests"], lang):
        print(line)


def _zeros(tests: pd.DataFrame, lang: Lang) -> Iterator[str]:
    for row in tests[tests["zeros_matter"].fillna(False)].to_dict("records"):
        adjusted = "" if row["level"] == "overall" else "_adjusted"
        values = {name: _p(row[f"p_{name}{adjusted}"], lang) for name in ("wilcoxon", "pratt", "zsplit")}
        yield WORDS[lang]["zeros"].format(key=row["key"], zero=row["n_zero"], n=row["n"], **values)


def _reliability(tables: Tables, lang: Lang) -> None:
    words = WORDS[lang]
    table = tables["reliability"]
    if table["alpha"].isna().all():
        print(f"{words['reliability']}: {table[f'reason_{lang}'].iloc[0]}")
        return

    def ends(row: Mapping[Any, Any], name: str) -> str:
        if pd.isna(row[name]):
            return DASH
        if pd.isna(row[f"{name}_low"]):
            return number(row[name], lang)
        low, high = number(row[f"{name}_low"], lang), number(row[f"{name}_high"], lang)
        return f"{number(row[name], lang)} ({low} … {high})"

    rows = [
        (
            str(row["key"]),
            words[row["kind"]],
            number(row["n"], lang, 0),
            number(row["items"], lang, 0),
            ends(row, "alpha"),
            ends(row, "omega"),
            "" if pd.isna(row["reason"]) else row[f"reason_{lang}"],
        )
        for row in table.to_dict("records")
    ]
    heads = [words[each] for each in ("dimension", "question", "n", "items", "alpha", "omega")]
    print_table([*heads, ""], rows, right=(2, 3), title=words["reliability"])


def _flagged(survey: Survey, tables: Tables, lang: Lang, everything: bool) -> None:
    words = WORDS[lang]
    marked = tables["flagged"]
    counts = ", ".join(
        f"{FLAG_WORDS[lang][name]} {int(marked[name].sum())}" for name in FLAGS if bool(marked[name].any())
    )
    print(words["flagged"].format(flagged=len(marked), n=survey.n) + (f": {counts}" if counts else ""))
    if len(tables["problems"]):
        print(words["outside"].format(cells=len(tables["problems"]), scale=survey.scale))
    if marked.empty:
        return
    both = tables["with_and_without"]
    levels = ("item", "dimension", "overall") if everything else ("dimension", "overall")
    print_table(
        [words[each] for each in ("key", "n_all", "gap_all", "n_rest", "gap_rest", "shift")],
        list(_with_and_without(both[both["level"].isin(levels)], lang)),
        right=range(1, 6),
        title=words["with_and_without"],
    )
    items = both[(both["level"] == "item") & both["quadrant"].notna()]
    moved = [str(key) for key, rows in items.groupby("key", sort=False) if rows["quadrant"].nunique() > 1]
    print(words["moved"].format(items=", ".join(moved) or words["none"]))
    if everything:
        _flagged_rows(tables, lang)


def _with_and_without(both: pd.DataFrame, lang: Lang) -> Iterator[Sequence[str]]:
    rest = {(row["level"], row["key"]): row for row in both[both["respondents"] == "unflagged"].to_dict("records")}
    for row in both[both["respondents"] == "all"].to_dict("records"):
        other = rest[row["level"], row["key"]]
        yield (
            WORDS[lang]["overall"] if row["level"] == "overall" else str(row["key"]),
            number(row["n"], lang, 0),
            number(row["gap"], lang, sign=True),
            number(other["n"], lang, 0),
            number(other["gap"], lang, sign=True),
            number(other["gap"] - row["gap"], lang, sign=True),
        )


def _flagged_rows(tables: Tables, lang: Lang) -> None:
    words, marked = WORDS[lang], tables["flagged"]
    rows = [
        (
            str(row["line"]),
            "" if pd.isna(row["id"]) else str(row["id"])[:40],
            ", ".join(FLAG_WORDS[lang][name] for name in FLAGS if row[name]),
        )
        for row in marked.head(_SHOWN).to_dict("records")
    ]
    print_table((words["line"], "id", words["flags"]), rows, right=(0,), title=words["flagged_rows"])
    _not_shown(len(marked), lang)
    if len(tables["problems"]):
        cells = [
            (str(row["line"]), str(row["column"])[:40], str(row["value"]))
            for row in tables["problems"].head(_SHOWN).to_dict("records")
        ]
        heads = (words["line"], words["column"], words["value"])
        print_table(heads, cells, right=(0,), title=words["outside_rows"])
        _not_shown(len(tables["problems"]), lang)


def _not_shown(count: int, lang: Lang) -> None:
    if count > _SHOWN:
        print(WORDS[lang]["not_shown"].format(count=count - _SHOWN))


def _sizes(tables: Tables, lang: Lang, everything: bool) -> None:
    words, table = WORDS[lang], tables["sample_size"]
    known = table[table["n_needed"].notna()]
    if known.empty:
        return
    slovin = known[known["rule"] == "slovin"]
    if len(slovin):
        row = slovin.iloc[0]
        print(f"{words['slovin'].format(n=row['n_needed'], population=row['population'])} {row[f'assumes_{lang}']}")
    precise = known[known["rule"] == "precision"]
    if not everything:
        # The item that needs most, and the whole: between them lie all others.
        most = precise[precise["level"] == "item"].nlargest(1, "n_needed")
        precise = pd.concat([most, precise[precise["level"] == "overall"]])
    if precise.empty:
        return
    rows = [
        (
            words["overall"] if row["level"] == "overall" else str(row["key"]),
            number(row["n"], lang, 0),
            f"± {number(row['half_width_now'], lang)}",
            number(row["gap_sd"], lang),
            number(row["n_needed"], lang, 0),
        )
        for row in precise.to_dict("records")
    ]
    wanted = number(precise["half_width_wanted"].iloc[0], lang)
    heads = [words[each] for each in ("key", "n", "width_now", "sd", "needed")]
    print_table(heads, rows, right=range(1, 5), title=words["sizes"].format(wanted=wanted))


def _crosshairs(tables: Tables, lang: Lang) -> None:
    placed = tables["ipa"]
    shown = [name for name in CROSSHAIRS if placed.loc[placed["crosshair"] == name, "quadrant"].notna().any()]
    rows = []
    for key, group in placed.groupby("key", sort=False):
        by_name = {row["crosshair"]: row for row in group.to_dict("records")}
        cells = []
        for name in shown:
            row = by_name[name]
            share = "" if pd.isna(row["p_quadrant"]) else f" {row['p_quadrant']:.0%}"
            cells.append(
                f"{row[f'quadrant_{lang}']}{share}" + (f" ({WORDS[lang]['on_line']})" if row["on_line"] else "")
            )
        rows.append([str(key), *cells])
    heads = [WORDS[lang]["key"], *(CROSSHAIRS[name][lang] for name in shown)]
    print_table(heads, rows, title=WORDS[lang]["crosshairs"])


def _item_total(tables: Tables, lang: Lang) -> None:
    table = tables["item_total"]
    if table["r"].isna().all():
        return
    words = WORDS[lang]
    rows = []
    for key, group in table.groupby("key", sort=False):
        by_kind = {row["kind"]: row for row in group.to_dict("records")}
        cells = [number(by_kind[kind][name], lang) for kind in ("performance", "importance") for name in _RELATED]
        rows.append([str(key), *cells])
    heads = [f"{words[kind]}: {words[name]}" for kind in ("performance", "importance") for name in _RELATED]
    print_table([words["key"], *heads], rows, right=range(1, 5), title=words["item_total"])
