"""The reference networks as lists of layers, from which every framework builds its own.

Imports only the standard library, so that a peer's Python can read it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Conv:
    """A convolution with zero padding; the output is smaller by the factor `stride`."""

    features: int
    kernel: int = 3
    stride: int = 1
    bias: bool = True


@dataclass(frozen=True)
class Transpose:
    """A transposed convolution of stride 2."""

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
    """Dropout of a share `rate` of the values during training."""

    rate: float = 0.1


@dataclass(frozen=True)
class MaxPool:
    """Max pooling over 2x2 pixels."""


@dataclass(frozen=True)
class Enlarge:
    """Bilinear enlargement by the factor 2."""


@dataclass(frozen=True)
class SpaceToDepth:
    """Pixel unshuffle by the factor 2: pixels become channels."""


@dataclass(frozen=True)
class DepthToSpace:
    """Pixel shuffle by the factor 2: channels become pixels."""


@dataclass(frozen=True)
class Residual:
    """A residual connection: x plus the output of the layers."""

    layers: tuple


@dataclass(frozen=True)
class Network:
    """A network with its input shapes during training and at inference, batch axis first."""

    layers: tuple
    train_shape: tuple
    infer_shape: tuple


_IMAGE = (1, 512, 768, 3)
_BETWEEN = (BatchNorm(), Relu(), Dropout())


def strided(batch=16, size=128):
    """Build an autoencoder of strided and transposed convolutions, down to 1/8 of the size."""
    down = (layer for f in (32, 64, 128) for layer in (Conv(f, 3, 2, bias=False), *_BETWEEN))
    up = (layer for f in (64, 32) for layer in (Transpose(f, bias=False), *_BETWEEN))
    return Network((*down, *up, Transpose(3)), (batch, size, size, 3), _IMAGE)


def dncnn(batch=16, size=64, width=64, depth=12):
    """Build a stack of 3x3 convolutions at full resolution, with batch norm between."""
    middle = (Conv(width, bias=False), BatchNorm(), Relu()) * (depth - 2)
    layers = (Conv(width), Relu(), *middle, Conv(3))
    return Network(layers, (batch, size, size, 3), _IMAGE)


def dense(batch=256):
    """Build a fully connected autoencoder of patches of 32x32."""
    layers = (Dense(1024), Relu(), Dense(128), Relu(), Dense(1024), Relu(), Dense(3072))
    return Network(layers, (batch, 3072), (384, 3072))


def pooled(batch=16, size=128):
    """Build an autoencoder with max pooling down to 1/8 of the size and bilinear enlargement."""
    down = (x for f in (32, 64, 128) for x in (Conv(f, bias=False), *_BETWEEN, MaxPool()))
    up = (x for f in (64, 32) for x in (Enlarge(), Conv(f, bias=False), *_BETWEEN))
    return Network((*down, *up, Enlarge(), Conv(3)), (batch, size, size, 3), _IMAGE)


def shuffle(batch=16, size=96):
    """Build residual blocks at half the resolution, between pixel unshuffle and shuffle."""
    blocks = (Residual((Conv(64), Relu(), Conv(64))),) * 4
    layers = (SpaceToDepth(), Conv(64), *blocks, Conv(12), DepthToSpace())
    return Network(layers, (batch, size, size, 3), _IMAGE)


NETWORKS = {build.__name__: build for build in (strided, dncnn, dense, pooled, shuffle)}


def build_all(layers, shape, build, residual):
    """Build all layers in a framework's terms.

    ``build(layer, channels)`` takes a layer and the channels of its input, ``residual(*layers)``
    what was built of a residual connection's layers.
    """
    built = []
    for layer in layers:
        if isinstance(layer, Residual):
            built.append(residual(*build_all(layer.layers, shape, build, residual)))
            continue
        ((_, before, shape),) = walk((layer,), shape)
        built.append(build(layer, before[-1]))
    return built


def walk(layers, shape):
    """Yield every layer with its input shape and output shape."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from walk(layer.layers, shape)
            continue
        after = _out_shape(layer, shape)
        yield layer, shape, after
        shape = after


# Factors of height and width, and of the channels of layers without `features`.
_SIZE_FACTORS = {Transpose: 2, Enlarge: 2, MaxPool: 0.5, SpaceToDepth: 0.5, DepthToSpace: 2}
_CHANNEL_FACTORS = {SpaceToDepth: 4, DepthToSpace: 0.25}


def _out_shape(layer, shape):
    n, *size, channels = shape
    if isinstance(layer, Conv):
        size = [-(-length // layer.stride) for length in size]
    size = [int(length * _SIZE_FACTORS.get(type(layer), 1)) for length in size]
    if isinstance(layer, Conv | Transpose | Dense):
        return n, *size, layer.features
    return n, *size, int(channels * _CHANNEL_FACTORS.get(type(layer), 1))


def parameters(network):
    """Count the parameters: kernels, biases, and batch norm's scales and offsets."""
    return sum(_parameters(*step) for step in walk(network.layers, network.train_shape))


def _parameters(layer, before, after):
    if isinstance(layer, Dense):
        return before[-1] * after[-1] + after[-1]
    if isinstance(layer, Conv | Transpose):
        return layer.kernel**2 * before[-1] * after[-1] + layer.bias * after[-1]
    return 2 * after[-1] if isinstance(layer, BatchNorm) else 0


def operations(network, mode):
    """Count the multiplications and additions of kernels in one call, twice the multiply-adds.

    Norms, activations, resampling and the optimiser are left out. A training step has two gradients
    as costly as the forward pass: that of the kernel, and that of the input, which the first layer
    does not need.
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
