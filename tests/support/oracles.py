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
    if padding in ("same", "reflect", "edge"):
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
        if padding in ("reflect", "edge"):
            row, column = _inside(row, h, padding), _inside(column, w, padding)
        if 0 <= row < h and 0 <= column < w:
            first = o // (features // groups) * per_group
            y[:, i, j, o] += x[:, row, column, first : first + per_group] @ kernel[a, b, :, o]
    return y + bias


def _inside(index, size, padding):
    if padding == "edge":
        return min(max(index, 0), size - 1)
    return -index if index < 0 else 2 * (size - 1) - index if index >= size else index


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


def adaptive(x, size):
    n, h, w, c = x.shape
    y = np.zeros((n, *size, c))
    for i, j in np.ndindex(size):
        rows = slice(math.floor(i * h / size[0]), math.ceil((i + 1) * h / size[0]))
        columns = slice(math.floor(j * w / size[1]), math.ceil((j + 1) * w / size[1]))
        y[:, i, j] = x[:, rows, columns].mean((1, 2))
    return y


def nearest_to(x, size):
    n, h, w, c = x.shape
    y = np.zeros((n, *size, c))
    for i, j in np.ndindex(size):
        y[:, i, j] = x[:, math.floor((i + 0.5) * h / size[0]), math.floor((j + 0.5) * w / size[1])]
    return y


def bilinear_to(x, size):
    """Triangles around each output's centre, as wide as the larger of the two grids' steps."""
    n, h, w, c = x.shape
    y = np.zeros((n, *size, c))
    for i, j in np.ndindex(size):
        total = 0.0
        for row, column in np.ndindex(h, w):
            weight = _triangle(i, size[0], row, h) * _triangle(j, size[1], column, w)
            y[:, i, j] += weight * x[:, row, column]
            total += weight
        y[:, i, j] /= total
    return y


def _triangle(output, outputs, place, places):
    step = places / outputs
    return max(0.0, 1 - abs((output + 0.5) * step - 0.5 - place) / max(step, 1.0))


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


def group_norm(x, scale, offset, groups, epsilon=1e-5):
    y = np.empty_like(x)
    width = x.shape[-1] // groups
    for n, g in np.ndindex(len(x), groups):
        values = x[n, ..., g * width : (g + 1) * width]
        deviation = math.sqrt(values.var() + epsilon)
        y[n, ..., g * width : (g + 1) * width] = (values - values.mean()) / deviation
    return y * scale + offset


def layer_norm(x, scale, offset, epsilon=1e-6):
    y = np.empty_like(x)
    for place in np.ndindex(x.shape[:-1]):
        values = x[place]
        y[place] = (values - values.mean()) / math.sqrt(values.var() + epsilon) * scale + offset
    return y


def gdn(x, beta_root, gamma_root, inverse):
    y = np.empty_like(x)
    for place in np.ndindex(x.shape):
        c = place[-1]
        pool = beta_root[c] ** 2 + 1e-6
        for j, value in enumerate(x[place[:-1]]):
            pool += gamma_root[c, j] ** 2 * value**2
        y[place] = x[place] * math.sqrt(pool) if inverse else x[place] / math.sqrt(pool)
    return y


def logistic_mixture_bits(x, logits, means, log_scales):
    y = np.empty_like(x)
    for place in np.ndindex(x.shape):
        weights = np.exp(logits[place[-1]])
        mass = 0
        for weight, m, s in zip(
            weights / weights.sum(), means[place[-1]], log_scales[place[-1]], strict=True
        ):
            upper, lower = ((x[place] - m + half) / math.exp(s) for half in (0.5, -0.5))
            mass += weight * (1 / (1 + math.exp(-upper)) - 1 / (1 + math.exp(-lower)))
        y[place] = -math.log2(mass)
    return y


def block_dct(x):
    """T.81, A.3.3: 1/4 C(u) C(v) sum f(i, j) cos((2i + 1) u pi / 16) cos((2j + 1) v pi / 16)."""
    n, h, w, c = x.shape
    y = np.zeros((n, h // 8, w // 8, 64 * c))
    for row, column, u, v, k, i, j in np.ndindex(h // 8, w // 8, 8, 8, c, 8, 8):
        weight = _cosine(u, i) * _cosine(v, j)
        y[:, row, column, (8 * u + v) * c + k] += weight * x[:, 8 * row + i, 8 * column + j, k]
    return y


def block_idct(x):
    n, h, w, channels = x.shape
    c = channels // 64
    y = np.zeros((n, 8 * h, 8 * w, c))
    for row, column, u, v, k, i, j in np.ndindex(h, w, 8, 8, c, 8, 8):
        weight = _cosine(u, i) * _cosine(v, j)
        y[:, 8 * row + i, 8 * column + j, k] += weight * x[:, row, column, (8 * u + v) * c + k]
    return y


def _cosine(frequency, place):
    c = math.sqrt(0.5) if frequency == 0 else 1.0
    return 0.5 * c * math.cos((2 * place + 1) * frequency * math.pi / 16)


JFIF = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772],
        [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
MATLAB = (
    np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
    / 255
)


def rgb_to_ycbcr(x, matrix=JFIF, luma_offset=0):
    return np.einsum("...c,yc->...y", x, matrix) + np.array([luma_offset, 128, 128]) / 255


def ycbcr_to_rgb(x, matrix=JFIF, luma_offset=0):
    centred = x - np.array([luma_offset, 128, 128]) / 255
    return np.linalg.solve(matrix, centred.reshape(-1, 3).T).T.reshape(x.shape)


def soft_round(value, temperature):
    middle = math.floor(value) + 0.5
    soft = math.tanh((value - middle) / temperature) / math.tanh(0.5 / temperature) / 2
    return middle + soft


def softmax(x):
    y = np.empty_like(x)
    for place in np.ndindex(x.shape[:-1]):
        powers = [math.exp(value) for value in x[place]]
        y[place] = np.array(powers) / sum(powers)
    return y


def elementwise(function):
    """Apply a function of one float to every value."""
    return lambda x: np.vectorize(function, otypes=[np.float64])(x)


ACTIVATIONS = {
    "identity": lambda v: v,
    "relu": lambda v: max(v, 0.0),
    "leaky_relu": lambda v: v if v > 0 else 0.01 * v,
    "elu": lambda v: v if v > 0 else math.expm1(v),
    "gelu": lambda v: v * 0.5 * math.erfc(-v / math.sqrt(2)),
    "silu": lambda v: v / (1 + math.exp(-v)),
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)),
    "softplus": lambda v: math.log1p(math.exp(v)),
    "tanh": math.tanh,
    "hard_sigmoid": lambda v: min(max(v / 6 + 0.5, 0.0), 1.0),
    "hard_tanh": lambda v: min(max(v, -1.0), 1.0),
    "hard_swish": lambda v: v * min(max(v + 3, 0.0), 6.0) / 6,
}
