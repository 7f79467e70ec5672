"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REASONS = {
    errno.ENOENT: ("there is no such folder", "make it, or give another path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "give another path"),
    errno.EACCES: ("it may not be written", "mend the permissions, or give another path"),
    errno.EPERM: ("it may not be written", "mend the permissions, or give another path"),
    errno.EROFS: ("the file system is read-only", "give a path on one that can be written"),
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space"),
    errno.EFBIG: ("it grew beyond the file size limit", "raise the limit (`ulimit -f`)"),
    errno.EISDIR: ("this is a folder", "give the path of a file in it"),
}
#: Seconds after which a temporary file can only be the remains of a process that was killed.
_STALE = 3600.0


class WriteError(Exception):
    """A file cannot be written: which one, why, and what to do about it."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path = path
        self.reason = reason
        self.remedy = remedy

    @classmethod
    def of(cls, path: Path, error: OSError) -> WriteError:
        """In words what the system said."""
        said = (error.strerror or str(error), "check the path")
        return cls(path, *_REASONS.get(error.errno or 0, said))


@contextmanager
def replacing(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Gives a temporary path in the same folder; what is written there takes the place of `path` at the end.

    If anything is raised meanwhile, `path` stays as it was. The content is synced to the disk before the rename:
    without that a power cut could leave an empty file under the new name. The folder is not synced: after a power cut
    the old file, whole, is as good. Raises WriteError; other exceptions of the body pass through.
    """
    temporary: Path | None = None
    try:
        _sweep(path)
        # The suffix keeps it from readers that take every *.prom of a folder.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        raise WriteError.of(path, error) from error
    except BaseException:
        _discard(temporary)
        raise


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put `content` in the place of `path`, whole or not at all. Raises WriteError."""
    with replacing(path, mode=mode) as temporary:
        temporary.write_bytes(content)


def _discard(temporary: Path | None) -> None:
    if temporary is not None:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Take away what killed writers of the same file left behind."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()
