"""Quantisation: rounding, and what stands for it in training."""

from fnnet import ops
from fnnet.core import Layer, require
from fnnet.layers.dropout import _require_key
from fnnet.layers.stateless import no_params


def quantize(training="noise"):
    """Round to whole numbers in use; in training do what has a gradient.

    (N, ...) -> (N, ...), any shape: the latents of a codec, between encoder and decoder.

    Parameters
    ----------
    training : "noise" or "straight_through"
        "noise" adds even noise from [-1/2, 1/2) and needs a key (`fnnet.ops.add_uniform_noise`);
        "straight_through" rounds, and hands the gradient on (`fnnet.ops.round_straight_through`).

    Raises
    ------
    LayerError
        If `training` is another one; in training, if noise is wanted and there is no key.
    """
    require(
        training in ("noise", "straight_through"),
        f"quantize: training={training!r} must be 'noise' or 'straight_through'",
    )

    def apply(params, state, x, *, key=None, train=False):
        if not train or training == "straight_through":
            return ops.round_straight_through(x), state
        _require_key("quantize", key)
        return ops.add_uniform_noise(x, key), state

    return Layer("quantize", no_params, apply, {"training": training})
