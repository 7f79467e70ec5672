"""One analysis as its files and choices: what `gapwatch link` is given, and what a bundle keeps of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from egovqual_link.external import read_issue_times, read_tickets
from egovqual_link.link import LinkResult, link
from egovqual_link.load import load_source
from egovqual_link.study import load_study


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files and choices of one analysis; what is None was not given.

    `store`: its URL, the path of its file, or `parquet:FOLDER`. `scale`: such as 1-6. `from_` and `to` are days.
    """

    survey: Path
    store: str
    portals: tuple[str, ...] = ()
    from_: str | None = None
    to: str | None = None
    scale: str | None = None
    mapping: Path | None = None
    study: Path | None = None
    tickets: Path | None = None
    issue_times: Path | None = None

    def files(self) -> Iterator[tuple[str, Path]]:
        """The files that were given, with what each is for; the store is not among them."""
        for role in ("survey", "mapping", "study", "tickets", "issue_times"):
            path = getattr(self, role)
            if path is not None:
                yield role, path

    def link(self) -> LinkResult:
        """Set the survey beside the store.

        Raises:
            InputError: a file, the store or a choice cannot be used.
        """
        declared = load_study(self.study) if self.study is not None else None
        zone = declared.time_zone if declared is not None else "Asia/Jakarta"
        records = [
            read(path, zone)
            for read, path in ((read_tickets, self.tickets), (read_issue_times, self.issue_times))
            if path is not None
        ]
        return link(
            load_source(self.survey, self.scale, self.mapping),
            self.store,
            from_=self.from_,
            to=self.to,
            only=self.portals or None,
            study=declared,
            external=records,
            files=tuple(self.files()),
        )
