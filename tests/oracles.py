"""What the layers compute, as plain NumPy loops written from the formulas, in float64."""

import itertools
import math

import numpy as np


def same_padding(size, kernel, stride, dilation=1):
    """(outputs, zeros before) of padding "same" along one axis."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return outputs, total // 2


def conv2d(x, kernel, bias, *, stride=(1, 1), padding="same", dilation=(1, 1), groups=1):
    n, h, w, _ = x.shape
    kh, kw, per_group, features = kernel.shape
    if padding == "same":
        (rows, top), (columns, left) = (
            same_padding(size, k, s, d)
            for size, k, s, d in zip((h, w), (kh, kw), stride, dilation, strict=True)
        )
    else:
        (top, bottom), (left, right) = ((0, 0), (0, 0)) if padding == "valid" else padding
        rows = (h + top + bottom - (kh - 1) * dilation[0] - 1) // stride[0] + 1
        columns = (w + left + right - (kw - 1) * dilation[1] - 1) // stride[1] + 1
    y = np.zeros((n, rows, columns, features))
    for i, j, o, a, b in np.ndindex(rows, columns, features, kh, kw):
        row, column = i * stride[0] + a * dilation[0] - top, j * stride[1] + b * dilation[1] - left
        if 0 <= row < h and 0 <= column < w:
            first = o // (features // groups) * per_group
            y[:, i, j, o] += x[:, row, column, first : first + per_group] @ kernel[a, b, :, o]
    return y + bias


def conv_transpose2d(x, kernel, bias, *, stride):
    """y[u] = sum over taps t and places m with stride * m = u + t - before, of kernel[t] x[m]."""
    n, h, w, _ = x.shape
    kh, kw, _, features = kernel.shape
    y = np.zeros((n, h * stride[0], w * stride[1], features))
    before = [
        k - 1 if s > k - 1 else math.ceil((k + s - 2) / 2)
        for k, s in zip((kh, kw), stride, strict=True)
    ]
    for i, j, a, b in np.ndindex(y.shape[1], y.shape[2], kh, kw):
        (row, r), (column, c) = (
            divmod(i + a - before[0], stride[0]),
            divmod(j + b - before[1], stride[1]),
        )
        if r == 0 and c == 0 and 0 <= row < h and 0 <= column < w:
            y[:, i, j] += x[:, row, column] @ kernel[a, b]
    return y + bias


def pool(x, reduce, *, window, stride):
    rows, columns = (
        (size - k) // s + 1 for size, k, s in zip(x.shape[1:3], window, stride, strict=True)
    )
    y = np.zeros((x.shape[0], rows, columns, x.shape[3]))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride[0], j * stride[1]
        y[:, i, j] = reduce(x[:, top : top + window[0], left : left + window[1]], axis=(1, 2))
    return y


def nearest(x, factor):
    n, h, w, c = x.shape
    y = np.zeros((n, h * factor, w * factor, c))
    for i, j in np.ndindex(h * factor, w * factor):
        y[:, i, j] = x[:, i // factor, j // factor]
    return y


def bilinear(x, factor):
    n, h, w, c = x.shape
    y = np.zeros((n, h * factor, w * factor, c))
    for i, j in np.ndindex(h * factor, w * factor):
        for (row, a), (column, b) in itertools.product(
            _neighbours(i, factor, h), _neighbours(j, factor, w)
        ):
            y[:, i, j] += a * b * x[:, row, column]
    return y


def _neighbours(index, factor, size):
    """The two input pixels around an output pixel's centre, with their weights."""
    position = (index + 0.5) / factor - 0.5
    low = math.floor(position)
    share = position - low
    return [(min(max(low, 0), size - 1), 1 - share), (min(max(low + 1, 0), size - 1), share)]


def depth_to_space(x, factor):
    n, h, w, channels = x.shape
    c = channels // factor**2
    y = np.zeros((n, h * factor, w * factor, c))
    for i, j, k in np.ndindex(h * factor, w * factor, c):
        y[:, i, j, k] = x[:, i // factor, j // factor, ((i % factor) * factor + j % factor) * c + k]
    return y


def space_to_depth(x, factor):
    n, h, w, c = x.shape
    y = np.zeros((n, h // factor, w // factor, c * factor**2))
    for i, j, k in np.ndindex(h, w, c):
        y[:, i // factor, j // factor, ((i % factor) * factor + j % factor) * c + k] = x[:, i, j, k]
    return y


def batch_norm(x, mean, variance, scale, offset, epsilon=1e-5):
    y = np.empty_like(x)
    for place in np.ndindex(x.shape):
        c = place[-1]
        y[place] = (x[place] - mean[c]) / math.sqrt(variance[c] + epsilon) * scale[c] + offset[c]
    return y


def elementwise(function):
    """Apply a function of one float to every value."""
    return lambda x: np.vectorize(function, otypes=[np.float64])(x)


ACTIVATIONS = {
    "identity": lambda v: v,
    "relu": lambda v: max(v, 0.0),
    "leaky_relu": lambda v: v if v > 0 else 0.01 * v,
    "elu": lambda v: v if v > 0 else math.exp(v) - 1,
    "gelu": lambda v: v * 0.5 * math.erfc(-v / math.sqrt(2)),
    "silu": lambda v: v / (1 + math.exp(-v)),
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)),
    "tanh": math.tanh,
}
