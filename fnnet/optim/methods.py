"""Elementwise optimisers, each given by its formula.

In the formulas ``g`` is a gradient, ``rate`` the learning rate at this step and ``t = step + 1``;
all state starts at 0, in float32 or wider.
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
    """Nesterov's momentum: ``v = decay * v + g``, ``update = -rate * (g + decay * v)``.

    Sutskever, Martens, Dahl, Hinton 2013, equations 3 and 4, in terms of the look-ahead parameters,
    at which the gradient is computed (Bengio et al. 2012, arXiv:1212.0901, equation 7).
    """
    return _with_velocity("nesterov", learning_rate, decay, lambda g, v: g + decay * v)


def adagrad(learning_rate, *, epsilon=1e-8):
    """Adagrad: gradients divided by the norm of all past ones, element by element.

    ``s = s + g²``, ``update = -rate * g / (sqrt(s) + epsilon)``.
    `epsilon` is above 0. Duchi, Hazan, Singer 2011, JMLR 12, figure 1.
    """
    _require_epsilon("adagrad", epsilon)

    def rule(step, g, squares):
        squares = squares + g * g
        return g / (jnp.sqrt(squares) + epsilon), squares

    return _method("adagrad", learning_rate, rule, "squares")


def rmsprop(learning_rate, *, decay=0.9, epsilon=1e-8):
    """RMSprop: gradients divided by their running root mean square.

    ``v = decay * v + (1 - decay) * g²``, ``update = -rate * g / (sqrt(v) + epsilon)``. The start
    at 0 is not corrected: the first steps are larger, the very first by ``1 / sqrt(1 - decay)``.
    `decay` is in [0, 1), `epsilon` above 0. Tieleman, Hinton 2012, lecture 6.5.
    """
    require_decay("rmsprop: decay", decay)
    _require_epsilon("rmsprop", epsilon)

    def rule(step, g, mean_square):
        mean_square = _running_mean(mean_square, g * g, decay)
        return g / (jnp.sqrt(mean_square) + epsilon), mean_square

    return _method("rmsprop", learning_rate, rule, "mean_square")


def adam(learning_rate, *, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam: running means of the gradient divided by its running root mean square.

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

    `decay` is finite and at least 0; `mask` selects the leaves that decay by their path, as in
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
    """AMSGrad: Adam with a running root mean square that never decreases.

    ``m`` and ``v`` as in `adam`, ``s = max(s, v / (1 - beta2^t))``,
    ``update = -rate * (m / (1 - beta1^t)) / (sqrt(s) + epsilon)``; `beta1` and `beta2` are in
    [0, 1), `epsilon` above 0.

    Reddi, Kale, Kumar 2018, arXiv:1904.09237, algorithm 2, which corrects no bias. Here both means
    are corrected, and the maximum is over corrected values: the first step is Adam's, and
    ``rate / sqrt(s)`` never grows, as the paper's proof requires. (With a maximum over uncorrected
    values, corrected afterwards, it could grow.)
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
    """Lion: every parameter moves by the learning rate, typically 1/3 to 1/10 of Adam's.

    ``update = -rate * sign(beta1 * m + (1 - beta1) * g)``, then
    ``m = beta2 * m + (1 - beta2) * g``; both betas are in [0, 1). Chen et al. 2023,
    arXiv:2302.06675, algorithm 2; for its weight decay chain `decay_weights` after it.
    """
    require_decay("lion: beta1", beta1)
    require_decay("lion: beta2", beta2)

    def rule(step, g, mean):
        return jnp.sign(_running_mean(mean, g, beta1)), _running_mean(mean, g, beta2)

    return _method("lion", learning_rate, rule, "mean")


def _method(name, learning_rate, rule, *memories):
    """Build an optimiser from a rule for one leaf: ``(step, g, *state) -> (direction, *state)``.

    The update is ``-rate * direction``; the state is a tree for each name in `memories`.
    """
    rate = rate_schedule(f"{name}: learning_rate", learning_rate)

    def init(params):
        return {memory: trees.zeros_like(widen(params)) for memory in memories}

    def update(grads, opt_state, params, step):
        state = [opt_state[memory] for memory in memories]
        results = jax.tree.map(partial(rule, step), widen(grads), *state)

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
    """Divide by ``1 - beta^t``, computed without cancellation: corrects the start at 0."""
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
