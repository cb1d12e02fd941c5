"""Latents that fit one picture better than the encoder's: a search in use, not in training."""

from functools import partial

import jax
import jax.numpy as jnp

from experiments.autoencoders import prior_bits
from fnnet import losses, ops, optim

_STEP_SIZE = 0.1
# How softly latents are rounded, from the first step to the last.
_SOFTEST, _HARDEST = 0.5, 0.1
_OPTIMIZER = optim.adam(_STEP_SIZE, beta1=0.8, beta2=0.95)


class Refiner:
    """Search latents of fewer bits and less error, by gradients through the decoder.

    What is minimised is the loss that the network was trained for at this rate, of this one
    picture, over its latents in place of the weights. In the search they are rounded ever less
    softly (Agustsson, Theis 2020, arXiv:2006.09952); the idea is that of Campos et al. 2019,
    arXiv:1906.01223, and Yang, Bamler, Mandt 2020, arXiv:2006.04240.

    Parameters
    ----------
    model : Autoencoder
        With penalised latents.
    """

    def __init__(self, model):
        self._analyse = jax.jit(model.analyse)
        self._cost = jax.jit(partial(_cost, model), static_argnums=4)
        self._step = jax.jit(partial(_step, model), static_argnums=5, donate_argnums=(2, 3))

    def latents(self, params, state, x, rate, steps):
        """Search latents (1, h, w, C) of one picture (1, H, W, 3), sides divisible, in 0..1.

        Where the search ends no better than where it began, the encoder's own are given.
        """
        start = self._analyse(params, state, x, jnp.full((1,), rate))
        y, opt_state = jnp.copy(start), _OPTIMIZER.init(start)
        for number in range(steps):
            softness = _SOFTEST * (_HARDEST / _SOFTEST) ** (number / steps)
            schedule = jnp.float32(softness), jnp.int32(number)
            y, opt_state = self._step(params, state, y, opt_state, (x, schedule), rate)
        found, own = jnp.round(y), jnp.round(start)
        costs = [self._cost(params, state, latents, x, rate) for latents in (found, own)]
        return found if costs[0] < costs[1] else own


def _cost(model, params, state, latents, x, rate):
    """Compute bits a pixel + weight * 255² * MSE."""
    size = x.shape[1:3]
    y = model.decode(params, state, latents, jnp.full((1,), rate), size)
    bits = prior_bits(params, rate)(latents).sum() / (size[0] * size[1])
    weight = 255**2 * model.config["distortion_weights"][rate]
    return bits + weight * losses.mse(jnp.clip(y, 0, 1), x)[0]


def _step(model, params, state, y, opt_state, given, rate):
    x, (softness, number) = given

    def cost(y):
        return _cost(model, params, state, ops.soft_round(y, temperature=softness), x, rate)

    updates, opt_state = _OPTIMIZER.update(jax.grad(cost)(y), opt_state, y, number)
    return optim.apply_updates(y, updates), opt_state
