"""Names beside points of a figure, placed so that none hides another or leaves the frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
Point = npt.NDArray[np.float64]

#: Where a name may stand, nearest first: distance from the point (points of 1/72 inch), then direction.
_DISTANCES: Final = (6.0, 9.0, 13.0, 20.0, 28.0, 38.0, 50.0)
_DIRECTIONS: Final = tuple(
    (np.cos(angle), np.sin(angle)) for angle in np.radians([30, 150, -30, -150, 90, -90, 0, 180])
)
#: A name this far from its point needs a line to it.
_LEADER_FROM: Final = 9.0
#: What a misleading place costs, in square points of hidden text.
_ASTRAY: Final = 20.0


def label_points(
    axes: Axes,
    points: npt.NDArray[np.float64],
    names: Sequence[str],
    *,
    color: str,
    size: float,
    avoid: Sequence[Any] = (),
) -> list[Box]:
    """Write `names` beside `points` (n x 2, in data units); gives the boxes of the names in pixels.

    The figure is laid out first, so call this last. `avoid` are texts and straight lines along
    an axis that are already there and should not be crossed.
    Crowded points choose first; a name that stands apart is joined to its point by a thin line.
    """
    figure = axes.figure.figure
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # Agg's canvas has it
    frame = axes.get_window_extent(renderer)
    pixel = figure.dpi / 72
    places = axes.transData.transform(points)
    taken: list[Box] = [(x - 4 * pixel, y - 4 * pixel, x + 4 * pixel, y + 4 * pixel) for x, y in places]
    for each in avoid:
        box = each.get_window_extent(renderer)
        taken.append((box.x0 - pixel, box.y0 - pixel, box.x1 + pixel, box.y1 + pixel))
    written: list[Box] = []
    for index in _crowded_first(places):
        label = axes.annotate(
            names[index], points[index], (0, 0), textcoords="offset points", color=color, fontsize=size, zorder=5,
            annotation_clip=False,
        )  # fmt: skip
        extent = label.get_window_extent(renderer)
        others = np.delete(places, index, axis=0)
        offset, box = _free_place(
            places[index], others, (extent.width, extent.height), pixel=pixel, taken=taken, frame=frame
        )
        label.set_position(offset)
        label.set(horizontalalignment="center", verticalalignment="center")
        if _gap(box, places[index]) > _LEADER_FROM * pixel:
            axes.annotate(
                "", points[index], offset, textcoords="offset points", zorder=2,
                arrowprops={"arrowstyle": "-", "color": color, "lw": 0.5, "shrinkA": 4, "shrinkB": 4},
            )  # fmt: skip
        taken.append(box)
        written.append(box)
    return written


def _crowded_first(places: npt.NDArray[np.float64]) -> list[int]:
    if len(places) < 2:
        return list(range(len(places)))
    distance = np.hypot(*(places[:, np.newaxis] - places[np.newaxis]).transpose(2, 0, 1))
    nearest = np.sort(distance, axis=1)[:, 1 : min(4, len(places))].mean(axis=1)
    return [int(index) for index in np.argsort(nearest, kind="stable")]


def _free_place(
    place: Point,
    others: npt.NDArray[np.float64],
    size: tuple[float, float],
    *,
    pixel: float,
    taken: Sequence[Box],
    frame: Any,
) -> tuple[tuple[float, float], Box]:
    width, height = size
    best: tuple[float, tuple[float, float], Box] | None = None
    for distance, (right, up) in product(_DISTANCES, _DIRECTIONS):
        # The nearest edge of the name, not its middle, keeps the distance.
        x = right * (distance * pixel + width / 2)
        y = up * (distance * pixel + height / 2)
        box = _box(place[0] + x, place[1] + y, size)
        hidden = sum(_overlap(box, other) for other in taken) + 10 * _outside(box, frame)
        # A name nearer to another point would be read as that point's.
        if len(others) and min(_gap(box, other) for other in others) < _gap(box, place):
            hidden += _ASTRAY * pixel**2
        if hidden == 0:
            return (x / pixel, y / pixel), box
        if best is None or hidden < best[0]:
            best = hidden, (x / pixel, y / pixel), box
    assert best is not None
    return best[1], best[2]


def _box(x: float, y: float, size: tuple[float, float]) -> Box:
    return x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2


def _gap(box: Box, point: Point) -> float:
    """Distance in pixels from a point to the nearest edge of a box; 0 inside it."""
    wide = max(box[0] - point[0], 0.0, point[0] - box[2])
    high = max(box[1] - point[1], 0.0, point[1] - box[3])
    return float(np.hypot(wide, high))


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def _outside(box: Box, frame: Any) -> float:
    left, low = max(0.0, frame.x0 - box[0]), max(0.0, frame.y0 - box[1])
    right, high = max(0.0, box[2] - frame.x1), max(0.0, box[3] - frame.y1)
    return float(left + low + right + high)
