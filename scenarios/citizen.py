"""The synthetic citizen: well-formed, visibly invented data for forms, the same for the same seed."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import date, timedelta

#: A NIK starts with the province's code. 99 is no province's and none is planned, so no such NIK is ever issued.
NEVER_ISSUED_PROVINCE = "99"


@dataclass(frozen=True, slots=True)
class Citizen:
    """One invented person. `birth_date` is ISO 8601, `birth_date_local` dd-mm-yyyy; `sex` is the Indonesian word."""

    nik: str
    name: str
    sex: str
    sex_en: str
    birth_date: str
    birth_date_local: str
    address: str
    city: str
    postcode: str
    phone: str
    email: str
    username: str
    password: str

    def variables(self) -> dict[str, str]:
        """The variables that a flow may use, `citizen.nik` and so on."""
        return {f"citizen.{name}": value for name, value in asdict(self).items()}


def synthetic_citizen(seed: str) -> Citizen:
    """The citizen of `seed` (a run's id, so that no two runs register the same person).

    NIK: six digits of region, then birth day (plus 40 for women), month and year of two digits each, then four of
    serial, as Permendagri 102/2019 lays it out. E-mail at a domain that RFC 2606 reserves; the telephone number is
    made of a toll-free prefix that no mobile subscriber can have.
    """
    digest = hashlib.sha256(seed.encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    woman = bool(digest[8] & 1)
    born = date(1970, 1, 1) + timedelta(days=number % 11_000)
    serial = number // 11_000 % 9_999 + 1
    region = NEVER_ISSUED_PROVINCE + f"{digest[9] % 99 + 1:02d}{digest[10] % 99 + 1:02d}"
    day = born.day + (40 if woman else 0)
    token = hashlib.sha256(digest).hexdigest()[:10]
    letters = "".join(chr(ord("A") + byte % 26) for byte in digest[11:15])
    return Citizen(
        nik=f"{region}{day:02d}{born:%m%y}{serial:04d}",
        name=f"Warga Uji Sintetis {letters}",
        sex="Perempuan" if woman else "Laki-laki",
        sex_en="Female" if woman else "Male",
        birth_date=born.isoformat(),
        birth_date_local=f"{born:%d-%m-%Y}",
        address=f"Jalan Contoh Uji No. {digest[15] % 200 + 1}",
        city="Kota Uji",
        postcode="99999",
        phone=f"0800{number % 10**8:08d}",
        email=f"warga-uji-{token}@example.com",
        username=f"warga-uji-{token}",
        password=f"Uji-{token}-9",
    )
