"""What every page is made of: frames of pictures with their legends, and the data that page.js draws into them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .picture import Key, Panel, Picture

FOLDER = Path(__file__).parent
# A page is one file that loads nothing, and may not.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def style() -> str:
    """The style sheet."""
    return (FOLDER / "page.css").read_text(encoding="utf-8")


def script() -> str:
    """What draws the pictures."""
    return (FOLDER / "page.js").read_text(encoding="utf-8")


def data_of(pictures: Sequence[Picture]) -> str:
    """The pictures as page.js reads them: JSON that stands in HTML."""
    return embedded([_data(picture) for picture in pictures])


def embedded(content: Any) -> str:
    """JSON that no HTML parser takes for markup, wherever a name in it says so."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def section(picture: Picture) -> str:
    """The frame of a picture; page.js draws into it."""
    style = "card wide" if picture.is_wide else "card"
    legend = "".join(map(_key, picture.legend))
    choices = "".join(f"<button type=button aria-pressed=false>{choice}</button>" for choice in picture.choices)
    panels = "".join(_panel(picture, panel) for panel in picture.panels)
    return (
        f'<section class="{style}" id={picture.name}><h2>{picture.title}</h2>'
        + (f"<div class=choices role=group>{choices}</div>" if choices else "")
        + (f"<div class=legend>{legend}</div>" if legend else "")
        + f'<div class="panels {picture.size}">{panels}</div>'
        + f"<p class=reading><b>How to read this.</b> {picture.reading}</p></section>"
    )


def _key(key: Key) -> str:
    """An entry of a legend: a button where there is something to hide."""
    stroke = f'style="stroke:{key.colour};stroke-width:2.5" stroke-dasharray="{STROKES.get(key.dash, "")}"'
    line = f"<svg width=22 height=8 aria-hidden=true><line x1=0 x2=22 y1=4 y2=4 {stroke}></line></svg>"
    mark = line if key.is_line else f'<i class=swatch style="background:{key.colour}"></i>'
    if key.symbol:
        shape = f'<path d="{SHAPES[key.symbol]}" fill="{key.colour}"></path>'
        mark = f"<svg width=14 height=14 aria-hidden=true>{shape}</svg>"
    if not key.group:
        return f"<span class=key>{mark}{key.label}</span>"
    return f'<button type=button class=key aria-pressed=true data-group="{key.group}">{mark}{key.label}</button>'


def _panel(picture: Picture, panel: Panel) -> str:
    title = f"<h3>{panel.title}</h3>" if panel.title else ""
    label = ": ".join(filter(None, (picture.title, panel.title or panel.choice)))
    plot = f'<div class=plot role=img aria-label="{label}" style="height:{panel.height}px"></div>'
    return f"<div class=panel>{title}{plot}</div>"


def _data(picture: Picture) -> dict[str, Any]:
    """What page.js needs to draw a picture."""
    panels = [{"data": panel.data, "layout": panel.layout, "choice": panel.choice} for panel in picture.panels]
    shown = picture.choices[picture.shown] if picture.choices else ""
    return {"name": picture.name, "choices": list(picture.choices), "shown": shown, "panels": panels}


# Plotly's symbols, in a square of 14 px.
SHAPES = {
    "circle": "M1 7a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z",
    "square": "M2 2h10v10h-10z",
    "diamond": "M7 0l7 7l-7 7l-7 -7z",
    "triangle-up": "M7 1l6.5 11.5h-13z",
    "triangle-down": "M7 13l6.5 -11.5h-13z",
    "cross": "M5 1h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    "x": "M3.5 1l3.5 3.5l3.5 -3.5l2.5 2.5l-3.5 3.5l3.5 3.5l-2.5 2.5l-3.5 -3.5l-3.5 3.5l-2.5 -2.5l3.5 -3.5l-3.5 -3.5z",
    "star": "M7 0.5l1.6 4.3h4.6l-3.7 2.8l1.4 4.4l-3.9 -2.7l-3.9 2.7l1.4 -4.4l-3.7 -2.8h4.6z",
}
STROKES = {"dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3", "longdash": "11 4", "longdashdot": "11 3 2 3"}
