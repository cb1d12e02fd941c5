"""The reference networks in PyTorch: channels last, fused Adam, autocast for bfloat16."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from experiments.benchmarks import networks
from experiments.benchmarks.jobs import LEARNING_RATE, PRODUCT_SIZE, VARIANTS, Prepared


class _Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


# Stride 2 pads (1, 1), as is usual in PyTorch; fnnet pads (0, 1): equal work and parameters, on a
# grid shifted by one pixel.
_LAYERS = {
    networks.Conv: lambda layer, c: nn.Conv2d(
        c, layer.features, layer.kernel, layer.stride, layer.kernel // 2, bias=layer.bias
    ),
    networks.Transpose: lambda layer, c: nn.ConvTranspose2d(
        c, layer.features, layer.kernel, 2, layer.kernel // 2 - 1, bias=layer.bias
    ),
    networks.Dense: lambda layer, c: nn.Linear(c, layer.features),
    networks.BatchNorm: lambda layer, c: nn.BatchNorm2d(c),
    networks.Relu: lambda layer, c: nn.ReLU(),
    networks.Dropout: lambda layer, c: nn.Dropout(layer.rate),
    networks.MaxPool: lambda layer, c: nn.MaxPool2d(2),
    networks.Enlarge: lambda layer, c: nn.Upsample(scale_factor=2, mode="bilinear"),
    networks.SpaceToDepth: lambda layer, c: nn.PixelUnshuffle(2),
    networks.DepthToSpace: lambda layer, c: nn.PixelShuffle(2),
}


def prepare(job):
    """Prepare a job for being called and timed."""
    versions = {"torch": torch.__version__}
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    if job.mode == "product":
        a, b = torch.rand(2, PRODUCT_SIZE, PRODUCT_SIZE)
        return Prepared(lambda: a @ b, versions)
    variant = VARIANTS[job.variant]
    layers = networks.build_all(
        job.build().layers, job.shape, lambda layer, c: _LAYERS[type(layer)](layer, c), _Residual
    )
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    count = sum(parameter.numel() for parameter in model.parameters())
    run = torch.compile(model) if variant.compiled else model
    begin = _training if job.mode == "train" else _inference
    call = begin(model, _with_precision(run, variant), _input(job.shape))
    return Prepared(call, versions, count)


def _input(shape):
    x = torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x  # NHWC in memory: channels last


def _with_precision(run, variant):
    if variant.precision == "float32":
        return run

    def forward(x):
        with torch.autocast("cpu", torch.bfloat16):
            return run(x).float()

    return forward


def _training(model, run, x):
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)

    def call():
        optimizer.zero_grad(set_to_none=True)
        functional.mse_loss(run(x), x).backward()
        optimizer.step()

    return call


def _inference(model, run, x):
    model.eval()

    def call():
        with torch.inference_mode():
            run(x)

    return call
