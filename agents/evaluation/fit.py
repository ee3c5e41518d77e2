"""Where gangs may run and what they occupy there, of many jobs at once (rules.md, section 2)."""

import numpy as np

from ...fastsim.spec import Spec


def footprints(spec: Spec, gangs: np.ndarray) -> np.ndarray:
    """Accelerators that gangs (n,) occupy at each site, (n, sites)."""
    rules, sites = spec.rules[0], int(spec.rules[0].sites)
    is_cubed = (rules.cube[:sites] > 0) & (gangs[:, None] >= rules.cube_from[:sites])
    unit = np.where(is_cubed, rules.cube[:sites], np.maximum(rules.granule[:sites], 1))
    return (gangs[:, None] + unit - 1) // unit * unit


def footprints_at(spec: Spec, gangs: np.ndarray, site: np.ndarray) -> np.ndarray:
    """Accelerators that gangs (n,) occupy, each at a `site` (n,) of its own, (n,); at −1 it means nothing."""
    rules = spec.rules[0]
    cube = rules.cube[site]
    unit = np.where((cube > 0) & (gangs >= rules.cube_from[site]), cube, np.maximum(rules.granule[site], 1))
    return (gangs + unit - 1) // unit * unit


def admitted(spec: Spec, cls: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """Whether speed and tags let jobs (n,) run at each site, (n, sites) bool, however large it is."""
    rules, sites = spec.rules[0], int(spec.rules[0].sites)
    offered = rules.tags[rules.provider[:sites]]
    return (rules.speed[:sites, cls].T > 0) & (tags[:, None] & ~offered == 0)
