"""Which tests a worker takes together: those of a file, whose kernels are then compiled once, and all real Slurm."""

import pytest

SLURM = "slurm"  # the fixture that gives a test a rig of real daemons


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real Slurm goes first, one rig after the other: it mostly waits, and others compute meanwhile."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(SLURM if starts_slurm(item) else item.path.stem))
    items.sort(key=lambda item: not starts_slurm(item))  # else in their order


def starts_slurm(item: pytest.Item) -> bool:
    """Whether a test needs a rig."""
    return SLURM in getattr(item, "fixturenames", ())
