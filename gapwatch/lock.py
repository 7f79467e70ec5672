"""One run at a time: a lock file that the system frees when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gapwatch.exits import LockedError
from scenarios.source import InputError, Problem


def default_lock(config: Path) -> Path:
    """The lock of a configuration: the same for every call that names the same file, in the user's state folder."""
    from platformdirs import user_state_path

    digest = hashlib.sha256(str(config.resolve()).encode()).hexdigest()[:16]
    return user_state_path("gapwatch") / "locks" / f"{config.stem}-{digest}.lock"


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, made where missing; the file stays, since removing it would let two hold it.

    Raises:
        LockedError: another process holds it.
        InputError: the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(
            [Problem(str(path), None, f"the lock cannot be made: {error.strerror}", "name another file with --lock")]
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 40, 0).decode("ascii", "replace").strip() or "unknown"
            raise LockedError(f"another run holds {path} (process {holder}); nothing was run") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
