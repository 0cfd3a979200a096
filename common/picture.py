"""Vectors as points on a plane: in the terminal, and as an SVG file.

A vector of 1,536 numbers cannot be drawn. Seen from the side from which the vectors differ most
(their first two principal components), near ones mostly stay near.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

Point = tuple[float, float]

WIDTH, HEIGHT, MARGIN = 720, 440, 40


def on_a_plane(vectors: Sequence[Sequence[float]]) -> list[Point]:
    """A point for each vector, within 0..1 each way."""
    matrix = np.asarray(vectors, dtype=np.float64)
    centred = matrix - matrix.mean(axis=0)
    sides = np.linalg.svd(centred, full_matrices=False)[2][:2]
    flat = centred @ sides.T
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    spread = np.ptp(flat, axis=0)
    low = flat.min(axis=0)
    placed = np.where(spread > 1e-9, (flat - low) / np.where(spread > 1e-9, spread, 1), 0.5)
    return [(float(x), float(y)) for x, y in placed]


def in_letters(points: Sequence[Point], marks: Sequence[str], width: int, height: int) -> list[str]:
    """The plane as lines of text; of two marks for one place the first is seen."""
    rows = [[" "] * width for _ in range(height)]
    for (x, y), mark in reversed(list(zip(points, marks, strict=True))):
        column = round(x * (width - len(mark)))
        rows[round((1 - y) * (height - 1))][column : column + len(mark)] = mark
    return ["".join(row).rstrip() for row in rows]


def write_svg(path: Path, points: Sequence[Point], labels: Sequence[str]) -> None:
    """The plane as a picture; raises OSError where the file cannot be written."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 13px sans-serif }</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for (x, y), label in zip(points, labels, strict=True):
        left = MARGIN + x * (WIDTH - 2 * MARGIN)
        top = MARGIN + (1 - y) * (HEIGHT - 2 * MARGIN)
        anchor = "end" if x > 0.6 else "start"
        beside = -8 if x > 0.6 else 8
        parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="4" fill="#0a7c86"/>')
        place = f'x="{left + beside:.1f}" y="{top + 4:.1f}" text-anchor="{anchor}"'
        parts.append(f"<text {place}>{escape(label)}</text>")
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")
