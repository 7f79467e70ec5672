"""The version that is installed."""

from __future__ import annotations


def version() -> str:
    """The installed version, or `0+unknown` in a tree that was never installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("gapwatch")
    except PackageNotFoundError:
        return "0+unknown"
