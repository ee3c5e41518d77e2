"""Data that a job is taken to have, of which Slurm knows nothing: its class's by the scenario, on average, at home."""

from bisect import bisect_right
from fractions import Fraction

from ...envs.demand import MB_PER_BILLION, MB_PER_GB
from ...envs.quantities import mean_of
from ...envs.scenario import Scenario
from ...envs.work import JobClass, Models


def data_of(scenario: Scenario, cls: JobClass, gang: int) -> dict[str, int]:
    """MB at each provider: its dataset, and the model that it begins from; several homes share them by weight."""
    models = scenario.workload.models
    if models is None:
        return {}
    total = mean_of(cls.dataset_gb) * MB_PER_GB + (_model(models, gang) if cls.reads_weights else 0)
    weights = sum(map(Fraction, models.homes.values()), Fraction(0))
    shares = {home: round(total * Fraction(weight) / weights) for home, weight in models.homes.items()}
    return {home: megabytes for home, megabytes in shares.items() if megabytes}


def _model(models: Models, gang: int) -> int:
    """MB of the weights of a model for so many accelerators."""
    place = bisect_right(models.sizes, gang, key=lambda size: size[0]) - 1
    return models.sizes[place][1] * models.weights_bytes * MB_PER_BILLION
