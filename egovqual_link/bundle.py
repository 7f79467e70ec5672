"""A report with all that it was made from in one zip file, and the report made again from it."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from egovqual_link.inputs import Inputs
from egovqual_link.link import LinkResult
from egovqual_link.provenance import sha256_of, versions
from egovqual_link.report import write_report
from exporters.parquet_engine import SCHEME, is_parquet
from exporters.store import StoreError
from exporters.store_copy import copy_runs
from scenarios.source import InputError, Problem, StrictModel

MANIFEST: Final = "bundle.json"
#: Members carry this date, so that the day on which a bundle was written changes no byte.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_README: Final = """A gapwatch bundle: a report, and everything that it was made from.

    gapwatch report THIS-FILE.zip --out report

works the analysis out again and says whether every file of the report is the same to the byte. `bundle.json` holds the
choices, the versions and the SHA-256 of every file. inputs/ holds the survey as it was given: if it has answers of
persons, so has this bundle.

Sebuah bundel gapwatch: laporan dan semua bahan pembuatannya. Perintah di atas menghitung ulang analisis dan menyebut
apakah setiap berkas laporan sama persis. inputs/ memuat survei seperti diberikan: bila berisi jawaban perorangan,
bundel ini juga memuatnya.
"""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(StrictModel):
    """bundle.json: `inputs` (role -> path in the bundle), `files` (path -> SHA-256), `outputs` likewise."""

    format: Literal[1]
    versions: dict[str, str]
    from_: str | None
    to: str | None
    portals: Annotated[tuple[str, ...], Field(strict=False)]
    scale: str | None
    store: str
    inputs: dict[Literal["survey", "mapping", "study", "tickets", "issue_times"], str]
    files: dict[str, Digest]
    outputs: dict[str, Digest]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A report made again: its folder, files that are the same to the byte, those that differ, and why they may.

    `other_versions`: name -> (then, now) of what has another version than when the bundle was written.
    """

    result: LinkResult
    page: Path
    same: tuple[str, ...]
    different: tuple[str, ...]
    other_versions: Mapping[str, tuple[str, str]]


def write_bundle(inputs: Inputs, result: LinkResult, path: Path, report: Path) -> None:
    """Write the bundle of `result`, whose report was written to the folder `report` and nothing else with it.

    Raises:
        InputError: the store cannot be copied. OSError: a file cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = _keep_store(inputs.store, root, result.portals)
        kept: dict[str, str] = {}
        for role, file in inputs.files():
            kept[role] = f"inputs/{role}/{file.name}"
            (root / kept[role]).parent.mkdir(parents=True)
            shutil.copyfile(file, root / kept[role])
        manifest = {
            "format": 1,
            "versions": versions(),
            "from_": inputs.from_,
            "to": inputs.to,
            "portals": inputs.portals,
            "scale": inputs.scale,
            "store": store,
            "inputs": kept,
            "files": _digests(root),
            "outputs": _digests(report),
        }
        (root / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", "utf-8")
        (root / "README.txt").write_text(_README, "utf-8")
        # Beside the target and renamed, so that a bundle is whole or not there.
        partial = path.with_name(f".{path.name}.part")
        try:
            _zip(partial, root, report)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _keep_store(store: str, root: Path, portals: tuple[str, ...]) -> str:
    """Put the runs into the bundle: an SQLite file, or the Parquet files as they are."""
    if is_parquet(store):
        shutil.copytree(Path(store.removeprefix(SCHEME)).expanduser(), root / "store")
        return f"{SCHEME}store"
    (root / "store").mkdir()
    try:
        copy_runs(store, root / "store" / "store.db", portals)
    except StoreError as error:
        raise InputError([Problem(error.where, None, error.reason, error.remedy)]) from None
    return "store/store.db"


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def _zip(target: Path, root: Path, report: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as whole:
        for folder, prefix in ((root, ""), (report, "report/")):
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    member = zipfile.ZipInfo(prefix + path.relative_to(folder).as_posix(), _DATE)
                    member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                    with path.open("rb") as source, whole.open(member, "w", force_zip64=True) as out:
                        shutil.copyfileobj(source, out)


def rebuild(bundle: Path, out: Path) -> Rebuilt:
    """Make the report of `bundle` again in the folder `out`, from the files in it and nothing else.

    Raises:
        InputError: no bundle, or one whose files are not those that it was written with. OSError: `out` cannot be
        written.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        manifest = _unpack(bundle, root)
        given: dict[str, Any] = {role: root / name for role, name in manifest.inputs.items()}
        store = manifest.store
        store = f"{SCHEME}{root / 'store'}" if is_parquet(store) else str(root / store)
        inputs = Inputs(
            store=store,
            portals=manifest.portals,
            from_=manifest.from_,
            to=manifest.to,
            scale=manifest.scale,
            **given,
        )
        result = inputs.link()
        made = root / "made"
        write_report(result, made)
        now = _digests(made)
        shutil.copytree(made, out, dirs_exist_ok=True)
    names = sorted(manifest.outputs.keys() | now.keys())
    same = tuple(name for name in names if manifest.outputs.get(name) == now.get(name))
    present = versions()
    other = {
        name: (then, present.get(name, "-")) for name, then in manifest.versions.items() if present.get(name) != then
    }
    different = tuple(name for name in names if name not in same)
    return Rebuilt(result, out / "index.html", same, different, other)


