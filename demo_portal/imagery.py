"""The portal's pictures, drawn from the seed: landscapes in layers, a batik pattern, and the site's icon."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.float32]

WEIGHTS = {
    # Pixels of the wide picture and of a card, JPEG quality, amplitude of film grain in grey levels. Grain is
    # what makes a JPEG heavy: it is how a photograph straight from the camera weighs megabytes.
    "heavy": ((1920, 800), (1120, 630), 92, 14.0),
    "normal": ((1280, 533), (480, 270), 78, 2.0),
}
WIDE, CARDS = ("beranda",), 6
_PALETTES = (
    ((247, 201, 120), (236, 129, 92), (16, 88, 92)),
    ((173, 216, 230), (92, 160, 190), (12, 74, 86)),
    ((252, 226, 171), (211, 146, 86), (77, 66, 38)),
    ((214, 200, 235), (146, 118, 180), (48, 42, 84)),
    ((201, 232, 206), (110, 178, 138), (16, 82, 62)),
    ((255, 214, 196), (222, 116, 104), (88, 30, 48)),
    ((205, 228, 246), (124, 170, 214), (22, 52, 98)),
)


def _ridge(rng: np.random.Generator, width: int, roughness: float) -> NDArray[np.float32]:
    x = np.linspace(0.0, 1.0, width, dtype=np.float32)
    line = np.zeros(width, dtype=np.float32)
    for octave in range(1, 7):
        amplitude = roughness / octave**1.35
        line += amplitude * np.sin(2 * np.pi * (x * octave * rng.uniform(0.8, 1.4) + rng.uniform()))
    return line


def _landscape(rng: np.random.Generator, width: int, height: int, palette: int) -> Pixels:
    top, horizon, near = (np.array(colour, dtype=np.float32) for colour in _PALETTES[palette % len(_PALETTES)])
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    x = np.linspace(0.0, width / height, width, dtype=np.float32)[None, :]
    blend = np.clip(y / 0.7, 0.0, 1.0)[..., None]
    picture = top * (1 - blend) + horizon * blend + np.zeros((height, width, 3), dtype=np.float32)
    centre = (rng.uniform(0.25, 0.75) * width / height, rng.uniform(0.22, 0.38))
    distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2)
    sun = np.clip((0.1 - distance) * height / 2, 0.0, 1.0) * 0.9 + 0.28 * np.exp(-distance * 5)
    picture += (np.array((255, 246, 214), dtype=np.float32) - picture) * np.clip(sun, 0, 1)[..., None]
    layers = 5
    for layer in range(layers):
        depth = (layer + 1) / layers
        base = 0.44 + 0.42 * depth**1.3
        edge = base - _ridge(rng, width, 0.05 + 0.05 * (1 - depth))[None, :]
        cover = np.clip((y - edge) * height / 1.6, 0.0, 1.0)[..., None]
        shade = (horizon * (1 - depth) * 0.8 + near * (0.2 + 0.8 * depth)) * (1.0 - 0.18 * depth)
        # Terraces: thin lighter contour lines that follow the ridge, as rice fields do.
        steps = 0.5 + 0.5 * np.sin((y - edge) * (60 + 50 * depth))
        glow = (np.clip(steps - 0.86, 0, 1) * 110 * depth * np.clip(1.2 - (y - edge) * 3, 0, 1))[..., None]
        picture = picture * (1 - cover) + (shade + glow) * cover
    result: Pixels = picture.astype(np.float32)
    return result


@cache
def picture(name: str, seed: int, weight: str) -> bytes:
    """A JPEG of the portal; the same bytes for the same arguments. KeyError for an unknown name or weight.

    Names are ``beranda`` (wide) and ``kartu-1`` to ``kartu-6``.
    """
    wide, card, quality, grain = WEIGHTS[weight]
    if name not in picture_names():
        raise KeyError(f"no picture {name!r}; there are {picture_names()}")
    number = picture_names().index(name)
    width, height = wide if name in WIDE else card
    rng = np.random.default_rng([seed, number])
    pixels = _landscape(rng, width, height, number)
    pixels += rng.normal(0.0, grain, size=(height, width, 1)).astype(np.float32)
    buffer = BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=quality, subsampling=0 if weight == "heavy" else 2
    )
    return buffer.getvalue()


def picture_names() -> tuple[str, ...]:
    """The names of all pictures."""
    return (*WIDE, *(f"kartu-{number}" for number in range(1, CARDS + 1)))


@cache
def favicon() -> bytes:
    """The site's icon as ICO: the four petals of the kawung pattern."""
    size = 128
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, size - 1, size - 1), radius=28, fill=(10, 92, 92, 255))
    petal = Image.new("L", (size, size), 0)
    ImageDraw.Draw(petal).ellipse((48, 10, 80, 60), fill=255)
    for quarter in range(4):
        image.paste((255, 205, 110, 255), (0, 0), petal.rotate(45 + 90 * quarter, resample=Image.Resampling.BICUBIC))
    buffer = BytesIO()
    image.resize((32, 32), Image.Resampling.LANCZOS).save(buffer, "ICO", sizes=[(32, 32)])
    return buffer.getvalue()
