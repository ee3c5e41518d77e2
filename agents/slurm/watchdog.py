"""The second watchdog: a process of its own that lets jobs out of the gate when the daemon does not.

It needs neither NumPy nor the scenario. While the daemon is alive it does nothing. When the daemon has not finished a
step for as long as a job may wait, every job that has waited so long goes to the default site, those that the router
chose to hold among them: nobody is there to ask again.
"""

import logging
import time
from collections.abc import Callable

from .backend import Backend, look
from .book import last_seen
from .gate import fallback, order, overlong
from .settings import Settings
from .wire import AwayError

LOG = logging.getLogger("tidegate.slurm.watchdog")


def watch(
    settings: Settings,
    slurm: Backend,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """For ever."""
    while True:
        try:
            is_busy = rescue(settings, slurm, now()) > 0
        except AwayError as error:
            LOG.warning("%s", error)
            is_busy = False
        sleep(0.2 if is_busy else settings.poll_seconds)


def rescue(settings: Settings, slurm: Backend, now: float) -> int:
    """Look once; how many jobs were told to go. Raises AwayError."""
    silence = now - last_seen(settings.state)
    if 0 <= silence <= settings.watchdog_seconds:
        return 0
    orders: dict[tuple, list[str]] = {}
    for job in overlong(look(settings, slurm, nodes=False).jobs, settings, now):
        place = fallback(job, settings)
        one = order(job, place.name, settings) if place is not None else None
        if one is not None:
            orders.setdefault(tuple(one), []).append(job.key)
    for (kind, cluster, partition, to), keys in orders.items():
        LOG.warning("the daemon is silent: %s %s to %s", kind, ", ".join(keys), partition or settings.default_site)
        told = slurm.release(cluster, keys) if kind == "release" else slurm.move(cluster, keys, partition, to)
        if told:
            LOG.warning("Slurm: %s", told)
    return sum(map(len, orders.values()))
