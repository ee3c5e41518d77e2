"""The site scorer as the kernel computes it: one network applied to each site, and a score for holding.

    e_s     = relu(common @ embed_common + site_s @ embed_site + embed_bias)          common = [job | clock]
    context = [mean over sites of e | max over sites of e]
    score_s = relu(e_s @ score_site + context @ score_context + score_bias) @ score_out
    hold    = relu(context @ hold_context + common @ hold_common + hold_bias) @ hold_out + hold_out_bias

To these it adds what it makes of the parts of a job's cost, of which an observation tells the shares (weighing.py):

    w_s     = clip(common @ weigh_common + site_s @ weigh_site + weigh_bias, −20, 20)     one for each of HEADS
    cost_s  = e^w_s[metered] metered + e^w_s[committed] committed + e^w_s[waiting] waiting (1 − makes_way)
              + e^w_s[starting] starting + e^w_s[evicting] evicting
    calm_s  = e^w_s[metered] metered + e^w_s[committed] committed
              + e^w_s[holding] (waiting + starting + delay_hour / 10)
    score_s + sharpness × (w_s[favour] − log cost_s)
    hold    − sharpness × log of the least calm_s

Where committed use counts nothing, holding much, and all else alike, this is the rule cost-greedy with re-offers, but
for runs that would have to make way. What is learned is how much each part counts, when, and for whom; a shipped policy
is little more than that.

It fits any number of sites, and relabelling sites relabels scores. Its knobs are `HEADER` float64 numbers (lengths of
the job, clock and site blocks, width) and then the weights as float32, two to a float64: the pass is bound by the
traffic of weights (28,672 of them: 1.7 µs in float32, 3.0 in float64). A product adds scaled rows, so that the compiler
vectorises over outputs and never reorders a sum: the same bits on every machine. Kernels do not allocate: the caller
brings the scratch.
"""

import math
from collections.abc import Mapping
from math import prod

import numpy as np

from .jit import kernel
from .weighing import COMMITTED, EVICTING, HOUR, MAKES_WAY, METERED, PARTS, STARTING, WAITING

HEADER = 4  # knobs before the weights
# What the learned weights are for; with eight of them one register holds a row.
HEADS = ("metered", "committed", "waiting", "starting", "evicting", "holding", "favour", "spare")
HOLDING, FAVOUR = HEADS.index("holding"), HEADS.index("favour")
LIMIT = 20.0  # of a weight's logarithm
PATIENCE = 0.1  # hours that who holds counts on beside its wait
LEAST = 1e-9  # share that every cost has, so that it has a logarithm


def weight_shapes(job: int, clock: int, site: int, width: int) -> dict[str, tuple[int, ...]]:
    """Name and shape (inputs, outputs) of every weight, in the order in which the knobs hold them."""
    common, context = job + clock, 2 * width
    return {
        "embed_common": (common, width),
        "embed_site": (site, width),
        "embed_bias": (width,),
        "score_site": (width, width),
        "score_context": (context, width),
        "score_bias": (width,),
        "score_out": (width, 1),
        "hold_context": (context, width),
        "hold_common": (common, width),
        "hold_bias": (width,),
        "hold_out": (width, 1),
        "hold_out_bias": (1,),
        "weigh_common": (common, len(HEADS)),
        "weigh_site": (site, len(HEADS)),
        "weigh_bias": (len(HEADS),),
        "sharpness": (1,),
    }


def pack(weights: Mapping[str, np.ndarray], job: int, clock: int, site: int, width: int) -> np.ndarray:
    """The knobs of a network, float64[:].

    Raises ValueError when a weight is absent or has another shape than `weight_shapes` says.
    """
    shapes = weight_shapes(job, clock, site, width)
    for name, shape in shapes.items():
        if name not in weights or weights[name].shape != shape:
            found = weights[name].shape if name in weights else "nothing"
            raise ValueError(f"weight {name} must have shape {shape}, found {found}; export the network again")
    flat = np.concatenate([np.asarray(weights[name], np.float32).ravel() for name in shapes])
    padded = np.append(flat, np.zeros(flat.size % 2, np.float32))
    return np.concatenate([np.array([job, clock, site, width], np.float64), padded.view(np.float64)])


def knob_count(job: int, clock: int, site: int, width: int) -> int:
    """Length of the knobs of such a network."""
    return HEADER + (sum(prod(shape) for shape in weight_shapes(job, clock, site, width).values()) + 1) // 2


