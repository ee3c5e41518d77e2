"""Use and supply of the running contract period, integrated from look to look."""

from ...envs.quantities import whole
from ...envs.scenario import Scenario
from ...fastsim.jit import from_python
from ...fastsim.units import cost
from .book import Book, Meter
from .standing import Standing

cost_of = from_python(cost)


def count(book: Book, scenario: Scenario, standing: Standing) -> None:
    """Count on to `standing.now_ms`, with what ran until now; then with what runs now.

    A period that has ended takes its counts with it; at another price, what was used is posted at the old one.
    """
    period = whole(scenario.rules.billing_period_days, "days")
    begin = standing.now_ms // period * period
    if book.at_ms is None or book.period_begin_ms != begin:
        for meter in book.meters.values():
            meter.used = meter.delivered = 0
        book.spend.clear()
        book.at_ms = standing.now_ms if book.at_ms is None else min(max(book.at_ms, begin), standing.now_ms)
        book.period_begin_ms = begin
    passed = max(0, standing.now_ms - book.at_ms)
    metered = {provider.name for provider in scenario.providers if provider.contract == "metered"}
    providers = {site.name: site.provider for site in scenario.sites}
    for name, site in standing.sites.items():
        meter = book.meters.setdefault(name, Meter(price=site.price))
        meter.used += meter.running * passed
        meter.delivered += meter.capacity * passed
        if meter.price != site.price and providers[name] in metered:
            posted = cost_of(meter.used, meter.price)
            book.spend[providers[name]] = book.spend.get(providers[name], 0) + posted
            meter.used = 0
        meter.running, meter.capacity, meter.price = site.running, site.capacity, site.price
    book.at_ms = standing.now_ms
