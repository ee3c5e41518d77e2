"""An evaluation, its page, and the page as a browser would see it."""

import json
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from tidegate.agents.evaluation.bounds import Bounds
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.evaluation.report import Report
from tidegate.agents.page.names import names_of
from tidegate.agents.page.observed import observed
from tidegate.agents.page.page import page, pictures
from tidegate.envs.scenario import Scenario, load

pytest.importorskip("plotly", reason="needs the report extra")

POLICIES = ("cost-greedy", "committed-only", "first-fit")
VOID = {"meta", "br", "input", "link", "img", "hr"}


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, texts, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []  # with the element they stand in
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"{tag} closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    def ids(self) -> set[str | None]:
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}

    def words(self) -> str:
        return " ".join(" ".join(text for tag, text in self.texts if tag not in ("script", "style")).split())

    def data(self) -> list[dict[str, Any]]:
        """The pictures, as JSON has them."""
        found = [text for tag, text in self.texts if tag == "script" and text.startswith("[{")]
        return json.loads("".join(found))


class Made:
    """An evaluation, what was watched of it, and its page."""

    def __init__(self, scenario: Scenario, policies: tuple[str, ...], **options: Any) -> None:
        self.scenario, self.agents = scenario, [resolve(name) for name in policies]
        self.trace = options.pop("trace", None)
        self.report = evaluate(scenario, self.agents, seed=3, trace=self.trace, **options)
        self.names = names_of(scenario, self.report)
        self.seen = observed(scenario, self.agents, self.report, self.trace)

    def page(self, **options: Any) -> str:
        return page(self.scenario, self.agents, self.report, trace=self.trace, **options).decode()


@cache
def small_team() -> Made:
    """Four stretches under three rules: with intervals. A worker plays them once, whichever files it runs."""
    return Made(load("small_team"), POLICIES, episodes=16)


def bounded(report: Report, bound: float, clairvoyant: float) -> Bounds:
    """Bounds of the first window of each stretch, dollars per week."""
    rows = report.policies[0].rows.block == 0
    return Bounds(bound, clairvoyant, report.policies[0].name, int(rows.sum()), rows)


def everything(made: Made) -> list[Any]:
    return pictures(made.names, made.report, made.seen, None)
