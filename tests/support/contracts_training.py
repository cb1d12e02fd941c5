"""One row a public optimiser, link or schedule; the tests walk every row through every property.

The oracles are NumPy and `math` in float64, from the formulas: none calls fnnet.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fnnet import optim, schedules

# Powers of two, so that a rate in float32 is the oracle's in float64.
RATES = (0.125, 0.0625, 0.25, 0.03125)
DECAY = 2**-8


@dataclass(frozen=True)
class OptimizerRow:
    """An optimiser to prove.

    `make` takes a schedule of the learning rate, `oracle` is ``(grads, params) -> updates`` for
    the learning rates `RATES`: of a list of dicts of arrays a step, as of `params`. `peak` and
    `steps` are a cosine under which it finds the minima that every optimiser must find.
    """

    name: str
    make: Callable
    oracle: Callable
    peak: float
    steps: int
    matrices: bool = False


def each(leaf_oracle):
    """Lift an oracle of one leaf, ``(grads, params) -> updates``, to all leaves."""

    def oracle(grads, params):
        columns = {
            path: list(leaf_oracle([g[path] for g in grads], leaf)) for path, leaf in params.items()
        }
        return [{path: columns[path][step] for path in params} for step in range(len(grads))]

    return oracle


def sgd(grads, params, rates=RATES):
    return [-rate * g for rate, g in zip(rates, grads, strict=False)]


def momentum(grads, params):
    v = 0
    for rate, g in zip(RATES, grads, strict=True):
        v = 0.9 * v + g
        yield -rate * v


def nesterov(grads, params):
    v = 0
    for rate, g in zip(RATES, grads, strict=True):
        v = 0.9 * v + g
        yield -rate * (g + 0.9 * v)


def adagrad(grads, params):
    s = 0
    for rate, g in zip(RATES, grads, strict=True):
        s = s + g**2
        yield -rate * g / (np.sqrt(s) + 1e-8)


def rmsprop(grads, params):
    v = 0
    for rate, g in zip(RATES, grads, strict=True):
        v = 0.9 * v + 0.1 * g**2
        yield -rate * g / (np.sqrt(v) + 1e-8)


def adam(grads, params):
    m = v = 0
    for t, (rate, g) in enumerate(zip(RATES, grads, strict=False), 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        yield -rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def amsgrad(grads, params):
    m = v = s = 0
    for t, (rate, g) in enumerate(zip(RATES, grads, strict=True), 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        s = np.maximum(s, v / (1 - 0.999**t))
        yield -rate * (m / (1 - 0.9**t)) / (np.sqrt(s) + 1e-8)


def lion(grads, params):
    m = 0
    for rate, g in zip(RATES, grads, strict=True):
        yield -rate * np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g


def muon(grads, params):
    if params.ndim < 2:
        yield from adam(grads, params)
        return
    v = 0
    for rate, g in zip(RATES, grads, strict=True):
        v = 0.95 * v + g
        matrix = (g + 0.95 * v).reshape(-1, g.shape[-1])
        yield -rate * 0.2 * math.sqrt(max(matrix.shape)) * orthogonal(matrix).reshape(g.shape)


def orthogonal(matrix):
    """Newton-Schulz by what it does to singular values, which leaves the vectors alone."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    s = s / math.sqrt((s**2).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ np.diag(s) @ v


def decayed(leaf_oracle):
    """Decouple a decay of `DECAY` learning rates; an update moves the weights that decay next."""

    def oracle(grads, params):
        for rate, update in zip(RATES, leaf_oracle(grads, params), strict=True):
            update = update - rate * DECAY * params
            params = params + update
            yield update

    return oracle


def by_kind(kernels, others):
    """Take one leaf oracle for the paths that end in ``kernel``, another for all others."""

    def oracle(grads, params):
        for_kernels, for_others = each(kernels)(grads, params), each(others)(grads, params)
        return [
            {path: (k if is_kernel(path) else o)[path] for path in params}
            for k, o in zip(for_kernels, for_others, strict=True)
        ]

    return oracle


def is_kernel(path):
    return path.endswith("kernel")


