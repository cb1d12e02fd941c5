"""Networks as functions of frozen configs.

Each maps images (N, H, W, 3) with values in 0..1 to images of the same size, for any size from 1x1
up: the image is extended by reflection to the size that the network needs, and the result is
cropped back. A network with a bottleneck is an `Autoencoder`, whose halves can be used separately.
"""

from collections.abc import Callable

import fnnet as fn
from experiments.networks import configs
from experiments.networks.autoencoder import autoencoder
from experiments.networks.bottlenecks import bottleneck
from experiments.networks.wrappers import from_patches, on_any_size, to_patches
from fnnet import initializers

ACTIVATIONS = {
    "relu": fn.relu,
    "leaky_relu": fn.leaky_relu,
    "elu": fn.elu,
    "gelu": fn.gelu,
    "silu": fn.silu,
    "sigmoid": fn.sigmoid,
    "tanh": fn.tanh,
}


def mlp(config: configs.MlpConfig):
    """Build a fully connected autoencoder: patch -> vector -> latent vector -> vector -> patch."""
    hidden = [
        [fn.dense(config.width, **_affine(config)), *_between(config)]
        for _ in range(2 * config.depth)
    ]
    side = config.block
    encoder = _in(config, fn.flatten, *_joined(hidden[: config.depth]))
    decoder = _in(
        config,
        *_joined(hidden[config.depth :]),
        pixels=fn.dense(3 * side**2),
        patch=fn.reshape(side, side, 3),
    )
    return _autoencoder(
        config,
        side,
        from_patches(fn.serial(body=encoder, latents=fn.dense(config.bottleneck)), side),
        to_patches(decoder, side),
    )


def shallow(config: configs.ShallowConfig):
    """Build the smallest convolutional autoencoder: one convolution each way."""
    kernel = 2 * config.stride
    # Coded latents have bounds or a prior instead of the activation.
    after = [ACTIVATIONS[config.activation]] if config.latents == "real" else []
    return _autoencoder(
        config,
        config.stride,
        _in(config, fn.conv2d(config.bottleneck, kernel, stride=config.stride), *after),
        _in(config, fn.conv_transpose2d(3, kernel, stride=config.stride)),
    )


def conv(config: configs.ConvConfig):
    """Build a convolutional autoencoder with a bottleneck of C channels."""
    widths = [config.width * 2**stage for stage in range(config.depth)]
    down = _joined([_down(config, width) for width in widths])
    up = _joined([_up(config, width) for width in reversed(widths[:-1])])
    first = (fn.conv2d(widths[-1], 3, **_affine(config)), *_between(config, decodes=True))
    return _autoencoder(
        config,
        2**config.depth,
        fn.serial(body=_in(config, *down), latents=fn.conv2d(config.bottleneck, 3)),
        _in(config, *first, *up, pixels=fn.serial(*_enlarge(config, 3))),
    )


def pyramid(config: configs.PyramidConfig):
    """Build residual blocks on three grids, most of them on those where they are cheap."""
    fine, middle, coarse = (config.width * factor for factor in (1, 2, 4))
    many, few = config.depth, max(config.depth - 1, 1)

    def blocks(width, count):
        return [_block(config, width) for _ in range(count)]

    encoder = (
        *(fn.space_to_depth(4), fn.conv2d(fine, 3), *blocks(fine, many)),
        *(fn.space_to_depth(2), fn.conv2d(middle, 3), *blocks(middle, many)),
        *(fn.space_to_depth(2), fn.conv2d(coarse, 1), *blocks(coarse, few)),
    )
    decoder = (
        *(*blocks(coarse, few), fn.conv2d(4 * middle, 1), fn.depth_to_space(2)),
        *(*blocks(middle, many), fn.conv2d(4 * fine, 3), fn.depth_to_space(2)),
        *(*blocks(fine, many), fn.conv2d(48, 3)),
    )
    return _autoencoder(
        config,
        16,
        fn.serial(body=_in(config, *encoder), latents=fn.conv2d(config.bottleneck, 1)),
        # The layer that takes the latents computes in float32: they exceed bfloat16's digits.
        fn.serial(fn.conv2d(coarse, 1), body=_in(config, *decoder), pixels=fn.depth_to_space(4)),
    )