def _unpack(bundle: Path, root: Path) -> Manifest:
    """Inputs and store of the bundle in `root`, each checked against its SHA-256."""
    try:
        with zipfile.ZipFile(bundle) as whole:
            manifest = _manifest(bundle, whole)
            members = {member.filename: member for member in whole.infolist()}
            needed = sum(members[name].file_size for name in manifest.files if name in members)
            if needed > shutil.disk_usage(root).free:
                raise _refused(bundle, f"needs {needed / 2**30:.1f} GiB of free disk", "make room, or set TMPDIR")
            for name, digest in manifest.files.items():
                if not _inside(name):
                    raise _refused(bundle, f"names a file outside of itself: {name!r}", "use the bundle as written")
                if name not in members:
                    raise _refused(bundle, f"lacks {name}", "use the bundle as written")
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                with whole.open(name) as source, (root / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                if sha256_of(root / name) != digest:
                    raise _refused(
                        bundle, f"{name} is not the file that it was written with", "use the bundle as written"
                    )
    except FileNotFoundError:
        raise _refused(bundle, "no such file", "write one with `gapwatch link --bundle`") from None
    except (zipfile.BadZipFile, IsADirectoryError, EOFError) as error:
        raise _refused(bundle, f"is no zip file ({error})", "write one with `gapwatch link --bundle`") from None
    return manifest


def _manifest(bundle: Path, whole: zipfile.ZipFile) -> Manifest:
    try:
        with whole.open(MANIFEST) as file:
            # A manifest is a few kilobytes; more would be no manifest.
            text = file.read(4 << 20)
    except KeyError:
        raise _refused(bundle, f"holds no {MANIFEST}", "write one with `gapwatch link --bundle`") from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _refused(bundle, f"{MANIFEST}: {where}: {first['msg']}", "use the gapwatch that wrote it") from None
    named = {*manifest.inputs.values(), *([] if is_parquet(manifest.store) else [manifest.store])}
    if strange := sorted(named - manifest.files.keys()):
        raise _refused(bundle, f"{MANIFEST} names {strange[0]!r}, of which it has no SHA-256", "use it as written")
    if "survey" not in manifest.inputs:
        raise _refused(bundle, f"{MANIFEST} names no survey", "use the bundle as written")
    return manifest


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def _refused(bundle: Path, reason: str, remedy: str) -> InputError:
    return InputError([Problem(str(bundle), None, reason, remedy)])
