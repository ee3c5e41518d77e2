"""How things are called and coloured, the same in every picture.

Names are the user's input, and both HTML and Plotly read text as markup. So they are escaped here, once; pictures take
them from here only.
"""

import re
from html import escape
from pathlib import Path
from typing import NamedTuple

from ...envs.scenario import Scenario
from ..evaluation.report import Report
from .chosen import chosen

# Okabe and Ito's and Paul Tol's palettes. A colour-blind reader tells committed (blues) from burst (yellow to red) by
# hue, sites of a kind by lightness, and policies also by dash and symbol.
COMMITTED = ("#0072B2", "#56B4E9", "#2F4B7C", "#88CCEE", "#4477AA", "#A5C8E4", "#00587A", "#77AADD")
BURST = ("#E69F00", "#D55E00", "#F0D060", "#A65628", "#EE8866", "#FFCC80", "#B45F06", "#CC6677")
HOLD = "#A0A4AA"
FIRST, CHOSEN = "#7A7F87", "#AA4499"
BETWEEN = ("#009988", "#999933", "#CC6677", "#6A6FC9", "#44BB99", "#B08D57")
DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
CLASSES = ("#44AA99", "#C77CBB", "#DDCC77", "#6B8E23", "#F4A6B5", "#8C6D9E", "#99DDC8", "#B98A5E")
OTHERS = "#BDBDBD"
BROKEN = 9  # characters
LONGEST = 28  # characters of a name in a picture


class Names(NamedTuple):
    """Names, as markup, and colours, by number."""

    scenario: str
    title: str
    trace: str  # empty: drawn work
    policies: tuple[str, ...]
    chosen: int  # the policy that the page compares with the first
    sites: tuple[str, ...]
    providers: tuple[str, ...]
    classes: tuple[str, ...]
    policy_colours: tuple[str, ...]
    dashes: tuple[str, ...]
    symbols: tuple[str, ...]
    site_colours: tuple[str, ...]


def names_of(scenario: Scenario, report: Report) -> Names:
    """The names of an evaluation."""
    count, compared = len(report.policies), chosen(report)
    return Names(
        scenario=safe(report.scenario),
        title=safe(scenario.title),
        trace=safe(report.trace or ""),
        policies=tuple(map(safe, shortened(distinct([policy.name for policy in report.policies])))),
        chosen=compared,
        sites=tuple(safe(name) for name in report.sites),
        providers=tuple(safe(provider.name) for provider in scenario.providers),
        classes=tuple(safe(name) for name in report.classes),
        policy_colours=_of_policies(count, compared, FIRST, BETWEEN, CHOSEN),
        dashes=_of_policies(count, compared, "solid", DASHES, "solid"),
        symbols=_of_policies(count, compared, "circle", SYMBOLS, "circle"),
        site_colours=_of_sites(scenario),
    )


def safe(text: str) -> str:
    """Text that neither HTML nor Plotly, nor its templates, take for more than text."""
    return escape(text.replace("%{", "% {")).replace("&quot;", "&#34;")  # Plotly knows numbers, but not this word


def group_label(report: Report, group: str) -> str:
    """What a group of training seeds is called."""
    count = len(report.groups[group])
    return f"{safe(group)}, {count} training seed{'s' * (count != 1)}"


def distinct(paths: list[str]) -> list[str]:
    """The last part of each name, where these differ; a bundle is called by the path of its folder."""
    last = [Path(path).name or path for path in paths]
    return [name if last.count(name) == 1 else path for name, path in zip(last, paths, strict=True)]


def shortened(names: list[str]) -> list[str]:
    """Long names with their middles left out, since the ends say most; whole where that made two the same."""
    half = LONGEST // 2
    short = [name if len(name) <= LONGEST else f"{name[: half - 1]}…{name[-half:]}" for name in names]
    return [one if short.count(one) == 1 else name for one, name in zip(short, names, strict=True)]


def wrapped(name: str) -> str:
    """A name for under a bar: broken after a hyphen and the like, so that lines have about nine characters."""
    lines = [""]
    for part in re.findall(r"[^-_/: ]*[-_/: ]?", name):
        if lines[-1] and len(lines[-1]) + len(part) > BROKEN:
            lines.append("")
        lines[-1] += part
    return "<br>".join(lines)


def _of_policies(count: int, compared: int, first: str, others: tuple[str, ...], own: str) -> tuple[str, ...]:
    """One thing for each policy: the first and the one that is compared with it keep theirs in every evaluation."""
    found = {0: first, compared: own} if compared else {0: first}
    rest = [index for index in range(count) if index not in found]
    found |= {index: others[place % len(others)] for place, index in enumerate(rest)}
    return tuple(found[index] for index in range(count))


def _of_sites(scenario: Scenario) -> tuple[str, ...]:
    """A colour for each site, by what its provider is to routers."""
    committed = {provider.name: provider.is_committed for provider in scenario.providers}
    kinds = [committed[site.provider] for site in scenario.sites]
    return tuple((COMMITTED if kind else BURST)[kinds[:index].count(kind)] for index, kind in enumerate(kinds))
