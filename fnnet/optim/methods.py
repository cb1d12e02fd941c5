"""The methods that treat every number of every leaf alike, each given by its formula.

In the formulas ``g`` is a gradient, ``rate`` the learning rate at this step, ``t = step + 1``, and
everything that is kept starts at 0, in float32 or wider.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp

from fnnet import trees
from fnnet.core import require
from fnnet.optim.optimizer import (
    Optimizer,
    cast_like,
    chain,
    rate_schedule,
    require_decay,
    scaled,
    widen,
)
from fnnet.optim.transforms import decay_weights


def sgd(learning_rate):
    """Gradient descent: ``update = -rate * g`` (Robbins, Monro 1951)."""
    return _method("sgd", learning_rate, lambda step, g: (g,))


def momentum(learning_rate, decay=0.9):
    """Heavy-ball momentum: ``v = decay * v + g``, ``update = -rate * v`` (Polyak 1964)."""
    return _with_velocity("momentum", learning_rate, decay, lambda g, v: v)


def nesterov(learning_rate, decay=0.9):
    """Momentum that looks ahead: ``v = decay * v + g``, ``update = -rate * (g + decay * v)``.

    Sutskever, Martens, Dahl, Hinton 2013, equations 3 and 4, for the parameters one look ahead,
    where the gradient is taken (Bengio et al. 2012, arXiv:1212.0901, equation 7).
    """
    return _with_velocity("nesterov", learning_rate, decay, lambda g, v: g + decay * v)


def adagrad(learning_rate, *, epsilon=1e-8):
    """Adagrad: steps in units of all past gradients' norm, number by number.

    ``s = s + g²``, ``update = -rate * g / (sqrt(s) + epsilon)``.
    `epsilon` is above 0. Duchi, Hazan, Singer 2011, JMLR 12, figure 1.
    """
    _require_epsilon("adagrad", epsilon)

    def rule(step, g, squares):
        squares = squares + g * g
        return g / (jnp.sqrt(squares) + epsilon), squares

    return _method("adagrad", learning_rate, rule, "squares")


def rmsprop(learning_rate, *, decay=0.9, epsilon=1e-8):
    """RMSprop: steps in units of the gradient's running root mean square.

    ``v = decay * v + (1 - decay) * g²``, ``update = -rate * g / (sqrt(v) + epsilon)``. Without a
    correction for the start at 0 the first steps are longer, the very first by
    ``1 / sqrt(1 - decay)``. `decay` is in [0, 1), `epsilon` above 0. Tieleman, Hinton 2012,
    lecture 6.5.
    """
    require_decay("rmsprop: decay", decay)
    _require_epsilon("rmsprop", epsilon)

    def rule(step, g, mean_square):
        mean_square = _running_mean(mean_square, g * g, decay)
        return g / (jnp.sqrt(mean_square) + epsilon), mean_square

    return _method("rmsprop", learning_rate, rule, "mean_square")


def adam(learning_rate, *, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam: steps along running means of the gradient, in units of its running spread.

    ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 - beta2) * g²``,
    ``update = -rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)``.
    `beta1` and `beta2` are in [0, 1), `epsilon` above 0.
    Kingma, Ba 2015, arXiv:1412.6980, algorithm 1.
    """
    _require_moments("adam", beta1, beta2, epsilon)

    def rule(step, g, first, second):
        first = _running_mean(first, g, beta1)
        second = _running_mean(second, g * g, beta2)
        spread = jnp.sqrt(_unbiased(second, beta2, step))
        return _unbiased(first, beta1, step) / (spread + epsilon), first, second

    return _method("adam", learning_rate, rule, "first_moment", "second_moment")