def residual(config: configs.ResidualConfig):
    """Build residual blocks at half resolution that predict a correction to the image.

    With a bottleneck, the blocks form an encoder and a decoder.
    """
    enter = (fn.space_to_depth(2), fn.conv2d(config.width, 3))
    blocks = [_block(config, config.width) for _ in range(config.depth)]
    if not config.bottleneck:
        # The last kernel starts at zero, and thus the network at the identity.
        shuffle = (fn.conv2d(12, 3, kernel_init=initializers.zeros()), fn.depth_to_space(2))
        body = fn.serial(*enter, *blocks, *shuffle)
        return on_any_size(_in(config, fn.residual(correction=body)), 2)
    down = (*enter, *blocks, fn.space_to_depth(4))
    blocks = [_block(config, config.width, decodes=True) for _ in range(config.depth)]
    up = (fn.conv2d(16 * config.width, 1), fn.depth_to_space(4), *blocks)
    return _autoencoder(
        config,
        8,
        fn.serial(body=_in(config, *down), latents=fn.conv2d(config.bottleneck, 1)),
        _in(config, *up, fn.conv2d(12, 3), pixels=fn.depth_to_space(2)),
    )


_BUILDERS: dict[type, Callable] = {
    configs.MlpConfig: mlp,
    configs.ShallowConfig: shallow,
    configs.ConvConfig: conv,
    configs.ResidualConfig: residual,
    configs.PyramidConfig: pyramid,
}


def build(config):
    """Build the network of a config."""
    return _BUILDERS[type(config)](config)


def _autoencoder(config, multiple, encoder, decoder):
    latents = bottleneck(config.latents, config.distortion_weights)
    return autoencoder(encoder, decoder, multiple, latents)


def _in(config, *layers, **named):
    """Chain layers that compute in the config's precision."""
    network = fn.serial(*layers, **named)
    if config.precision == "float32":
        return network
    return fn.in_precision(network, config.precision)


def _joined(stages):
    return [layer for stage in stages for layer in stage]


def _between(config, *, decodes=False):
    """Return the layers between two affine ones: norm, activation, dropout."""
    norms = {
        "none": [],
        "batch": [fn.batch_norm()],
        "layer": [fn.layer_norm()],
        "group": [fn.group_norm(_groups(config.width))],
        "instance": [fn.instance_norm()],
        "gdn": [fn.gdn(inverse=decodes)],
    }
    drop = [fn.dropout(config.dropout)] if config.dropout else []
    return [*norms[config.norm], ACTIVATIONS[config.activation], *drop]


def _affine(config):
    """Return the settings of an affine layer before `_between`: batch norm would cancel a bias."""
    return {"kernel_init": initializers.he_normal(), "use_bias": config.norm != "batch"}


def _groups(width):
    """Return the greatest divisor of `width` up to 8, which divides its multiples too."""
    return next(groups for groups in range(8, 0, -1) if width % groups == 0)


def _down(config, width):
    pool = {"max": [fn.max_pool(2)], "average": [fn.avg_pool(2)], "stride": []}[config.pooling]
    kernel = fn.conv2d(width, 3, stride=1 if pool else 2, **_affine(config))
    return [kernel, *_between(config), *pool]


def _up(config, width):
    return [*_enlarge(config, width, **_affine(config)), *_between(config, decodes=True)]


def _enlarge(config, features, **settings):
    if config.pooling == "stride":
        return [fn.conv_transpose2d(features, 4, **settings)]
    return [fn.resize(2), fn.conv2d(features, 3, **settings)]


def _block(config, width, *, decodes=False):
    first = fn.conv2d(width, 3, **_affine(config))
    # A small last kernel: a deep stack starts close to the identity (Zhang et al. 2019).
    last = fn.conv2d(width, 3, kernel_init=initializers.normal(0.01))
    return fn.residual(first, *_between(config, decodes=decodes), last)
