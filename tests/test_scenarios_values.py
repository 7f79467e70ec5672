"""The synthetic citizen, variables, and the redaction of secrets."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.forms import personal_kind
from scenarios.citizen import NEVER_ISSUED_PROVINCE, synthetic_citizen
from scenarios.variables import REDACTED, Redactor, UnknownVariableError, Variables


@given(st.text(max_size=40))
def test_a_citizen_is_well_formed_and_never_real(seed: str) -> None:
    citizen = synthetic_citizen(seed)
    born = date.fromisoformat(citizen.birth_date)
    assert len(citizen.nik) == 16
    assert citizen.nik.isdigit()
    assert citizen.nik.startswith(NEVER_ISSUED_PROVINCE)
    day = int(citizen.nik[6:8]) - (40 if citizen.sex == "Perempuan" else 0)
    assert (day, citizen.nik[8:12]) == (born.day, f"{born:%m%y}")
    assert citizen.email.endswith("@example.com")
    assert "Uji" in citizen.name
    assert citizen == synthetic_citizen(seed)


def test_two_runs_register_two_citizens() -> None:
    assert synthetic_citizen("a").nik != synthetic_citizen("b").nik


def test_values_are_never_looked_into_for_variables() -> None:
    variables = Variables({"a": "{{ b }}", "b": "secret"})
    assert variables.fill("x {{ a }} {{b}}") == "x {{ b }} secret"
    with pytest.raises(UnknownVariableError, match="c"):
        variables.fill("{{ c }}")


def test_secrets_are_taken_out_longest_first() -> None:
    redact = Redactor(["geheim", "geheim-2", "ab", ""])
    assert redact("geheim-2 geheim") == f"{REDACTED} {REDACTED}"
    assert redact("ab cabs") == f"{REDACTED} cabs"


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Nomor Induk Kependudukan (NIK)", "national_id"),
        ("Nama lengkap", "name"),
        ("Nama usaha", None),
        ("Jenis kelamin", "sex"),
        ("Tanggal lahir", "birth_date"),
        ("Alamat", "address"),
        ("E-mail atau nomor WhatsApp", "email"),
        ("Date of birth", "birth_date"),
        ("Full name", "name"),
        ("Kode KBLI", None),
        ("Kata kunci", None),
    ],
)
def test_personal_data_are_known_by_their_labels(label: str, kind: str | None) -> None:
    assert personal_kind(label) == kind
