"""When a page counts as slow: Google's published bounds for web vitals, held against one visit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probes.run import Finding, PageMetrics

#: Good up to the first figure, poor above the second (web.dev/articles/vitals, /ttfb, /fcp; read 2026). They are meant
#: for the 75th percentile of real visits; for one probed visit they are a yardstick, not a rating.
BOUNDS: dict[str, tuple[float, float]] = {
    "ttfb_seconds": (0.8, 1.8),
    "fcp_seconds": (1.8, 3.0),
    "lcp_seconds": (2.5, 4.0),
    "inp_seconds": (0.2, 0.5),
}
_SAID = {
    "ttfb_seconds": "first byte",
    "fcp_seconds": "first content",
    "lcp_seconds": "largest content",
    "inp_seconds": "response to input",
}


def vital_findings(pages: Sequence[PageMetrics]) -> Iterator[Finding]:
    """One finding for each page with a slow vital: major where one is poor, minor where one only needs improvement."""
    for page in pages:
        over = {
            name: value for name in BOUNDS if (value := getattr(page, name)) is not None and value > BOUNDS[name][0]
        }
        if not over:
            continue
        poor = any(value > BOUNDS[name][1] for name, value in over.items())
        said = ", ".join(f"{_SAID[name]} after {value:.2f} s" for name, value in over.items())
        yield Finding("slow", "major" if poor else "minor", page.step, f"{said} ({page.url})"[:300])
