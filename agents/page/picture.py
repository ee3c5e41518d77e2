"""A picture: panels that Plotly draws, a legend that hides and shows what is in them, and how to read it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

Drawn = dict[str, Any]  # a trace or a layout, as Plotly's JSON has it
INK, SOFT, FAINT, CARD = (
    "var(--ink)",
    "var(--soft)",
    "var(--faint)",
    "var(--card)",
)  # page.js puts in what the style sheet has
NARROW, HALF, SMALL = "narrow", "half", "small"  # how wide panels may become


class Panel(NamedTuple):
    """One drawing. Its texts are markup: names in it come from `Names`."""

    title: str
    data: list[Drawn]
    layout: Drawn
    height: int = 320  # px
    choice: str = ""  # of a picture with choices: shown while this one is chosen


class Key(NamedTuple):
    """An entry of a legend; it hides and shows the traces whose `legendgroup` is `group`."""

    label: str
    colour: str
    group: str
    is_line: bool = False
    dash: str = "solid"
    symbol: str = ""  # of marks


class Picture(NamedTuple):
    """What the page shows under one heading."""

    name: str  # its anchor
    title: str
    reading: str  # one sentence: how to read it
    panels: list[Panel]
    legend: list[Key]
    is_wide: bool = False  # over both columns of the page
    size: str = NARROW
    choices: tuple[str, ...] = ()  # one of which is shown
    shown: int = -1  # which of them at first


def listed(values: Iterable[float], places: int = 2) -> list[float | None]:
    """Numbers as JSON has them, rounded; null where there is none."""
    return [float(value) if np.isfinite(value) else None for value in np.round(np.asarray(values, float), places)]


def scale(largest: float) -> tuple[float, str]:
    """The unit in which dollars up to `largest` are shown, and its letter."""
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(largest) >= unit:
            return unit, letter
    return 1.0, ""


def dollar_axis(letter: str) -> Drawn:
    """An axis of dollars that `scale` has made short."""
    return {"tickformat": "$,.2~f", "ticksuffix": letter, "automargin": True}


def heading(text: str, axis: str = "y") -> Drawn:
    """What a vertical axis shows, and in which unit: an annotation, read without turning one's head."""
    place = {
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "yref": f"{axis} domain",
        "y": 1,
        "yanchor": "bottom",
        "yshift": 5,
    }
    return place | {"text": text, "showarrow": False, "font": {"size": 12, "color": SOFT}}
