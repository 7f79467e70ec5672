"""``python -m demo_portal``: serve the demonstration portal until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from datetime import date

from pydantic import ValidationError

from demo_portal.server import DemoPortal, PortInUseError
from demo_portal.settings import PRESETS, PortalSettings, preset

EPILOG = """\
presets:
  healthy      an ordinary licensing portal with nothing wrong
  as_surveyed  the complaints of the survey: heavy and slow, forms that sometimes fail, identity asked twice
  recommended  the same portal after the survey's advice: short registration, nothing asked twice
  light        only what a citizen needs, quick
  bad_day      many faults at once

examples:
  python -m demo_portal                                   healthy on http://127.0.0.1:8090
  python -m demo_portal --preset as_surveyed --seed 7     the same faults every time for the same seed
  python -m demo_portal --preset light --port 0           any free port; the address is printed
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo_portal",
        description="Serve a fictional licensing portal, with faults on request. Nothing entered is kept.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", choices=PRESETS, default="healthy", help="state of the portal (default: healthy)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8090, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="seed of faults and pictures (default: %(default)s)")
    parser.add_argument("--day", type=date.fromisoformat, help="the portal's today, YYYY-MM-DD (default: today)")
    parser.add_argument("--lang", choices=("id", "en"), default="id", help="language at first (default: %(default)s)")
    parser.add_argument("--reply-seconds", type=float, help="time until the help desk replies (default: the preset's)")
    parser.add_argument("--code", metavar="DIGITS", help="a fixed one-time code of 6 digits (default: a new one each)")
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.port <= 65_535:
        parser.error(f"--port {arguments.port}: use a number from 0 to 65535")
    return arguments


def _settings(arguments: argparse.Namespace) -> PortalSettings:
    overrides = {"day": arguments.day, "default_language": arguments.lang, "one_time_code": arguments.code}
    if arguments.reply_seconds is not None:
        overrides["helpdesk_reply_seconds"] = arguments.reply_seconds
    return preset(arguments.preset, seed=arguments.seed, **overrides)


async def _serve(portal: DemoPortal) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with portal:
        print(f"{portal.settings.name}: {portal.url} (Ctrl-C ends it)", flush=True)
        await stop.wait()


def main(argv: list[str] | None = None) -> int:
    """Serve; gives 0 after a clean stop, 2 for wrong usage or a port that is taken."""
    arguments = _arguments(argv)
    try:
        settings = _settings(arguments)
    except ValidationError as problem:
        for item in problem.errors():
            print(f"error: {'.'.join(map(str, item['loc']))}: {item['msg']}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(DemoPortal(settings, host=arguments.host, port=arguments.port)))
    except PortInUseError as problem:
        print(f"error: {problem.strerror}", file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"error: cannot listen on {arguments.host}:{arguments.port}: {problem.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