def clipped(grads, params):
    return sgd([np.clip(g, -0.5, 0.5) for g in grads], params)


def clipped_by_norm(grads, params):
    norms = [math.sqrt(sum((g**2).sum() for g in step.values())) for step in grads]
    short = [
        {path: g * min(1, 2 / norm) for path, g in step.items()}
        for step, norm in zip(grads, norms, strict=True)
    ]
    return each(sgd)(short, params)


def accumulated(grads, params):
    """Give the optimiser's own step 0 at step 1, its step 1 at step 3, of means of two."""
    first, second = adam([(grads[0] + grads[1]) / 2, (grads[2] + grads[3]) / 2], params)
    return [0 * first, first, 0 * second, second]


OPTIMIZERS = {
    row.name: row
    for row in [
        OptimizerRow("sgd", optim.sgd, each(sgd), 0.003, 8000),
        OptimizerRow("momentum", optim.momentum, each(momentum), 0.001, 4000),
        OptimizerRow("nesterov", optim.nesterov, each(nesterov), 0.001, 4000),
        OptimizerRow("adagrad", optim.adagrad, each(adagrad), 0.2, 10_000),
        OptimizerRow("rmsprop", optim.rmsprop, each(rmsprop), 0.03, 4000),
        OptimizerRow("adam", optim.adam, each(adam), 0.1, 2000),
        OptimizerRow(
            "adamw",
            lambda rate: optim.adamw(rate, decay=DECAY, mask=is_kernel),
            by_kind(decayed(adam), adam),
            0.1,
            2000,
        ),
        OptimizerRow("amsgrad", optim.amsgrad, each(amsgrad), 0.3, 10_000),
        OptimizerRow("lion", optim.lion, each(lion), 0.02, 4000),
        OptimizerRow("muon", optim.muon, each(muon), 0.1, 500, matrices=True),
        OptimizerRow(
            "chain",
            lambda rate: optim.chain(optim.clip(0.5), optim.momentum(rate)),
            each(lambda grads, params: momentum([np.clip(g, -0.5, 0.5) for g in grads], params)),
            0.01,
            4000,
        ),
        OptimizerRow(
            "clip",
            lambda rate: optim.chain(optim.clip(0.5), optim.sgd(rate)),
            each(clipped),
            0.005,
            8000,
        ),
        OptimizerRow(
            "clip_by_global_norm",
            lambda rate: optim.chain(optim.clip_by_global_norm(2.0), optim.sgd(rate)),
            clipped_by_norm,
            0.005,
            8000,
        ),
        OptimizerRow(
            "decay_weights",
            lambda rate: optim.chain(
                optim.sgd(rate), optim.decay_weights(lambda step: DECAY * rate(step))
            ),
            each(decayed(sgd)),
            0.003,
            8000,
        ),
        OptimizerRow(
            "accumulate",
            lambda rate: optim.accumulate(optim.adam(rate), 2),
            each(accumulated),
            0.1,
            4000,
        ),
        OptimizerRow(
            "partition",
            lambda rate: optim.partition(
                {"adam": optim.adam(rate), "slow": optim.sgd(lambda step: rate(step) / 16)},
                lambda path: "adam" if is_kernel(path) else "slow",
            ),
            by_kind(adam, lambda grads, params: sgd(grads, params, [rate / 16 for rate in RATES])),
            0.1,
            2000,
        ),
        OptimizerRow(
            "scale_by_schedule",
            lambda rate: optim.chain(optim.sgd(1.0), optim.scale_by_schedule(rate)),
            each(sgd),
            0.003,
            8000,
        ),
        OptimizerRow(
            "ema",
            lambda rate: optim.chain(optim.adam(rate), optim.ema(0.9)),
            each(adam),
            0.1,
            2000,
        ),
        OptimizerRow(
            "skip_not_finite",
            lambda rate: optim.skip_not_finite(optim.adam(rate)),
            each(adam),
            0.1,
            2000,
        ),
    ]
}


@dataclass(frozen=True)
class ScheduleRow:
    """A schedule to prove: `make` takes a total of steps, `oracle` a step and that total.

    It has reached its end `ends_after` totals, or never where that is None.
    """

    name: str
    make: Callable
    oracle: Callable
    ends_after: int | None = 1


