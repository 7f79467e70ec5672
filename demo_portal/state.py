"""What a running portal remembers, in memory and bounded: sessions, accounts, applications, tickets."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo_portal.settings import PortalSettings

MAX_MESSAGES = 20
"""Demo inbox messages kept in a session."""


@dataclass
class Message:
    """A message the portal would have sent by e-mail or WhatsApp."""

    contact: str
    code: str


@dataclass
class Account:
    """A registered citizen; ``identity`` holds the fields the registration asked for."""

    contact: str
    identity: dict[str, str]
    salt: bytes = b""
    digest: bytes = b""
    verified: bool = False
    application_numbers: list[str] = field(default_factory=list)


@dataclass
class Session:
    """One visitor's session; ``draft`` is the application being filled in."""

    key: str
    contact: str | None = None
    pending_contact: str | None = None
    code: str | None = None
    inbox: list[Message] = field(default_factory=list)
    draft: dict[str, str] = field(default_factory=dict)
    steps_done: set[str] = field(default_factory=set)
    notice: str = ""


@dataclass(frozen=True)
class Application:
    """A submitted licence application; ``submitted_at`` is on the portal's monotonic clock, in seconds."""

    number: str
    nib: str
    fields: dict[str, str]
    submitted_at: float


@dataclass(frozen=True)
class Ticket:
    """A help-desk question; ``answered`` says whether it will ever get a reply."""

    number: str
    fields: dict[str, str]
    asked_at: float
    answered: bool


def _trim(store: OrderedDict[str, Any], size: int) -> None:
    while len(store) > size:
        store.popitem(last=False)


def _digest(password: str, salt: bytes) -> bytes:
    # Small work factor: accounts live in memory only, and the server's own cost must not show in the timings.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1)


class PortalState:
    """The memory of one portal. ``clock`` gives seconds and only ever rises."""

    def __init__(self, settings: PortalSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.clock = clock
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self.accounts: OrderedDict[str, Account] = OrderedDict()
        self.applications: OrderedDict[str, Application] = OrderedDict()
        self.tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._serial: dict[str, int] = {}

    def _number(self, purpose: str, digits: int) -> str:
        """The next number of a purpose: looks random, comes again with the same seed."""
        serial = self._serial.get(purpose, 0) + 1
        self._serial[purpose] = serial
        text = f"{self.settings.seed}|{purpose}|{serial}"
        value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return f"{value % 10**digits:0{digits}d}"

    def session(self, key: str | None) -> Session:
        """The session of a cookie, or a fresh one (not yet kept) when the cookie is unknown."""
        if key and key in self.sessions:
            self.sessions.move_to_end(key)
            return self.sessions[key]
        return Session(key=secrets.token_urlsafe(18))

    def keep(self, session: Session) -> None:
        """Keep a session; the least recently used make room."""
        self.sessions[session.key] = session
        _trim(self.sessions, self.settings.max_records)

    def drop(self, session: Session) -> None:
        """Forget a session, as a broken portal or a log-out does."""
        self.sessions.pop(session.key, None)

    def register(self, identity: dict[str, str], contact: str, password: str) -> Account:
        """Open an account in place of an earlier one of the contact: a demonstration is walked many times."""
        salt = secrets.token_bytes(16) if password else b""
        digest = _digest(password, salt) if password else b""
        account = Account(contact=contact, identity=identity, salt=salt, digest=digest)
        self.accounts.pop(contact, None)
        self.accounts[contact] = account
        _trim(self.accounts, self.settings.max_records)
        return account

    def password_fits(self, contact: str, password: str) -> bool:
        """Whether a verified account with this password exists."""
        account = self.accounts.get(contact)
        if account is None or not account.verified or not account.digest:
            return False
        return hmac.compare_digest(account.digest, _digest(password, account.salt))

    def send_code(self, session: Session, contact: str) -> str:
        """Make a one-time code and put it into the session's demo inbox."""
        code = self.settings.one_time_code or self._number("otp", 6)
        session.pending_contact, session.code = contact, code
        session.inbox.append(Message(contact=contact, code=code))
        del session.inbox[:-MAX_MESSAGES]
        return code

    def account_of(self, session: Session) -> Account | None:
        """The account that is logged in, or None."""
        return self.accounts.get(session.contact) if session.contact else None

    def submit(self, account: Account, fields: dict[str, str]) -> Application:
        """Take an application: it gets a number and an NIB of 13 digits."""
        # The zeros in front keep it from being taken for a real NIB.
        application = Application(
            number=f"PPN-{self._number('application', 8)}",
            nib=f"000{self._number('nib', 10)}",
            fields=dict(fields),
            submitted_at=self.clock(),
        )
        self.applications[application.number] = application
        _trim(self.applications, self.settings.max_records)
        account.application_numbers.append(application.number)
        del account.application_numbers[:-MAX_MESSAGES]
        return application

    def licence_issued(self, application: Application) -> bool:
        """Whether the licence that follows the NIB has been issued."""
        return self.clock() - application.submitted_at >= self.settings.licence_issue_seconds

    def ask(self, fields: dict[str, str]) -> Ticket:
        """Open a ticket; the seed decides whether it will be answered."""
        number = self._number("ticket", 6)
        draw = hashlib.sha256(f"{self.settings.seed}|answer|{self._serial['ticket']}".encode()).digest()
        answered = int.from_bytes(draw[:8], "big") / 2**64 >= self.settings.helpdesk_unanswered_rate
        ticket = Ticket(number=f"BT-{number}", fields=dict(fields), asked_at=self.clock(), answered=answered)
        self.tickets[ticket.number] = ticket
        _trim(self.tickets, self.settings.max_records)
        return ticket

    def reply_ready(self, ticket: Ticket) -> bool:
        """Whether the help desk has replied by now."""
        return ticket.answered and self.clock() - ticket.asked_at >= self.settings.helpdesk_reply_seconds