def scratch_size(sites: int, width: int) -> int:
    """Length [float32] of the scratch that one decision among `sites` sites needs."""
    return max((sites + 4) * width, 2 * len(HEADS)) + sites + 1


@kernel
def add_product(out: np.ndarray, inputs: np.ndarray, weights: np.ndarray) -> None:
    """Add `inputs @ weights` to `out`; `weights` is (inputs, outputs), flat. Four rows at a time spare stores."""
    width = out.shape[0]
    fours = inputs.shape[0] - inputs.shape[0] % 4
    for i in range(0, fours, 4):
        a, b, c, d = inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]
        row_a = weights[i * width : (i + 1) * width]
        row_b = weights[(i + 1) * width : (i + 2) * width]
        row_c = weights[(i + 2) * width : (i + 3) * width]
        row_d = weights[(i + 3) * width : (i + 4) * width]
        for j in range(width):
            out[j] = (((out[j] + a * row_a[j]) + b * row_b[j]) + c * row_c[j]) + d * row_d[j]
    for i in range(fours, inputs.shape[0]):
        a = inputs[i]
        row_a = weights[i * width : (i + 1) * width]
        for j in range(width):
            out[j] += a * row_a[j]


@kernel
def add_rows(out: np.ndarray, inputs: np.ndarray, weights: np.ndarray) -> None:
    """The same where there are as many outputs as heads, a number that the compiler knows."""
    for i in range(inputs.shape[0]):
        for j in range(len(HEADS)):
            out[j] += inputs[i] * weights[i * len(HEADS) + j]


@kernel
def fill(out: np.ndarray, values: np.ndarray) -> None:
    """Copy `values` to `out`; a slice assignment would allocate."""
    for i in range(out.shape[0]):
        out[i] = values[i]


@kernel
def dot(start: np.float32, inputs: np.ndarray, weights: np.ndarray) -> np.float32:
    """`start` + inputs · weights, from the first to the last."""
    total = start
    for i in range(inputs.shape[0]):
        total += inputs[i] * weights[i]
    return total


@kernel
def relu(values: np.ndarray) -> None:
    """Set what is below zero to zero; NaN stays."""
    for i in range(values.shape[0]):
        values[i] = np.float32(0.0) if values[i] < 0.0 else values[i]


@kernel
def take(weights: np.ndarray, at: int, count: int) -> tuple[np.ndarray, int]:
    """The next `count` weights, and where the ones after them begin."""
    return weights[at : at + count], at + count


@kernel
def pool(context: np.ndarray, embedded: np.ndarray, sites: int) -> None:
    """Mean and maximum over `sites` rows of `embedded`, side by side in `context`."""
    width = context.shape[0] // 2
    mean, largest = context[:width], context[width:]
    for j in range(width):
        mean[j] = embedded[j]
        largest[j] = embedded[j]
    for s in range(1, sites):
        row = embedded[s * width : (s + 1) * width]
        for j in range(width):
            mean[j] += row[j]
            largest[j] = row[j] if row[j] > largest[j] else largest[j]
    for j in range(width):
        mean[j] /= np.float32(sites)


