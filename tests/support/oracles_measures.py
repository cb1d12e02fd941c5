"""What losses and metrics compute, as plain loops written from the definitions, in float64."""

import math

import numpy as np
from scipy.signal import correlate2d
from skimage.metrics import structural_similarity


def elementwise(f):
    """The mean over each example of ``f(a, b)`` of two Python floats."""

    def loss(prediction, target):
        return [
            math.fsum(f(float(a), float(b)) for a, b in zip(p.flat, t.flat, strict=True)) / p.size
            for p, t in zip(prediction, target, strict=True)
        ]

    return loss


def huber(a, b, delta):
    d = abs(a - b)
    return d * d / 2 if d <= delta else delta * (d - delta / 2)


def binary_cross_entropy(logit, target):
    p = 1 / (1 + math.exp(-logit))
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def softmax_cross_entropy(logits, probabilities):
    values = []
    for example, wanted in zip(logits, probabilities, strict=True):
        total, places = 0.0, list(np.ndindex(example.shape[:-1]))
        for place in places:
            sum_exp = sum(math.exp(z) for z in example[place])
            for z, t in zip(example[place], wanted[place], strict=True):
                total -= t * math.log(math.exp(z) / sum_exp)
        values.append(total / len(places))
    return values


def total_variation(x):
    values = []
    for example in x:
        height, width, channels = example.shape
        total = 0.0
        for i, j, c in np.ndindex(example.shape):
            total += abs(example[i + 1, j, c] - example[i, j, c]) if i + 1 < height else 0
            total += abs(example[i, j + 1, c] - example[i, j, c]) if j + 1 < width else 0
        values.append(total / (height * width * channels))
    return values


def scikit_ssim(x, y, peak, **options):
    return [
        structural_similarity(a, b, channel_axis=-1, data_range=peak, **options)
        for a, b in zip(x, y, strict=True)
    ]


def gaussian_ssim(x, y, peak):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return scikit_ssim(x, y, peak, **options)


def box_ssim(x, y, peak=255, size=8):
    """SSIM in every 8x8 box, one box at a time."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for a, b in zip(x.astype(float), y.astype(float), strict=True):
        height, width, channels = a.shape
        places = []
        for i, j, c in np.ndindex(height - size + 1, width - size + 1, channels):
            u, v = (z[i : i + size, j : j + size, c].ravel() for z in (a, b))
            mu, mv = u.mean(), v.mean()
            covariance = ((u - mu) * (v - mv)).mean()
            places.append(
                (2 * mu * mv + c1)
                * (2 * covariance + c2)
                / ((mu * mu + mv * mv + c1) * (u.var() + v.var() + c2))
            )
        values.append(np.mean(places))
    return values


def ms_ssim(x, y, peak):
    """Five scales, each window a matrix of 11x11 weights; of each channel for itself."""
    bell = np.array([math.exp(-(i * i) / 4.5) for i in range(-5, 6)])
    window = np.outer(bell, bell) / bell.sum() ** 2
    exponents = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for a, b in zip(x.astype(float), y.astype(float), strict=True):
        of_channels = []
        for u, v in zip(np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0), strict=True):
            product = 1.0
            for scale, exponent in enumerate(exponents, start=1):
                mu, mv, uu, vv, uv = (
                    correlate2d(z, window, mode="valid") for z in (u, v, u * u, v * v, u * v)
                )
                term = (2 * (uv - mu * mv) + c2) / (uu - mu**2 + vv - mv**2 + c2)
                if scale == 5:
                    term = term * (2 * mu * mv + c1) / (mu**2 + mv**2 + c1)
                product *= max(term.mean(), 0) ** exponent
                u, v = half(u), half(v)
            of_channels.append(product)
        values.append(np.mean(of_channels))
    return values


def half(plane):
    """Means of 2x2 pixels; of an odd side the first mean has one row of pixels and one of zeros."""
    height, width = plane.shape
    y = np.zeros(((height + 1) // 2, (width + 1) // 2))
    for i, row in enumerate(plane):
        for j, value in enumerate(row):
            y[(i + height % 2) // 2, (j + width % 2) // 2] += value / 4
    return y


def psnr(x, y):
    def of(a, b):
        error = math.fsum((float(s) - float(t)) ** 2 for s, t in zip(a.flat, b.flat, strict=True))
        return 10 * math.log10(255**2 * a.size / error)

    return [of(a, b) for a, b in zip(x, y, strict=True)]


def blocking(plane, edge_count):
    """PSNR-B's BEF of one plane, pair of neighbours by pair of neighbours."""
    height, width = plane.shape
    on, off = 0.0, 0.0
    for i, j in np.ndindex(height, width):
        for k, m, across in ((i + 1, j, i % 8 == 7), (i, j + 1, j % 8 == 7)):
            if k < height and m < width:
                square = (float(plane[i, j]) - float(plane[k, m])) ** 2
                on, off = (on + square, off) if across else (on, off + square)
    pairs = height * (width - 1) + width * (height - 1)
    excess = on / edge_count - off / (pairs - edge_count)
    return max(excess, 0) * math.log2(8) / math.log2(min(height, width))


def psnrb(x, y):
    values = []
    for a, b in zip(x.astype(float), y.astype(float), strict=True):
        height, width, channels = a.shape
        plane = np.empty((height, width))
        for i, j in np.ndindex(height, width):
            plane[i, j] = b[i, j, 0]
            if channels == 3:
                red, green, blue = b[i, j]
                luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
                plane[i, j] = math.floor(luma + 0.5)
        factor = blocking(plane, height * (width / 8 - 1) + width * (height / 8 - 1))
        values.append(10 * math.log10(255**2 / (np.mean((a - b) ** 2) + factor)))
    return values


def psnrb_channels(x, y):
    values = []
    for a, b in zip(x.astype(float), y.astype(float), strict=True):
        height, width, channels = a.shape
        count = height * (width // 8 - 1) + width * (height // 8 - 1)
        decibels = [
            10
            * math.log10(
                255**2 / (np.mean((a[..., c] - b[..., c]) ** 2) + blocking(b[..., c], count))
            )
            for c in range(channels)
        ]
        values.append(np.mean(decibels))
    return values


def ycbcr(x, weights, offsets):
    """Weights as printed in the standards, for colours in 0..1."""
    y = np.empty(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        for channel in range(3):
            weighed = sum(weights[channel][k] * x[place][k] for k in range(3))
            y[place][channel] = weighed + offsets[channel]
    return y
