"""The dense layer."""

from fnnet import ops
from fnnet.core import require, require_integer
from fnnet.layers.affine import LECUN_NORMAL, ZEROS, affine_layer


def dense(
    features,
    *,
    use_bias=True,
    kernel_init=LECUN_NORMAL,
    bias_init=ZEROS,
):
    """Map the last axis affinely: ``y = x @ kernel + bias``.

    Parameters
    ----------
    features : int
        Size of the output's last axis, at least 1.
    use_bias : bool
        Whether to add a bias.
    kernel_init, bias_init : initialiser
        ``(key, shape, dtype) -> array``.

    Returns
    -------
    Layer
        ``(N, ..., C) -> (N, ..., features)``; params `kernel` (C, features), `bias` (features,).

    Raises
    ------
    LayerError
        If `features` is below 1; in ``init``, if an example has no axis.
    """
    require_integer("dense: features", features)

    def kernel_shape(in_shape):
        require(len(in_shape) >= 1, "an example needs at least one axis")
        return in_shape[-1], features

    return affine_layer(
        "dense",
        ops.dense,
        kernel_shape,
        sizes={"features": features},
        settings={},
        use_bias=use_bias,
        kernel_init=kernel_init,
        bias_init=bias_init,
    )
