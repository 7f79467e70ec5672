"""Search over the catalogue: hits ranked by matched words and grouped by category."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from demo_portal.catalogue import Catalogue, Text

CATEGORIES: dict[str, Text] = {
    "kbli": Text(id="KBLI (kode usaha)", en="KBLI (business codes)"),
    "berita": Text(id="Berita", en="News"),
    "pengumuman": Text(id="Pengumuman", en="Announcements"),
    "faq": Text(id="Tanya jawab", en="FAQ"),
}
HITS_PER_CATEGORY = 10
MAX_QUERY_CHARACTERS = 200
_STOPWORDS = frozenset({
    "apa", "atau", "bagaimana", "cara", "dan", "dari", "dengan", "di", "ini", "itu", "ke", "kode", "mana",
    "pada", "saya", "untuk", "yang",
    "a", "an", "and", "do", "for", "how", "i", "in", "is", "my", "of", "or", "the", "to", "what",
})  # fmt: skip
_TITLE_WEIGHT, _KEYWORD_WEIGHT, _BODY_WEIGHT = 3.0, 2.0, 1.0


@dataclass(frozen=True)
class Document:
    """One thing that can be found."""

    category: str
    path: str
    title: Text
    excerpt: Text
    code: str
    words: dict[str, float]


@dataclass(frozen=True)
class Hit:
    """A document with its score; higher is better, scores of different queries do not compare."""

    document: Document
    score: float


def words_of(text: str) -> list[str]:
    """Lower-case words and numbers of a text, without the words that carry no meaning."""
    return [word for word in re.findall(r"[a-z0-9]+", text.casefold()) if word not in _STOPWORDS]


def _weights(*parts: tuple[str, float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for text, weight in parts:
        for word in words_of(text):
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights


class SearchIndex:
    """The searchable form of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.documents = [*_kbli(catalogue), *_articles(catalogue), *_questions(catalogue)]
        self._frequency: dict[str, int] = {}
        for document in self.documents:
            for word in document.words:
                self._frequency[word] = self._frequency.get(word, 0) + 1

    def _rarity(self, word: str) -> float:
        return math.log(1.0 + len(self.documents) / (1.0 + self._frequency.get(word, 0)))

    def _score(self, document: Document, wanted: list[str]) -> float:
        score, matched = 0.0, 0
        for word in wanted:
            if document.code and word.isdigit() and document.code.startswith(word):
                weight = 2 * _TITLE_WEIGHT
            elif word in document.words:
                weight = document.words[word]
            elif len(word) >= 4:
                begun = [value for known, value in document.words.items() if known.startswith(word)]
                weight = 0.5 * max(begun, default=0.0)
            else:
                weight = 0.0
            if weight:
                matched += 1
                score += weight * self._rarity(word)
        # Half of the words must be met: one common word alone would fill the page with strangers.
        return score if matched * 2 >= len(wanted) else 0.0

    def search(self, query: str) -> dict[str, list[Hit]]:
        """Hits by category, best first; categories without a hit are left out."""
        wanted = words_of(query[:MAX_QUERY_CHARACTERS])
        if not wanted:
            return {}
        grouped: dict[str, list[Hit]] = {}
        for document in self.documents:
            score = self._score(document, wanted)
            if score > 0:
                grouped.setdefault(document.category, []).append(Hit(document, score))
        return {
            category: sorted(grouped[category], key=lambda hit: (-hit.score, hit.document.path))[:HITS_PER_CATEGORY]
            for category in CATEGORIES
            if category in grouped
        }

    def unrelated(self, query: str) -> dict[str, list[Hit]]:
        """What a broken index would answer: documents that share no word with the query."""
        wanted = words_of(query[:MAX_QUERY_CHARACTERS])
        strangers = [document for document in self.documents if not self._score(document, wanted)]
        return {
            category: [Hit(document, 0.0) for document in strangers if document.category == category][:3]
            for category in CATEGORIES
        }

    def suggestion(self, query: str) -> str | None:
        """The query with unknown words replaced by the nearest known ones, or None when there is none."""
        corrected: list[str] = []
        for word in words_of(query[:MAX_QUERY_CHARACTERS]):
            near = [word] if word in self._frequency else difflib.get_close_matches(word, self._frequency, 1, 0.75)
            corrected.extend(near)
        text = " ".join(corrected)
        return text if text and corrected != words_of(query) else None


def _kbli(catalogue: Catalogue) -> list[Document]:
    return [
        Document(
            category="kbli",
            path=f"/kbli/{item.code}",
            title=Text(id=f"{item.code} {item.id}", en=f"{item.code} {item.en}"),
            excerpt=Text(id=", ".join(item.keywords), en=item.id),
            code=item.code,
            words=_weights(
                (" ".join(item.keywords), _KEYWORD_WEIGHT), (item.id, _TITLE_WEIGHT), (item.en, _TITLE_WEIGHT)
            ),
        )
        for item in catalogue.kbli
    ]


def _articles(catalogue: Catalogue) -> list[Document]:
    found: list[Document] = []
    for category, items in (("berita", catalogue.news), ("pengumuman", catalogue.announcements)):
        for item in items:
            title = f"{item.title.id} {item.title.en}"
            found.append(
                Document(
                    category=category,
                    path=f"/{category}/{item.slug}",
                    title=item.title,
                    excerpt=Text(id=item.paragraphs("id")[0], en=item.paragraphs("en")[0]),
                    code="",
                    words=_weights((f"{item.body.id} {item.body.en}", _BODY_WEIGHT), (title, _TITLE_WEIGHT)),
                )
            )
    return found


def _questions(catalogue: Catalogue) -> list[Document]:
    return [
        Document(
            category="faq",
            path=f"/faq#tanya-{number}",
            title=item.q,
            excerpt=item.a,
            code="",
            words=_weights((f"{item.a.id} {item.a.en}", _BODY_WEIGHT), (f"{item.q.id} {item.q.en}", _TITLE_WEIGHT)),
        )
        for number, item in enumerate(catalogue.faq, start=1)
    ]