def line(start, end, done):
    return start + (end - start) * min(max(done, 0), 1)


def half_cosine(start, end, done):
    # Of the share that is left, since the cosine near -1 rounds in float64 too.
    left = 1 - min(max(done, 0), 1)
    return end + (start - end) * math.sin(math.pi / 2 * left) ** 2


def cosine(step, total):
    warmup = total // 2
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return half_cosine(1.0, 0.1, (step - warmup) / (total - warmup))


def warm_restarts(step, total, factor):
    length = total
    while step >= length:
        step, length = step - length, length * factor
    return half_cosine(1.0, 0.1, step / length)


def one_cycle(step, total):
    top = {1: 0, 2: 1, 3: 1, 10: 3, 2_000_003: 600_001}[total]
    if step < top:
        return line(0.04, 1.0, step / top)
    return line(1.0, 0.01, (step - top) / (total - top))


def warmup(step, total):
    if step < total:
        return (step + 1) / (total + 1)
    return line(1.0, 0.1, (step - total) / total)


def warmup_stable_decay(step, total):
    rise, fall = total // 3, total - total // 2
    if step < rise:
        return (step + 1) / (rise + 1)
    return line(1.0, 0.05, (step - (total - fall)) / fall)


def join(step, total):
    if step < total:
        return line(1.0, 0.1, step / total)
    return 0.5 if step < 2 * total else 0.25 * 0.04 ** min((step - 2 * total) / total, 1)


SCHEDULES = {
    row.name: row
    for row in [
        ScheduleRow("constant", lambda total: schedules.constant(0.3), lambda step, total: 0.3, 0),
        ScheduleRow(
            "piecewise",
            lambda total: schedules.piecewise([0.5, 0.3, 0.1], [total, 2 * total]),
            lambda step, total: (0.5, 0.3, 0.1)[min(step // total, 2)],
            2,
        ),
        ScheduleRow(
            "linear",
            lambda total: schedules.linear(1.0, 0.1, steps=total),
            lambda step, total: line(1.0, 0.1, step / total),
        ),
        ScheduleRow(
            "polynomial",
            lambda total: schedules.polynomial(1.0, 0.1, steps=total, power=0.9),
            lambda step, total: 0.1 + 0.9 * (1 - min(step / total, 1)) ** 0.9,
        ),
        ScheduleRow(
            "exponential",
            lambda total: schedules.exponential(1.0, 0.01, steps=total),
            lambda step, total: 0.01 ** min(step / total, 1),
        ),
        ScheduleRow(
            "cosine",
            lambda total: schedules.cosine(1.0, steps=total, warmup=total // 2, end=0.1),
            cosine,
        ),
        ScheduleRow(
            "warm_restarts",
            lambda total: schedules.warm_restarts(1.0, steps=total, end=0.1),
            lambda step, total: warm_restarts(step, total, 2),
            None,
        ),
        ScheduleRow(
            "warm_restarts_equal",
            lambda total: schedules.warm_restarts(1.0, steps=total, factor=1, end=0.1),
            lambda step, total: half_cosine(1.0, 0.1, step % total / total),
            None,
        ),
        ScheduleRow(
            "one_cycle", lambda total: schedules.one_cycle(1.0, steps=total, end=0.01), one_cycle
        ),
        ScheduleRow(
            "warmup",
            lambda total: schedules.warmup(schedules.linear(1.0, 0.1, steps=total), steps=total),
            warmup,
            2,
        ),
        ScheduleRow(
            "warmup_stable_decay",
            lambda total: schedules.warmup_stable_decay(
                1.0, steps=total, warmup=total // 3, decay=total - total // 2, end=0.05
            ),
            warmup_stable_decay,
        ),
        ScheduleRow(
            "join",
            lambda total: schedules.join(
                [
                    schedules.linear(1.0, 0.1, steps=total),
                    0.5,
                    schedules.exponential(0.25, 0.01, steps=total),
                ],
                [total, 2 * total],
            ),
            join,
            3,
        ),
    ]
}
