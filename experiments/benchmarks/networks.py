"""The reference networks as lists of layers, which every framework builds for itself.

Needs nothing but the standard library, so that a peer's Python can read it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Conv:
    """A convolution, zeros around the image; `stride` makes the grid coarser."""

    features: int
    kernel: int = 3
    stride: int = 1
    bias: bool = True


@dataclass(frozen=True)
class Transpose:
    """A transposed convolution onto a grid that is twice as fine."""

    features: int
    kernel: int = 4
    bias: bool = True


@dataclass(frozen=True)
class Dense:
    """An affine map of the last axis."""

    features: int


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation with scale and offset."""


@dataclass(frozen=True)
class Relu:
    """max(x, 0)."""


@dataclass(frozen=True)
class Dropout:
    """In training, a share `rate` of the values becomes zero."""

    rate: float = 0.1


@dataclass(frozen=True)
class MaxPool:
    """The greatest of each 2x2 pixels."""


@dataclass(frozen=True)
class Enlarge:
    """Bilinear enlargement to twice the sides."""


@dataclass(frozen=True)
class SpaceToDepth:
    """2x2 pixels become channels."""


@dataclass(frozen=True)
class DepthToSpace:
    """Channels become 2x2 pixels."""


@dataclass(frozen=True)
class Residual:
    """x plus what the layers make of it."""

    layers: tuple


@dataclass(frozen=True)
class Network:
    """A network with the input it is trained on and the one it is used on, batch axis first."""

    layers: tuple
    train_shape: tuple
    infer_shape: tuple


_IMAGE = (1, 512, 768, 3)


def _between():
    return (BatchNorm(), Relu(), Dropout())


def strided(batch=16, size=128):
    """Go down to a grid of 1/8 by strided convolutions and back by transposed ones."""
    down = (layer for f in (32, 64, 128) for layer in (Conv(f, 3, 2, bias=False), *_between()))
    up = (layer for f in (64, 32) for layer in (Transpose(f, bias=False), *_between()))
    return Network((*down, *up, Transpose(3)), (batch, size, size, 3), _IMAGE)


def dncnn(batch=16, size=64, width=64, depth=12):
    """Stack 3x3 convolutions at full resolution, batch norm in all but first and last."""
    middle = (Conv(width, bias=False), BatchNorm(), Relu()) * (depth - 2)
    layers = (Conv(width), Relu(), *middle, Conv(3))
    return Network(layers, (batch, size, size, 3), _IMAGE)


def dense(batch=256):
    """Connect everything with everything: an autoencoder of patches of 32x32."""
    layers = (Dense(1024), Relu(), Dense(128), Relu(), Dense(1024), Relu(), Dense(3072))
    return Network(layers, (batch, 3072), (384, 3072))


def pooled(batch=16, size=128):
    """Go down to a grid of 1/8 by max pooling and back by bilinear enlargement."""
    down = (x for f in (32, 64, 128) for x in (Conv(f, bias=False), *_between(), MaxPool()))
    up = (x for f in (64, 32) for x in (Enlarge(), Conv(f, bias=False), *_between()))
    return Network((*down, *up, Enlarge(), Conv(3)), (batch, size, size, 3), _IMAGE)


def shuffle(batch=16, size=96):
    """Put residual blocks on a grid of half the resolution, by pixel shuffle."""
    blocks = (Residual((Conv(64), Relu(), Conv(64))),) * 4
    layers = (SpaceToDepth(), Conv(64), *blocks, Conv(12), DepthToSpace())
    return Network(layers, (batch, size, size, 3), _IMAGE)


NETWORKS = {
    "strided": strided,
    "dncnn": dncnn,
    "dense": dense,
    "pooled": pooled,
    "shuffle": shuffle,
}


def walk(layers, shape):
    """Yield every layer with the shape that it is given and the one that it gives."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from walk(layer.layers, shape)
            continue
        after = _out_shape(layer, shape)
        yield layer, shape, after
        shape = after


def _out_shape(layer, shape):
    *places, channels = shape
    if isinstance(layer, Dense):
        return (*places, layer.features)
    if isinstance(layer, Conv):
        n, height, width = places
        return n, -(-height // layer.stride), -(-width // layer.stride), layer.features
    if isinstance(layer, Transpose):
        return *_scaled(places, 2), layer.features
    if isinstance(layer, Enlarge):
        return *_scaled(places, 2), channels
    if isinstance(layer, MaxPool):
        return *_scaled(places, 0.5), channels
    if isinstance(layer, SpaceToDepth):
        return *_scaled(places, 0.5), 4 * channels
    if isinstance(layer, DepthToSpace):
        return *_scaled(places, 2), channels // 4
    return shape


def _scaled(places, factor):
    n, height, width = places
    return n, int(height * factor), int(width * factor)


def parameters(network):
    """Count what is learned: kernels, biases, and batch norm's scales and offsets."""
    return sum(_parameters(*step) for step in walk(network.layers, network.train_shape))


def _parameters(layer, before, after):
    if isinstance(layer, Dense):
        return before[-1] * after[-1] + after[-1]
    if isinstance(layer, Conv | Transpose):
        return layer.kernel**2 * before[-1] * after[-1] + layer.bias * after[-1]
    return 2 * after[-1] if isinstance(layer, BatchNorm) else 0


def operations(network, mode):
    """Count the useful multiplications and additions of kernels in one call.

    Parameters
    ----------
    network : Network
    mode : "train" or "infer"
        A training step has two gradients as costly as the forward pass, that of the kernel and
        that of the input, which the first layer does not need.

    Returns
    -------
    int
        Twice the multiply-adds; norms, activations, resampling and the optimiser count as none.
    """
    shape = network.train_shape if mode == "train" else network.infer_shape
    forward = [_operations(*step) for step in walk(network.layers, shape)]
    if mode == "infer":
        return sum(forward)
    return 3 * sum(forward) - next(count for count in forward if count)


def _operations(layer, before, after):
    if isinstance(layer, Dense):
        return 2 * before[0] * before[1] * after[1]
    if isinstance(layer, Conv | Transpose):
        # Each output of a convolution, and each input of a transposed one, sees all taps.
        n, height, width = (after if isinstance(layer, Conv) else before)[:3]
        return 2 * n * height * width * layer.kernel**2 * before[-1] * after[-1]
    return 0
