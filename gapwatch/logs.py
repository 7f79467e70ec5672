"""Log lines for machines and people: one line each, `key=value`, and no secret in any of them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from scenarios.variables import Redactor

#: A page's text can get into an exception; a log line needs no more than this.
MAX_LINE = 8000


class LineFormatter(logging.Formatter):
    """`ts=2026-11-24T00:00:00.000Z level=info logger=gapwatch.daemon msg="…"`; line breaks are escaped."""

    def __init__(self) -> None:
        super().__init__()
        self._redact = Redactor(())

    def set_secrets(self, secrets: Iterable[str]) -> None:
        """Values that must never be written."""
        self._redact = Redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, its traceback included."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        text = self._redact(text)[:MAX_LINE]
        # JSON's quoting escapes line breaks and control characters, so no page can write a line of its own.
        said = json.dumps(text, ensure_ascii=False)
        return f"ts={moment} level={record.levelname.lower()} logger={record.name} msg={said}"


def set_up_logs(level: int = logging.INFO) -> LineFormatter:
    """Send all log lines to stderr; the formatter is given back to be told the secrets."""
    formatter = LineFormatter()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("aiohttp.access", "asyncio", "alembic", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return formatter
