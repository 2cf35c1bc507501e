"""Bars over time as SVG from the server: geometry in attributes, a title each, one finding as the label. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEIGHT = 100.0
# How high the least bar is that stands for something.
LEAST = 4.0


@dataclass(frozen=True)
class Bar:
    """A bar, in the chart's units; `words` say what it stands for, `tone` how it is coloured."""

    x: float
    y: float
    width: float
    height: float
    words: str
    tone: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars side by side. `label` says what they show; `ticks` are words under it, the first at its left end."""

    label: str
    width: float
    bars: tuple[Bar, ...]
    ticks: tuple[str, ...] = ()
    height: float = HEIGHT


def columns(label: str, values: Sequence[float], words: Sequence[str], ticks: Iterable[str] = ()) -> Chart:
    """A bar a value, as high as it is against the greatest; for nothing there is a mark on the ground line."""
    most = max(values, default=0)
    bars = []
    for place, (value, said) in enumerate(zip(values, words, strict=True)):
        height = max(HEIGHT * value / most, LEAST) if value else 1.5
        bars.append(Bar(place * 10 + 1, HEIGHT - height, 8, round(height, 2), said, "" if value else "none"))
    return Chart(label, len(values) * 10.0, tuple(bars), tuple(ticks))


def moments(
    label: str,
    times: Sequence[int],
    heights: Sequence[float],
    words: Sequence[str],
    tones: Sequence[str],
    ticks: Iterable[str] = (),
) -> Chart:
    """A bar a moment (ms), where it lies between the first and the last; as high as it is against the greatest."""
    width, thin = 600.0, 5.0
    first, span = times[0], max(times[-1] - times[0], 1)
    most = max(heights, default=0) or 1
    bars = []
    for time, value, said, tone in zip(times, heights, words, tones, strict=True):
        height = max(HEIGHT * value / most, 3 * LEAST)
        x = (time - first) / span * (width - thin) if len(times) > 1 else 0
        bars.append(Bar(round(x, 1), round(HEIGHT - height, 2), thin, round(height, 2), said, tone))
    return Chart(label, width, tuple(bars), tuple(ticks))
