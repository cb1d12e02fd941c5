"""Links and wrappers: transforms of gradients before an optimiser, or of its updates after it.

None of them counts steps: the caller passes the number.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from fnnet import trees
from fnnet.core import require, require_integer
from fnnet.optim.optimizer import (
    Optimizer,
    apply_updates,
    cast_like,
    chain,
    rate_schedule,
    require_callable,
    require_decay,
    require_optimizer,
    scaled,
    widen,
)
from fnnet.schedules import Plateau, as_schedule


def clip(limit):
    """Clip every element of the gradients to ``[-limit, limit]``, `limit` above 0."""
    require(limit > 0, f"clip: limit={limit} must be above 0")

    def update(grads, opt_state, params, step):
        return jax.tree.map(lambda g: jnp.clip(g, -limit, limit), grads), opt_state

    return Optimizer(_no_state, update)


def clip_by_global_norm(limit):
    """Scale gradients down to a global norm of `limit`, above 0, if it is larger.

    Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    require(limit > 0, f"clip_by_global_norm: limit={limit} must be above 0")

    def update(grads, opt_state, params, step):
        return scaled(grads, limit / jnp.maximum(trees.global_norm(grads), limit)), opt_state

    return Optimizer(_no_state, update)


def decay_weights(rate, *, mask=None):
    """Decay weights: ``update - rate * params``; it follows an optimiser in a `chain`.

    The decay is decoupled: it does not enter the optimiser's moments. Loshchilov, Hutter 2019,
    arXiv:1711.05101, section 2.

    Parameters
    ----------
    rate : number or schedule
        Share of the weights subtracted at each step, not multiplied by the learning rate.
    mask : callable, optional
        ``path -> bool``: whether a leaf decays, by its path such as ``"encoder/conv2d_0/kernel"``.
        Default: all leaves decay.

    Raises
    ------
    LayerError
        If `rate` is a number that is negative or not finite.
    TypeError
        If `rate` is neither a number nor a schedule, or `mask` is not callable.
    """
    rate = rate_schedule("decay_weights: rate", rate)

    def update(updates, opt_state, params, step):
        shrinkage = scaled(widen(params), rate(step))
        decayed = jax.tree.map(jnp.subtract, widen(updates), shrinkage)
        return cast_like(decayed, updates), opt_state

    everywhere = Optimizer(_no_state, update)
    if mask is None:
        return everywhere
    require_callable("decay_weights: mask", mask)
    return partition_by(
        {"decayed": everywhere, "others": chain()},
        lambda path, leaf: "decayed" if mask(path) else "others",
    )


def scale_by_schedule(schedule):
    """Multiply updates by ``schedule(step)``, or by the scale of a `Plateau`.

    For a `fnnet.schedules.reduce_on_plateau` the link's state is the plateau's, so that checkpoints
    contain it. Replace it after each measurement of the loss:

    >>> import fnnet as fn
    >>> plateau = fn.schedules.reduce_on_plateau(patience=3)
    >>> optimizer = fn.optim.chain(fn.optim.adam(1e-3), fn.optim.scale_by_schedule(plateau))
    >>> train_state = fn.train.init_state({"w": jnp.zeros(2)}, {}, optimizer)
    >>> adam_state, plateau_state = train_state.opt_state
    >>> opt_state = adam_state, plateau.update(plateau_state, 0.25)  # a validation loss
    >>> train_state = train_state._replace(opt_state=opt_state)
    """
    if isinstance(schedule, Plateau):
        return Optimizer(
            lambda params: schedule.init(),
            lambda updates, state, params, step: (scaled(updates, state["scale"]), state),
        )
    schedule = as_schedule(schedule)

    def update(updates, opt_state, params, step):
        return scaled(updates, schedule(step)), opt_state

    return Optimizer(_no_state, update)


