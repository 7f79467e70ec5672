"""Finding browsers: Playwright's own where they are installed, else the system's; and how each is started."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Playwright

from probes.trouble import BrowserMissingError

ENGINES = ("chromium", "firefox", "webkit")

#: Tried in this order. The headless shell takes a third of the full browser's CPU time and halves its noise.
SYSTEM_BROWSERS = {
    "chromium": (
        "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
        "microsoft-edge",
    ),
    "firefox": ("firefox-esr", "firefox"),
    "webkit": (),
}  # fmt: skip

INSTALL_HINT = {
    "chromium": "install one: `apt-get install chromium-headless-shell` (Debian), or `playwright install chromium`",
    "firefox": "install one: `apt-get install firefox-esr` (Debian), or `playwright install firefox`",
    "webkit": "install one: `playwright install webkit`",
}

#: Traffic of the browser's own (update checks, variations, safe browsing) has no place in a measurement.
_QUIET_CHROMIUM = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-pings")


@dataclass(frozen=True, slots=True)
class FoundBrowser:
    """A browser that can be started: its engine, the program, and whether Playwright brought it."""

    engine: str
    executable: Path
    playwrights_own: bool

    def launch_options(self, *, headed: bool = False) -> dict[str, Any]:
        """Arguments for Playwright's `launch`. The sandbox is off only for root, who cannot have it."""
        options: dict[str, Any] = {"headless": not headed}
        if not self.playwrights_own:
            options["executable_path"] = str(self.executable)
        if self.engine == "chromium":
            options["args"] = list(_QUIET_CHROMIUM)
            options["chromium_sandbox"] = not runs_as_root()
        if self.engine == "firefox" and not self.playwrights_own:
            options["channel"] = "moz-firefox"  # WebDriver BiDi; the release build has no Playwright protocol
        return options


def runs_as_root() -> bool:
    """Whether this process is root's: Chromium's sandbox cannot be had then."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _own(playwright: Playwright, engine: str, *, headed: bool) -> Path | None:
    path = Path(getattr(playwright, engine).executable_path)
    if engine == "chromium" and not headed:
        # Playwright keeps its headless shell beside its full Chromium, under the same revision.
        folder = path.parents[1] if len(path.parents) > 1 else path.parent
        shells = folder.parent.glob(folder.name.replace("chromium-", "chromium_headless_shell-") + "/*/*headless*shell")
        return next(iter(sorted(shells)), path if path.is_file() else None)
    return path if path.is_file() else None


def find_browser(
    playwright: Playwright, engine: str, *, executable: str | None = None, headed: bool = False
) -> FoundBrowser:
    """The browser to use for `engine`; `executable` (a path or a program's name) overrides the search.

    Raises:
        BrowserMissingError: none was found; the message says what to install.
    """
    if engine not in ENGINES:
        raise BrowserMissingError(f"unknown browser {engine!r}; known: {', '.join(ENGINES)}")
    if executable is not None:
        path = shutil.which(executable)
        if path is None:
            raise BrowserMissingError(f"{executable} is not a program that can be run; {INSTALL_HINT[engine]}")
        return FoundBrowser(engine, Path(path), playwrights_own=False)
    own = _own(playwright, engine, headed=headed)
    if own is not None:
        return FoundBrowser(engine, own, playwrights_own=True)
    for name in SYSTEM_BROWSERS[engine]:
        path = shutil.which(name)
        if path is not None and not (headed and "headless" in name):
            return FoundBrowser(engine, Path(path), playwrights_own=False)
    raise BrowserMissingError(f"no {engine} browser was found; {INSTALL_HINT[engine]}")


#: Round trip in milliseconds, down and up in bits a second: Chrome DevTools' presets of the same names.
NETWORKS: dict[str, tuple[float, float, float] | None] = {
    "native": None,
    "fast-4g": (60.0, 9_000_000.0, 1_500_000.0),
    "slow-4g": (150.0, 1_600_000.0, 750_000.0),
    "3g": (400.0, 400_000.0, 400_000.0),
}

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}


def device_options(playwright: Playwright, engine: str, device: str) -> dict[str, Any]:
    """Context options of a device: `desktop`, `phone`, or the name of one of Playwright's device profiles.

    Raises:
        ProbeError: no such device.
    """
    if device == "desktop":
        return dict(DESKTOP)
    name = "Pixel 7" if device == "phone" else device
    if name not in playwright.devices:
        raise BrowserMissingError(f"unknown device {device!r}; use desktop, phone or the name of a Playwright device")
    options = dict(playwright.devices[name])
    options.pop("default_browser_type", None)
    if engine == "firefox":
        options.pop("is_mobile", None)  # Firefox has no such mode; size, touch and user agent are kept
    return options
