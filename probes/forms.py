"""Forms as met in a flow: each field once, which personal data it asks for, and what is asked more than once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from probes.rules import Look, clean
from probes.run import FormField, FormsResult


def _kind(name: str, pattern: str) -> tuple[str, re.Pattern[str]]:
    return name, re.compile(pattern, re.IGNORECASE)


#: Personal-data kinds by what the label says, first match wins; Indonesian and English.
PERSONAL = (
    _kind(
        "national_id", r"\bNIK\b|\bKTP\b|nomor induk kependudukan|national id|identity (card )?number|passport|paspor"
    ),
    _kind("tax_id", r"\bNPWP\b|tax (payer )?(id|number)"),
    _kind("family_card", r"kartu keluarga|\bKK\b|family card"),
    _kind("mother_name", r"ibu kandung|mother'?s? (maiden )?name"),
    _kind("birth_date", r"(tanggal|tgl\.?) lahir|date of birth|birth ?da(te|y)"),
    _kind("birth_place", r"tempat lahir|place of birth|birth ?place"),
    _kind("sex", r"jenis kelamin|\bsex\b|gender"),
    _kind("email", r"e-?mail|surel"),
    _kind("phone", r"whats ?app|telepon|\bponsel\b|\bHP\b|handphone|phone|mobile number"),
    _kind("address", r"alamat(?! (surel|e-?mail|situs|usaha))|\baddress\b(?! of (the )?business)"),
    _kind("name", r"nama (lengkap|pemohon|anda|sesuai)|^nama$|full name|your name|^name\b|applicant.?s? name"),
    _kind("religion", r"\bagama\b|religion"),
    _kind("marital_status", r"status (perkawinan|pernikahan)|marital"),
)

#: Neither is a question that a form puts to the citizen.
_NOT_COUNTED = frozenset({"search", "password"})


def personal_kind(label: str, name: str = "", autocomplete: str = "") -> str | None:
    """Which personal data a field asks for, by its label, else by its name and autocomplete token."""
    for text in (label, name.replace("_", " ").replace("-", " "), autocomplete.replace("-", " ")):
        for kind, pattern in PERSONAL:
            if text and pattern.search(text):
                return kind
    return None


#: Browsers and careful sites empty these on purpose.
_MAY_EMPTY = frozenset({"password", "checkbox", "file"})


class FormInventory:
    """Collects the fields of the pages of one flow, in the order in which they are met.

    `one_errand` says that the pages serve one purpose, so that a question that comes twice is asked twice; a walk over
    unrelated pages asks nothing twice.
    """

    def __init__(self, *, one_errand: bool) -> None:
        self._one_errand = one_errand
        self._fields: dict[tuple[str, str, str], FormField] = {}
        self._paths: dict[str, int] = {}
        self._logged_in_from: int | None = None
        self.rejected = 0
        self.input_lost = 0

    def see(self, look: Look, step: str, path: str) -> None:
        """Note the fields of a page; the same field on the same page counts once however often the page is seen."""
        for field in look.fields:
            if field["search"] or field["type"] in _NOT_COUNTED:
                continue
            page = self._paths.setdefault(path, len(self._paths))
            key = (path, str(field["key"]), str(field["label"]))
            self._fields.setdefault(key, _field(field, step, page))

    @staticmethod
    def lost(before: Look, after: Look) -> list[str]:
        """Labels of fields that were filled before the form was sent and are there but empty now (passwords may be)."""
        filled = {field["key"] for field in before.fields if field["filled"] and field["type"] not in _MAY_EMPTY}
        return [str(field["label"]) for field in after.fields if field["key"] in filled and not field["filled"]]

    def logged_in(self) -> None:
        """From here on the citizen has an account; what was asked before counts as asked before login."""
        if self._logged_in_from is None:
            self._logged_in_from = len(self._paths)

    def result(self) -> FormsResult | None:
        """The inventory; None where the flow met no form."""
        fields = tuple(self._fields.values())
        if not fields:
            return None
        before = [field for field in fields if self._logged_in_from is None or field.page < self._logged_in_from]
        return FormsResult(
            fields=fields,
            duplicates=duplicates(fields) if self._one_errand else (),
            personal_before_login=sum(field.personal is not None for field in before),
            rejected=self.rejected,
            input_lost=self.input_lost,
        )


def duplicates(fields: Sequence[FormField]) -> tuple[str, ...]:
    """Each repeated asking: a field of personal data whose kind was already asked on an earlier page of the flow.

    Only personal data count: to choose a KBLI code once and a scale once on two pages is no repetition, to give
    one's birth date twice is. A login name is not asked again by a login page (its fields are credentials).
    """
    first: dict[str, int] = {}
    again = []
    for field in fields:
        if field.personal is None:
            continue
        if field.personal in first and first[field.personal] != field.page:
            again.append(field.label)
        first.setdefault(field.personal, field.page)
    return tuple(again)


def _field(data: Mapping[str, Any], step: str, page: int) -> FormField:
    label = clean(str(data["label"]), 200)
    return FormField(
        step=step,
        page=page,
        label=label,
        type=clean(str(data["type"]), 32),
        required=bool(data["required"]),
        has_label=bool(data["hasLabel"]),
        has_help=bool(data["hasHelp"]),
        personal=personal_kind(label, str(data["name"]), str(data["autocomplete"])),
    )