@kernel
def scores(observation: np.ndarray, knobs: np.ndarray, scratch: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` with a score for each site and, last, for holding. All float32.

    `out` is as long as there are actions, `scratch` at least `scratch_size` long.
    """
    common_size, site_size, width = int(knobs[0]) + int(knobs[1]), int(knobs[2]), int(knobs[3])
    sites = out.shape[0] - 1
    weights = knobs[HEADER:].view(np.float32)
    common = observation[:common_size]
    embed_common, at = take(weights, 0, common_size * width)
    embed_site, at = take(weights, at, site_size * width)
    embed_bias, at = take(weights, at, width)
    score_site, at = take(weights, at, width * width)
    score_context, at = take(weights, at, 2 * width * width)
    score_bias, at = take(weights, at, width)
    score_out, at = take(weights, at, width)
    hold_context, at = take(weights, at, 2 * width * width)
    hold_common, at = take(weights, at, common_size * width)
    hold_bias, at = take(weights, at, width)
    hold_out, at = take(weights, at, width)
    hold_out_bias, at = take(weights, at, 1)

    if not (has_weight(score_out) or has_weight(hold_out)):
        for s in range(sites):
            out[s] = np.float32(0.0)
        out[sites] = hold_out_bias[0]
        add_weighed(observation, knobs, weights[at:], scratch, out)
        return
    embedded, context = scratch[: sites * width], scratch[sites * width : (sites + 2) * width]
    shared = scratch[(sites + 2) * width : (sites + 3) * width]
    hidden = scratch[(sites + 3) * width : (sites + 4) * width]

    fill(shared, embed_bias)
    add_product(shared, common, embed_common)
    for s in range(sites):
        row = embedded[s * width : (s + 1) * width]
        fill(row, shared)
        add_product(row, observation[common_size + s * site_size : common_size + (s + 1) * site_size], embed_site)
    relu(embedded)
    pool(context, embedded, sites)

    fill(shared, score_bias)
    add_product(shared, context, score_context)
    for s in range(sites):
        fill(hidden, shared)
        add_product(hidden, embedded[s * width : (s + 1) * width], score_site)
        relu(hidden)
        out[s] = dot(np.float32(0.0), hidden, score_out)

    fill(hidden, hold_bias)
    add_product(hidden, context, hold_context)
    add_product(hidden, common, hold_common)
    relu(hidden)
    out[sites] = dot(hold_out_bias[0], hidden, hold_out)
    add_weighed(observation, knobs, weights[at:], scratch, out)


@kernel
def add_weighed(
    observation: np.ndarray, knobs: np.ndarray, weights: np.ndarray, scratch: np.ndarray, out: np.ndarray
) -> None:
    """Add to the scores `out` what the parts of the job's cost come to; `weights`: from `weigh_common` on."""
    common_size, site_size, sites = int(knobs[0]) + int(knobs[1]), int(knobs[2]), out.shape[0] - 1
    weigh_common, at = take(weights, 0, common_size * len(HEADS))
    weigh_site, at = take(weights, at, site_size * len(HEADS))
    weigh_bias, at = take(weights, at, len(HEADS))
    sharpness = float(weights[at])
    if sharpness == 0.0:
        return
    shared, heads = scratch[: len(HEADS)], scratch[len(HEADS) : 2 * len(HEADS)]
    fill(shared, weigh_bias)
    add_rows(shared, observation[:common_size], weigh_common)
    least = np.inf
    for s in range(sites):
        end = common_size + (s + 1) * site_size
        fill(heads, shared)
        add_rows(heads, observation[end - site_size : end], weigh_site)
        first = end - PARTS
        wait = part(observation, first + WAITING) + part(observation, first + STARTING)
        calm = weighed(heads, METERED, part(observation, first + METERED))
        calm += weighed(heads, COMMITTED, part(observation, first + COMMITTED))
        waiting = part(observation, first + WAITING) * (1.0 - part(observation, first + MAKES_WAY))
        cost = calm + weighed(heads, WAITING, waiting)
        cost += weighed(heads, STARTING, part(observation, first + STARTING))
        cost += weighed(heads, EVICTING, part(observation, first + EVICTING))
        calm += weighed(heads, HOLDING, wait + PATIENCE * part(observation, first + HOUR))
        least = calm if calm < least else least
        favour = max(-LIMIT, min(float(heads[FAVOUR]), LIMIT))
        out[s] += np.float32(sharpness * (favour - math.log(cost + LEAST)))
    out[sites] -= np.float32(sharpness * math.log(least + LEAST))


@kernel
def part(observation: np.ndarray, at: int) -> float:
    """A part of a cost; no world shows one below 0."""
    return max(0.0, float(observation[at]))


@kernel
def weighed(heads: np.ndarray, head: int, value: float) -> float:
    """A part of a cost times what it counts. Most parts are 0, and exponentials are dear."""
    if value == 0.0:
        return 0.0
    return math.exp(max(-LIMIT, min(float(heads[head]), LIMIT))) * value


@kernel
def has_weight(weights: np.ndarray) -> bool:
    """Whether any of them is not 0."""
    for i in range(weights.shape[0]):
        if weights[i] != 0.0:
            return True
    return False


@kernel
def best_action(observation: np.ndarray, mask: np.ndarray, knobs: np.ndarray, scratch: np.ndarray) -> int:
    """The legal action with the highest score, the lowest index among equals; −1 when nothing legal has one."""
    out = scratch[scratch.shape[0] - mask.shape[0] :]
    scores(observation, knobs, scratch, out)
    best, best_score = -1, np.float32(-np.inf)
    for action in range(mask.shape[0]):
        if mask[action] and out[action] > best_score:
            best, best_score = action, out[action]
    return best
