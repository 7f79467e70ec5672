"""What was found between measured and perceived, printed: declared pairs one by one, the rest counted."""

from __future__ import annotations

from typing import Any

from egovqual_link.beside import DASH, plain
from egovqual_link.link import LinkResult
from gapwatch.tables import Lang, number, print_table

_WORDS: dict[Lang, dict[str, str]] = {
    "en": {
        "title": "Declared before looking",
        "pair": "pair",
        "method": "method",
        "n": "units",
        "r": "r or slope",
        "interval": "95% interval",
        "p": "p adjusted",
        "status": "status",
        "declared": "declared",
        "exploratory": "exploratory",
        "study": "Study: {name}, SHA-256 of its file {digest}",
        "more": "{n} more coefficients, all exploratory: they are in the JSON and in tables/associations.csv",
        "ecological": "Over portals, regions or waves a coefficient says nothing about persons; a p that is not small "
        "does not show that there is no link.",
        "choices": "Other choices (Spearman's rho of the declared pairs; exploratory but for the base)",
        "varied": "choice",
        "base": "base",
        "operator": "operator's records",
    },
    "id": {
        "title": "Ditetapkan sebelum data dilihat",
        "pair": "pasangan",
        "method": "metode",
        "n": "unit",
        "r": "r atau kemiringan",
        "interval": "interval 95%",
        "p": "p disesuaikan",
        "status": "status",
        "declared": "ditetapkan",
        "exploratory": "eksploratif",
        "study": "Studi: {name}, SHA-256 berkasnya {digest}",
        "more": "{n} koefisien lain, semuanya eksploratif: ada di JSON dan di tables/associations.csv",
        "ecological": "Koefisien atas portal, wilayah, atau gelombang tidak berlaku bagi perorangan; p yang tidak "
        "kecil bukan bukti bahwa tidak ada hubungan.",
        "choices": "Pilihan lain (rho Spearman pasangan yang ditetapkan; eksploratif kecuali pilihan dasar)",
        "varied": "pilihan",
        "base": "dasar",
        "operator": "catatan pengelola",
    },
}


def print_associations(result: LinkResult, lang: Lang, *, choices: bool = True) -> None:
    """Study, warnings, declared coefficients and, with `choices`, how they fare under other choices."""
    words = _WORDS[lang]
    if result.study is not None:
        print(words["study"].format(name=result.study.name, digest=result.study.digest))
    for text in result.warnings:
        print(f"! {text[lang]}")
    table = result.associations
    if table.empty:
        return
    declared = table[table["declared"]]
    if len(declared):
        heads = [words[each] for each in ("pair", "method", "n", "r", "interval", "p", "status")]
        rows = [_row(row, lang) for row in declared.to_dict("records")]
        print_table(heads, rows, right=(2, 3, 5), title=words["title"])
    if more := int((~table["declared"] & table["r"].notna()).sum()):
        print(words["more"].format(n=more))
    print(words["ecological"])
    if choices:
        _print_choices(result, lang)


def _row(row: dict[Any, Any], lang: Lang) -> list[str]:
    words = _WORDS[lang]
    value = row["r"] if plain(row["r"]) is not None else row["slope"]
    digits = 3 if abs(plain(value) or 0.0) < 0.1 else 2
    interval = DASH
    if plain(row["low"]) is not None:
        ends = (number(row[end], lang, digits, sign=True) for end in ("low", "high"))
        interval = " … ".join(ends)
    pair = f"{row['indicator']} / {row['item']} ({row['score']})"
    if row["origin"] == "operator":
        pair += f" [{words['operator']}]"
    return [
        pair,
        f"{row['method']}, {row['over']}",
        str(row["n_units"]),
        number(value, lang, digits, sign=True) if plain(value) is not None else str(plain(row[f"reason_{lang}"])),
        interval,
        number(row["p_adjusted"], lang, 3),
        words[row["status"]],
    ]


def _print_choices(result: LinkResult, lang: Lang) -> None:
    table, words = result.robustness, _WORDS[lang]
    if table.empty:
        return
    rows = []
    for row in table.to_dict("records"):
        found = DASH
        if plain(row["r"]) is not None:
            found = number(row["r"], lang, sign=True)
            if plain(row["low"]) is not None:
                found += f" ({number(row['low'], lang, sign=True)} … {number(row['high'], lang, sign=True)})"
        shown = str(plain(row[f"reason_{lang}"])) if found == DASH else found
        pair = f"{row['indicator']} / {row['item']} ({row['score']})"
        rows.append([pair, f"{row['varied']}: {row['choice']}", words["base"] if row["base"] else "", shown])
    print_table([words["pair"], words["varied"], "", "rho"], rows, title=words["choices"])
