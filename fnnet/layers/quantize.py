"""Quantisation: rounding, and its differentiable replacements during training."""

from fnnet import ops
from fnnet.core import Layer, require
from fnnet.layers.dropout import require_key
from fnnet.layers.stateless import no_params


def quantize(training="noise"):
    """Round to integers at inference, and by a differentiable replacement during training.

    (N, ...) -> (N, ...), any shape, such as a codec's latents between encoder and decoder.

    Parameters
    ----------
    training : "noise" or "straight_through"
        "noise" adds uniform noise from [-1/2, 1/2) and needs a key (`fnnet.ops.add_uniform_noise`);
        "straight_through" rounds and passes the gradient on (`fnnet.ops.round_straight_through`).

    Raises
    ------
    LayerError
        If `training` is another value; during training, if noise is to be added without a key.
    """
    require(
        training in ("noise", "straight_through"),
        f"quantize: training={training!r} must be 'noise' or 'straight_through'",
    )

    def apply(params, state, x, *, key=None, train=False):
        if not train or training == "straight_through":
            return ops.round_straight_through(x), state
        require_key("quantize", key)
        return ops.add_uniform_noise(x, key), state

    return Layer("quantize", no_params, apply, {"training": training})
