"""The exit codes of every command: what a cron job or a script may rely on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says when it ends."""

    OK = 0
    #: A portal failed, was blocked or under maintenance.
    PORTAL = 1
    #: The configuration, an option, a survey file or the place of the output cannot be used.
    INPUT = 2
    #: The probe's own trouble: nothing is known of the portal.
    OWN = 3
    #: Another run holds the lock (sysexits.h: EX_TEMPFAIL, try again later).
    LOCKED = 75
    #: Ended by Ctrl-C (128 + SIGINT, as shells count).
    INTERRUPTED = 130


class OwnTroubleError(Exception):
    """The tool cannot go on for a reason that is not the user's input and not a portal's; exit code 3."""


class LockedError(Exception):
    """Another run holds the lock; exit code 75."""
