"""Pictures of what a policy does: shares of its actions by class of job, and by hour of the day."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..evaluation.measures import Ground
from ..page.names import BURST, COMMITTED, HOLD
from .events import Png
from .mix import HOURS, Mix, shares

DOTS = 100  # to an inch
WIDTH = 9.6  # inches: TensorBoard shows a picture about half as wide until one clicks on it
WRITTEN = 0.09  # a share from which on it is written into its bar
PANELS = ("all decisions", "first offers")


def by_class(title: str, ground: Ground, mix: tuple[Mix, Mix]) -> Png:
    """A bar for each class of jobs, its parts the shares of the actions; of all decisions, and of first offers."""
    figure, panels = _figure(title, 1.9 + 0.36 * len(ground.classes))
    places = np.arange(len(ground.classes))
    for panel, one, name in zip(panels, mix, PANELS, strict=True):
        found, begin = np.nan_to_num(shares(one.by_class)), np.zeros(len(places))
        for action, colour in enumerate(colours(ground)):
            part = found[:, action]
            panel.barh(places, part, left=begin, height=0.78, color=colour, edgecolor="white", linewidth=0.6)
            for place in np.flatnonzero(part >= WRITTEN).tolist():
                middle, text = begin[place] + part[place] / 2, f"{100 * part[place]:.0f}"
                panel.text(middle, place, text, ha="center", va="center", fontsize=8, color=_ink(colour))
            begin += part
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("share of the class's decisions [%]")
        panel.set_xlim(0, 1)
        panel.set_xticks(np.linspace(0, 1, 5), [f"{share:.0f}" for share in np.linspace(0, 100, 5)])
        panel.set_ylim(len(places) - 0.5, -0.5)
        panel.set_yticks(places, _named(ground, one))
    panels[0].set_ylabel("class of jobs (decisions)")
    return _finished(figure, ground)


def by_hour(title: str, ground: Ground, mix: tuple[Mix, Mix]) -> Png:
    """A bar for each hour of the day, its parts the shares of the actions; of all decisions, and of first offers."""
    figure, panels = _figure(title, 3.9)
    hours = np.arange(HOURS)
    for panel, one, name in zip(panels, mix, PANELS, strict=True):
        found, begin = np.nan_to_num(shares(one.by_hour)), np.zeros(HOURS)
        for action, colour in enumerate(colours(ground)):
            panel.bar(hours + 0.5, found[:, action], bottom=begin, width=0.92, color=colour)
            begin += found[:, action]
        panel.set_title(f"{name} ({_count(int(one.by_hour.sum()))})", fontsize=9)
        panel.set_xlabel("hour of the day")
        panel.set_xlim(0, HOURS)
        panel.set_xticks(range(0, HOURS + 1, 3))
        panel.set_ylim(0, 1)
        panel.set_yticks(np.linspace(0, 1, 5), [f"{share:.0f}" for share in np.linspace(0, 100, 5)])
    panels[0].set_ylabel("share of the hour's decisions [%]")
    return _finished(figure, ground)


def colours(ground: Ground) -> list[str]:
    """Of every action, the same as on the page of an evaluation: committed sites blue, burst ones warm, hold grey."""
    blue, warm = iter(COMMITTED), iter(BURST)
    return [*(next(warm) if is_burst else next(blue) for is_burst in ground.is_burst.tolist()), HOLD]


def _figure(title: str, height: float) -> tuple[Figure, Sequence[Any]]:
    figure = Figure((WIDTH, height), DOTS, layout="constrained")
    figure.suptitle(title, fontsize=11)
    panels = figure.subplots(1, 2)
    for panel in panels:
        panel.tick_params(labelsize=8)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    return figure, panels


def _finished(figure: Figure, ground: Ground) -> Png:
    """With a legend below, as a picture."""
    keys = [Patch(color=colour) for colour in colours(ground)]
    figure.legend(keys, [*ground.sites, "hold"], loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    canvas, buffer = FigureCanvasAgg(figure), io.BytesIO()
    canvas.print_png(buffer)
    width, height = canvas.get_width_height()
    return Png(width, height, buffer.getvalue())


def _named(ground: Ground, mix: Mix) -> list[str]:
    """Every class, with how many decisions its bar is made of."""
    counts = mix.by_class.sum(axis=1).tolist()
    return [f"{name} ({_count(count)})" for name, count in zip(ground.classes, counts, strict=True)]


def _count(count: int) -> str:
    """A number of decisions, short: 950, 12k, 1.2M."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.1f}M"


def _ink(colour: str) -> str:
    """Black or white, whichever is read on a colour like #0072B2."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"
