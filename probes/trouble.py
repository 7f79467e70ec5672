"""Foreign exceptions in one table: which trouble is the portal's (and what kind), and which is our own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probes.run import FindingClass, Severity


class ProbeError(Exception):
    """The probe's own trouble: never counted against the portal.

    `reason` is a short, fixed word (it becomes a metric label); the message says more.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class BrowserMissingError(ProbeError):
    """No browser of the wanted engine was found on this machine."""

    def __init__(self, message: str) -> None:
        super().__init__("browser_missing", message)


class PortalError(Exception):
    """The portal did not do what the step needs; carries the finding that says so."""

    def __init__(self, class_: FindingClass, message: str, severity: Severity = "critical") -> None:
        super().__init__(message)
        self.class_ = class_
        self.severity: Severity = severity
        self.message = message


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    class_: FindingClass | None
    message: str


def _rule(pattern: str, class_: FindingClass | None, message: str) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), class_, message)


#: Chromium's net error names and Firefox's NS_ERROR names. A class of None: our own trouble, the message is the reason.
_RULES = (
    _rule(r"ERR_TOO_MANY_REDIRECTS|NS_ERROR_REDIRECT_LOOP", "redirect_loop", "the portal redirects in a circle"),
    _rule(r"ERR_CERT_DATE_INVALID", "tls", "the certificate is expired or not yet valid"),
    _rule(r"ERR_CERT_COMMON_NAME_INVALID", "tls", "the certificate is for another name"),
    _rule(r"ERR_CERT|ERR_SSL|SEC_ERROR|SSL_ERROR|MOZILLA_PKIX", "tls", "the secure connection could not be trusted"),
    _rule(r"ERR_CONNECTION_REFUSED|NS_ERROR_CONNECTION_REF", "navigation_error", "the portal refused the connection"),
    _rule(r"ERR_CONNECTION_RESET|NS_ERROR_NET_RESET", "navigation_error", "the portal reset the connection"),
    _rule(r"ERR_EMPTY_RESPONSE|NS_ERROR_NET_EMPTY", "navigation_error", "the portal closed without an answer"),
    _rule(r"ERR_CONNECTION_CLOSED|ERR_INCOMPLETE_CHUNKED|ERR_CONTENT_LENGTH_MISMATCH|NS_ERROR_NET_PARTIAL_TRANSFER",
          "navigation_error", "the portal closed the connection in the middle of its answer"),
    _rule(r"ERR_CONNECTION_TIMED_OUT|ERR_TIMED_OUT|NS_ERROR_NET_TIMEOUT", "timeout", "the portal took no connection"),
    _rule(r"ERR_NAME_NOT_RESOLVED|NS_ERROR_UNKNOWN_HOST", "navigation_error", "the portal's name was not found"),
    _rule(r"ERR_ADDRESS_UNREACHABLE|NS_ERROR_NO_ROUTE", "navigation_error", "the portal's address cannot be reached"),
    _rule(r"ERR_INVALID_HTTP_RESPONSE|ERR_HTTP2|ERR_INVALID_REDIRECT|ERR_UNSAFE_REDIRECT|ERR_RESPONSE_HEADERS",
          "http_error", "the portal's answer was not understood"),
    _rule(r"ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|ERR_NETWORK_IO_SUSPENDED|NS_ERROR_OFFLINE", None, "offline"),
    _rule(r"ERR_PROXY|ERR_TUNNEL|NS_ERROR_PROXY", None, "proxy"),
    _rule(r"ERR_INSUFFICIENT_RESOURCES|ERR_OUT_OF_MEMORY|ENOMEM|Cannot allocate", None, "out_of_memory"),
    _rule(r"Target crashed|Page crashed", None, "page_crashed"),
    _rule(r"Target page, context or browser has been closed|browser has been closed|browser has disconnected"
          r"|TargetClosed|(Target|Browser|Context|Page) (was )?closed",
          None, "browser_gone"),
    _rule(r"\bEPIPE\b|Connection closed while reading from the driver|the driver (has )?(exited|closed)|pipe closed",
          None, "driver_gone"),
)  # fmt: skip


_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def from_playwright(error: Exception) -> PortalError | ProbeError | None:
    """What a Playwright error means; None where the table does not know it (the caller knows the step)."""
    text = str(error)
    # Addresses and the call log below the first line hold words of the portal, which prove nothing about us.
    said = _ADDRESS.sub("", _first_line(text))
    for rule in _RULES:
        if rule.pattern.search(said):
            if rule.class_ is None:
                return ProbeError(rule.message, _first_line(text))
            return PortalError(rule.class_, rule.message)
    return None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else "no message"