def adamw(learning_rate, *, decay=0.01, mask=None, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam with decoupled weight decay: ``update = adam's - rate * decay * params``.

    `decay` is finite and at least 0; `mask` chooses the leaves that decay by their path, as in
    `decay_weights`; `beta1`, `beta2` and `epsilon` are as in `adam`. Loshchilov, Hutter 2019,
    arXiv:1711.05101, algorithm 2, with the decay in units of the learning rate.
    """
    _require_moments("adamw", beta1, beta2, epsilon)
    require(0 <= decay < math.inf, f"adamw: decay={decay} must be finite and at least 0")
    rate = rate_schedule("adamw: learning_rate", learning_rate)
    return chain(
        adam(rate, beta1=beta1, beta2=beta2, epsilon=epsilon),
        decay_weights(lambda step: decay * rate(step), mask=mask),
    )


def amsgrad(learning_rate, *, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """AMSGrad: Adam whose spread never shrinks.

    ``m`` and ``v`` as in `adam`, ``s = max(s, v / (1 - beta2^t))``,
    ``update = -rate * (m / (1 - beta1^t)) / (sqrt(s) + epsilon)``; `beta1` and `beta2` are in
    [0, 1), `epsilon` above 0.

    Reddi, Kale, Kumar 2018, arXiv:1904.09237, algorithm 2, which corrects no bias: here both means
    are corrected, and the greatest is taken of corrected values, so that the first step is Adam's
    and ``rate / sqrt(s)`` never grows, which is what the paper's proof needs. (The greatest of
    uncorrected values, corrected afterwards, would let it grow.)
    """
    _require_moments("amsgrad", beta1, beta2, epsilon)

    def rule(step, g, first, second, largest):
        first = _running_mean(first, g, beta1)
        second = _running_mean(second, g * g, beta2)
        largest = jnp.maximum(largest, _unbiased(second, beta2, step))
        direction = _unbiased(first, beta1, step) / (jnp.sqrt(largest) + epsilon)
        return direction, first, second, largest

    memories = "first_moment", "second_moment", "largest_second_moment"
    return _method("amsgrad", learning_rate, rule, *memories)


def lion(learning_rate, *, beta1=0.9, beta2=0.99):
    """Lion: every number moves by exactly the learning rate, a third to a tenth of Adam's.

    ``update = -rate * sign(beta1 * m + (1 - beta1) * g)``, then
    ``m = beta2 * m + (1 - beta2) * g``; both betas are in [0, 1). Chen et al. 2023,
    arXiv:2302.06675, algorithm 2, whose weight decay is `decay_weights` behind it.
    """
    require_decay("lion: beta1", beta1)
    require_decay("lion: beta2", beta2)

    def rule(step, g, mean):
        return jnp.sign(_running_mean(mean, g, beta1)), _running_mean(mean, g, beta2)

    return _method("lion", learning_rate, rule, "mean")


def _method(name, learning_rate, rule, *memories):
    """Make an optimiser of a rule for one leaf: ``(step, g, *kept) -> (direction, *kept)``.

    The update is ``-rate * direction``; what is kept has a tree for each name in `memories`.
    """
    rate = rate_schedule(f"{name}: learning_rate", learning_rate)

    def init(params):
        return {memory: trees.zeros_like(widen(params)) for memory in memories}

    def update(grads, opt_state, params, step):
        kept = [opt_state[memory] for memory in memories]
        results = jax.tree.map(partial(rule, step), widen(grads), *kept)

        def part(index):
            return jax.tree.map(lambda _, result: result[index], grads, results)

        updates = cast_like(scaled(part(0), -rate(step)), grads)
        return updates, {memory: part(index) for index, memory in enumerate(memories, 1)}

    return Optimizer(init, update)


def _with_velocity(name, learning_rate, decay, direction):
    require_decay(f"{name}: decay", decay)

    def rule(step, g, velocity):
        velocity = decay * velocity + g
        return direction(g, velocity), velocity

    return _method(name, learning_rate, rule, "velocity")


def _running_mean(mean, value, beta):
    return beta * mean + (1 - beta) * value


def _unbiased(mean, beta, step):
    """Divide by ``1 - beta^t``, computed without cancellation: undoes the start at 0."""
    if beta == 0:
        return mean
    t = jnp.asarray(step, mean.dtype) + 1
    return mean / -jnp.expm1(t * math.log(beta))


def _require_epsilon(name, epsilon):
    require(epsilon > 0, f"{name}: epsilon={epsilon} must be above 0")


def _require_moments(name, beta1, beta2, epsilon):
    require_decay(f"{name}: beta1", beta1)
    require_decay(f"{name}: beta2", beta2)
    _require_epsilon(name, epsilon)