def accumulate(optimizer, every):
    """Run `optimizer` once in `every` steps, on the mean of their gradients.

    `every` is at least 1. Updates of the other steps are 0. The optimiser receives
    ``step // every``, so that its schedules count its own steps. Links after it (`ema`,
    `decay_weights`) would act on the other steps too, so chain them inside. Raises `TypeError` if
    `optimizer` is not an `Optimizer`.
    """
    require_optimizer("accumulate", optimizer)
    require_integer("accumulate: every", every)

    def start(params, inner):
        zeros = trees.zeros_like(widen(params))
        return {"sum": zeros, "count": jnp.zeros((), jnp.int32), "inner": inner}

    def update(grads, opt_state, params, step):
        total = jax.tree.map(jnp.add, opt_state["sum"], widen(grads))
        # Counted, not assumed to be `every`: a step that is not finite leaves this state unchanged
        # while `step` increases; if it was the last of `every`, the sum is carried over.
        count = opt_state["count"] + 1

        def step_optimizer():
            mean = cast_like(scaled(total, 1 / count), grads)
            updates, inner = optimizer.update(mean, opt_state["inner"], params, step // every)
            return updates, start(params, inner)

        def wait():
            new_state = {"sum": total, "count": count, "inner": opt_state["inner"]}
            return trees.zeros_like(grads), new_state

        return jax.lax.cond((step + 1) % every == 0, step_optimizer, wait)

    return Optimizer(lambda params: start(params, optimizer.init(params)), update)


def partition(optimizers, label):
    """Use different optimisers for different parts of a model.

    Parameters
    ----------
    optimizers : dict of str to Optimizer
        By name. Each receives its part as a flat dict, ``{"encoder/conv2d_0/kernel": leaf, ...}``.
    label : callable
        ``path -> name`` of the optimiser for a leaf.

    Raises
    ------
    TypeError
        If `optimizers` is not a dict of optimisers, or `label` is not callable.
    LayerError
        If `optimizers` is empty; in ``init``, if a label is not among the names, or an optimiser
        gets no leaf.
    """
    if not isinstance(optimizers, Mapping):
        raise TypeError(f"partition needs a dict of optimizers, got a {type(optimizers).__name__}")
    require(optimizers, "partition: optimizers={} must name at least one")
    for name, optimizer in optimizers.items():
        require_optimizer(f"partition: {name!r}", optimizer)
    require_callable("partition: label", label)
    parts = partition_by(optimizers, lambda path, leaf: label(path))

    def init(params):
        labels = {path: label(path) for path in trees.flatten(params)}
        names = ", ".join(map(repr, optimizers))
        for path, name in labels.items():
            require(name in optimizers, f"partition: {path}: label {name!r} must be one of {names}")
        for name in optimizers:
            used = name in labels.values()
            require(used, f"partition: optimizer {name!r} must get at least one of the leaves")
        return parts.init(params)

    return Optimizer(init, parts.update)


def partition_by(optimizers, label):
    """Partition as `partition` does, by a label of ``(path, leaf)``; parts may be empty."""

    def split(tree):
        parts = {name: {} for name in optimizers}
        for path, leaf in trees.flatten(tree).items():
            parts[label(path, leaf)][path] = leaf
        return parts

    def init(params):
        return {name: optimizers[name].init(part) for name, part in split(params).items()}

    def update(grads, opt_state, params, step):
        grad_parts, param_parts, updates, new_state = split(grads), split(params), {}, {}
        for name, optimizer in optimizers.items():
            part, new_state[name] = optimizer.update(
                grad_parts[name], opt_state[name], param_parts[name], step
            )
            updates |= part
        return trees.unflatten(updates, grads), new_state

    return Optimizer(init, update)


def ema(decay):
    """Average parameters over steps: the last link of a `chain`, which changes no update.

    ``average = decay * average + (1 - decay) * (params + updates)``, starting at the parameters,
    in float32 or wider; `decay` is in [0, 1). After Polyak, Juditsky 1992, with decaying weights.

    Evaluate and save the average:

    >>> import fnnet as fn
    >>> optimizer = fn.optim.chain(fn.optim.adam(1e-3), fn.optim.ema(0.999))
    >>> train_state = fn.train.init_state({"w": jnp.ones(2)}, {}, optimizer)
    >>> params = train_state.opt_state[-1]["average"]  # for model.apply and fn.train.evaluate
    """
    require_decay("ema: decay", decay)

    def init(params):
        # A copy: a training step's buffers are donated, and no buffer may appear twice.
        return {"average": jax.tree.map(jnp.copy, widen(params))}

    def update(updates, opt_state, params, step):
        new = widen(apply_updates(params, updates))
        average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, opt_state["average"], new)
        return updates, {"average": average}

    return Optimizer(init, update)


def skip_not_finite(optimizer):
    """Skip steps whose gradients, updates or new optimiser state are not finite.

    Their updates are 0, the optimiser's state stays, and ``opt_state["skipped"]`` counts them.
    `fnnet.train.make_step` already does this for losses, gradients and the states of the methods in
    `fnnet.optim`; this wrapper is for other loops, and for optimisers of your own whose state can
    overflow with small gradients. Raises `TypeError` if `optimizer` is not an `Optimizer`.
    """
    require_optimizer("skip_not_finite", optimizer)

    def init(params):
        return {"inner": optimizer.init(params), "skipped": jnp.zeros((), jnp.int32)}

    def update(grads, opt_state, params, step):
        old, skipped = opt_state["inner"], opt_state["skipped"]
        updates, new = optimizer.update(grads, old, params, step)
        finite = trees.all_finite((grads, updates, new))
        updates = trees.select(finite, updates, trees.zeros_like(updates))
        inner = trees.select(finite, new, old)
        return updates, {"inner": inner, "skipped": jnp.where(finite, skipped, skipped + 1)}

    return Optimizer(init, update)


def _no_state(params):
    return ()
