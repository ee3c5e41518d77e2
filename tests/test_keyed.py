"""The keyed generator against plain big integers, and its quantile tables."""

import os
import statistics
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from tidegate.envs.quantiles import exponential_table, lognormal_table, normal_quantile, table_mean
from tidegate.fastsim import keyed
from tidegate.fastsim.jit import from_python
from tidegate.fastsim.keyed import CELLS, FRACTION_BITS, LARGEST, POINTS

bits_of, draw, key, mix = map(from_python, (keyed.bits_of, keyed.draw, keyed.key, keyed.mix))
product, quantile, uniform = map(from_python, (keyed.product, keyed.quantile, keyed.uniform))
MASK = (1 << 64) - 1
HOUR = 3_600_000
EDGES = (0, 1, 2, 3, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, MASK - 1, MASK, 0x9E3779B97F4A7C15)
NAMES = [(0, 0, 0, 0), (1, 2, 3, 4), (7, 0, 1 << 40, 8), ((1 << 63) - 1,) * 4, (2**31, 2**32, 2**62, 2**53 + 1)]


def mix_in_big_integers(x: int) -> int:
    """splitmix64's finaliser, as published."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def draw_in_big_integers(*names: int) -> int:
    bits = 0
    for name in names:
        bits = mix_in_big_integers(bits ^ name ^ 0x9E3779B97F4A7C15)
    return bits


def samples(count: int, seed: int = 1) -> np.ndarray:
    return np.array([draw(seed, 0, entity, 0) for entity in range(count)], np.uint64)


def test_products_and_the_mixer_equal_big_integers_at_every_edge():
    for left in EDGES:
        assert int(mix(np.uint64(left))) == mix_in_big_integers(left)
        for right in EDGES:
            assert int(product(np.uint64(left), np.uint64(right))) == left * right & MASK


@pytest.mark.parametrize("names", NAMES)
def test_a_draw_equals_big_integers_and_is_the_draw_of_its_key(names):
    seed, stream, entity, attempt = names
    bits = int(draw(seed, stream, entity, attempt))
    assert bits == draw_in_big_integers(*names)
    assert int(bits_of(np.uint64(key(seed, stream, entity)), attempt)) == bits


def test_uncompiled_kernels_draw_the_same_numbers_without_a_warning():
    program = (
        "import numpy as np; from tidegate.fastsim.keyed import draw, quantile, uniform;"
        f"bits = [np.uint64(draw(*names)) for names in {NAMES!r}];"
        "table = np.arange(2048, dtype=np.int64) << 26;"
        "print([(int(b), int(uniform(b, 1000)), int(quantile(table, b))) for b in bits])"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", program]
    uncompiled = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    table = np.arange(2048, dtype=np.int64) << 26
    bits = [np.uint64(draw(*names)) for names in NAMES]
    here = [(int(b), int(uniform(b, 1000)), int(quantile(table, b))) for b in bits]
    assert uncompiled.strip() == str(here)


def test_every_bit_is_a_fair_coin_whatever_name_changes():
    count = 4096
    for position in range(4):
        names = [[5, 5, 5, 5] for _ in range(count)]
        for number, name in enumerate(names):
            name[position] = number
        bits = np.array([draw(*name) for name in names], np.uint64)
        ones = [int(((bits >> np.uint64(bit)) & np.uint64(1)).sum()) for bit in range(64)]
        assert max(abs(2 * one - count) for one in ones) < 5 * count**0.5  # 5 standard deviations
        assert len(np.unique(bits)) == count


def test_uniform_integers_fill_their_range_evenly():
    count, n = 20_000, 10
    values = np.array([uniform(bits, n) for bits in samples(count)])
    observed = np.bincount(values, minlength=n)
    chi_square = float(((observed - count / n) ** 2 / (count / n)).sum())
    assert len(observed) == n
    assert chi_square < 33.7  # 9 degrees of freedom, p = 1e-4
    assert uniform(np.uint64(MASK), 1 << 30) == (1 << 30) - 1
    assert uniform(np.uint64(0), 1 << 30) == 0


def test_a_quantile_is_an_exact_integer_interpolation():
    table = exponential_table(1 << 28)
    for bits in [*map(int, samples(200)), 0, MASK, 1023 << 54, (1023 << 54) | (1023 << 44)]:
        cell = bits >> 54
        if cell == CELLS - 1:
            cell += (bits >> 44) & 1023
        low, high = int(table[cell]), int(table[cell + 1])
        expected = low + ((high - low) * ((bits >> 20) & ((1 << FRACTION_BITS) - 1)) >> FRACTION_BITS)
        assert quantile(table, np.uint64(bits)) == expected


@pytest.mark.parametrize("p", [2**-20, 0.001, 0.05, 0.2, 0.5, 0.925, 0.95, 0.999, 1 - 2**-20])
def test_normal_quantiles_agree_with_the_standard_library(p):
    assert float(normal_quantile(Fraction(p))) == pytest.approx(
        statistics.NormalDist().inv_cdf(p), rel=1e-14, abs=1e-15
    )


def test_tables_ascend_and_pass_through_what_they_are_named_after():
    table = lognormal_table(HOUR, 8 * HOUR, 1000, 24 * HOUR)
    assert table.shape == (POINTS,)
    assert (np.diff(table) >= 0).all()
    assert (table[0], table[CELLS // 2], table[-1]) == (1000, HOUR, 24 * HOUR)
    position = 0.95 * CELLS
    below = int(position)
    p95 = table[below] + (table[below + 1] - table[below]) * (position - below)
    assert p95 == pytest.approx(8 * HOUR, rel=1e-3)
    assert not table.flags.writeable


def test_an_exponential_table_keeps_its_mean_and_its_tail():
    mean = 1 << 28
    table = exponential_table(mean)
    assert (np.diff(table) > 0).all()
    assert float(table_mean(table)) == pytest.approx(mean, rel=2e-4)
    assert table[CELLS // 2] == pytest.approx(mean * np.log(2), rel=1e-7)
    assert int(np.diff(table).max()) << FRACTION_BITS < 1 << 62


def test_drawn_values_have_the_mean_of_their_table():
    table = lognormal_table(HOUR, 4 * HOUR, 1000, 24 * HOUR)
    values = np.array([quantile(table, bits) for bits in samples(20_000)], float)
    error = values.std() / len(values) ** 0.5
    assert abs(values.mean() - float(table_mean(table))) < 4 * error


@pytest.mark.parametrize("arguments", [(2, 2, 1, 9), (0, 2, 1, 9), (1, 2, 0, 9), (1, 2, 9, 1), (1, 2, 1, LARGEST)])
def test_impossible_lognormal_tables_are_refused(arguments):
    with pytest.raises(ValueError, match="no log-normal table"):
        lognormal_table(*arguments)


def test_impossible_exponential_tables_are_refused():
    with pytest.raises(ValueError, match="no exponential table"):
        exponential_table(0)
