"""Names of the configuration that a scenario has to know: all its sites, classes, tags."""

from collections.abc import Sequence

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from .settings import Settings


def check_names(settings: Settings, scenario: Scenario) -> None:
    """Raises InputError where the configuration names what the scenario does not have."""
    sites, classes = [site.name for site in scenario.sites], [cls.name for cls in scenario.classes]
    named = {place.name for place in settings.sites}
    for index, place in enumerate(settings.sites):
        _known(f"sites[{index}].name", "site", place.name, sites)
    for name in sites:
        if name not in named:
            raise InputError("sites", "site", name, f"is a site of {scenario.name} and left out", "say where it is")
    rule = settings.job_class
    _known("job_class.default", "class", rule.default, classes)
    for value, name in rule.table.items():
        _known(f"job_class.table.{value}", "class", name, classes)
    for value, tags in settings.tags.table.items():
        for tag in tags:
            _known(f"tags.table.{value}", "tag", tag, scenario.tags)


def _known(where: str, what: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise InputError(where, what, name, "the scenario has none of this name", f"use one of {', '.join(names)}")
