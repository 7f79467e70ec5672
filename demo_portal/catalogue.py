"""The portal's content, read from data files: business codes, news, regulations and questions."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Language = Literal["id", "en"]

MONTHS: dict[Language, tuple[str, ...]] = {
    "id": ("Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober",
           "November", "Desember"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Strict):
    """A text in both languages."""

    id: str
    en: str

    def get(self, language: str) -> str:
        """The text in a language, Indonesian unless it is ``en``."""
        return self.en if language == "en" else self.id


class KbliCode(_Strict):
    """A five-digit business code with its titles and the words people search it by."""

    code: str = Field(pattern=r"^[0-9]{5}$")
    sector: str = Field(pattern=r"^[A-U]$")
    id: str
    en: str
    keywords: tuple[str, ...] = ()

    @property
    def title(self) -> Text:
        """The title in both languages."""
        return Text(id=self.id, en=self.en)


class Article(_Strict):
    """A news item or announcement; its date is the portal's day minus ``days_ago``."""

    slug: str = Field(pattern=r"^[a-z0-9-]+$")
    days_ago: int = Field(ge=0)
    topic: str = "pengumuman"
    title: Text
    body: Text

    def paragraphs(self, language: str) -> list[str]:
        """The body as paragraphs."""
        return self.body.get(language).split("\n\n")


class Regulation(_Strict):
    """A regulation by its number."""

    number: str
    year: int
    title: Text


class Question(_Strict):
    """A frequently asked question with its answer."""

    q: Text
    a: Text


class Figure(_Strict):
    """One bar of the statistics."""

    name: Text
    value: int = Field(ge=0)


class Statistics(_Strict):
    """Example figures by scale and by sector."""

    by_scale: tuple[Figure, ...]
    by_sector: tuple[Figure, ...]


class Catalogue(_Strict):
    """All content of the portal."""

    kbli: tuple[KbliCode, ...]
    news: tuple[Article, ...]
    announcements: tuple[Article, ...]
    regulations: tuple[Regulation, ...]
    faq: tuple[Question, ...]
    statistics: Statistics


TOPICS = {
    "layanan": Text(id="Layanan", en="Services"),
    "kegiatan": Text(id="Kegiatan", en="Events"),
    "panduan": Text(id="Panduan", en="Guides"),
    "pembiayaan": Text(id="Pembiayaan", en="Finance"),
    "kisah": Text(id="Kisah usaha", en="Business stories"),
    "keamanan": Text(id="Keamanan", en="Safety"),
    "data": Text(id="Data", en="Data"),
    "pengumuman": Text(id="Pengumuman", en="Announcement"),
}


@cache
def load_catalogue() -> Catalogue:
    """Read and validate the data files once; they ship with the package."""
    folder = files("demo_portal") / "data"
    raw: dict[str, Any] = {
        name: yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("kbli", "news", "announcements", "regulations", "faq", "statistics")
    }
    return TypeAdapter(Catalogue).validate_python(raw)


def long_date(value: date, language: str) -> str:
    """A date as a person writes it: ``24 November 2026``."""
    months = MONTHS["en" if language == "en" else "id"]
    return f"{value.day} {months[value.month - 1]} {value.year}"


def article_date(article: Article, day: date, content_age_days: int) -> date:
    """The date an article carries on the portal's day."""
    return day - timedelta(days=article.days_ago + content_age_days)
