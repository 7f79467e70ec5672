"""Build docs/example.ipynb and run it as Jupyter would: `python scripts/notebook.py [FILE]`."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TARGET = Path(__file__).parents[1] / "docs" / "example.ipynb"

CELLS: list[tuple[str, str]] = [
    ("text", """# Measured beside perceived, from Python

A made-up study of 12 portals and 3 waves of a survey: **nobody answered and no portal was probed**. Its truth is known,
so that one can see what the link finds. Everything here is also a command (`gapwatch survey`, `link`, `compare`)."""),
    ("code", """import tempfile
from pathlib import Path

import pandas as pd

from egovqual_link import (
    Inputs, Window, gap_scores, indicators, ipa, link, load_study, load_survey, reliability, write_report,
)
from egovqual_link.synthetic import make_study

pd.set_option("display.width", 120)
pd.set_option("display.max_colwidth", 60)
folder = Path(tempfile.mkdtemp())
example = make_study(folder / "study")
sorted(path.name for path in (folder / "study").iterdir())"""),
    ("text", """## What citizens said

Answers need their scale: a 4 means one thing of 5 and another of 6. Item means come with n and an interval of the gap,
drawn over respondents with a fixed seed."""),
    ("code", """survey = load_survey(example.answers, example.scale)
gaps = gap_scores(survey)
gaps[["key", "n", "performance", "importance", "gap", "gap_low", "gap_high"]].round(2).head(8)"""),
    ("code", """alpha = reliability(survey)
alpha[["key", "kind", "items", "n", "alpha", "alpha_low", "alpha_high", "omega"]].round(2)"""),
    ("text", """Importance-performance analysis depends on where the lines are drawn. `p_quadrant` says how often
respondents drawn anew put the item into the same quadrant."""),
    ("code", """placed = ipa(survey).query("level == 'item' and crosshair == 'means'")
placed[["key", "quadrant_en", "p_quadrant"]].head(8)"""),
    ("text", """## What was measured

One row an indicator. What probes cannot tell has no value, and the row says why."""),
    ("code", """study = load_study(example.study)
window = study.window(study.waves[-1])
table = indicators(str(example.store), portal=study.portals[0], window=window)
known = table[table["value"].notna()]
known[["item", "indicator", "value", "low", "high", "unit", "n_runs"]].round(3)"""),
    ("code", """table[table["value"].isna()][["item", "indicator", "reason_en"]].head(6)"""),
    ("text", """## Set side by side

`link` gives what may be said. The study file declared two pairs before anyone looked; all others are exploratory. Where
the data cannot support a coefficient there is none, and `reason_en` says why."""),
    ("code", """result = link(survey, str(example.store), study=study)
declared = result.associations.query("declared")
declared[["item", "indicator", "method", "over", "n_units", "r", "slope", "low", "high", "p_adjusted"]].round(3)"""),
    ("code", """example.true_rho.__round__(3), result.association.as_dict()"""),
    ("text", """One portal alone allows a table side by side, and no coefficient:"""),
    ("code", """first, last = f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}"
alone = link(survey, str(example.store), only=study.portals[:1], from_=first, to=last)
alone.association.reason, alone.association.reason_text.en"""),
    ("text", """## Write the report

One page for each language, which needs no network, with figures (SVG, PNG, PDF) and tables (CSV, XLSX, LaTeX)."""),
    ("code", """page = write_report(result, folder / "report")
sorted(path.name for path in page.parent.iterdir())"""),
    ("code", """from IPython.display import SVG

SVG(filename=page.parent / "figures" / "pairs.svg")"""),
]  # fmt: skip


def build() -> nbformat.NotebookNode:
    """The notebook, run; raises CellExecutionError where a cell fails."""
    cells = [
        new_markdown_cell(text, id=f"cell-{number}") if kind == "text" else new_code_cell(text, id=f"cell-{number}")
        for number, (kind, text) in enumerate(CELLS)
    ]
    notebook = new_notebook(
        cells=cells,
        metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    )
    # Over socket files, not ports: nobody else on the machine can listen.
    with tempfile.TemporaryDirectory() as sockets:
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=str(Path(sockets) / "kernel"))
        NotebookClient(notebook, km=manager, timeout=300).execute()
    return cleaned(notebook)


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without what changes from run to run: times, and addresses in memory."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            for kind, content in output.get("data", {}).items():
                if isinstance(content, str):
                    output["data"][kind] = re.sub(r" at 0x[0-9a-f]+", "", content)
    notebook.metadata.pop("language_info", None)
    return notebook


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    nbformat.write(build(), target)
    print(target)
