"""Optimisers: pure pairs of functions that turn gradients into updates.

The updates are added to the parameters (`apply_updates`). The number of the step is handed in by
whoever counts, so that bias correction and schedules agree and a resumed run is the same run.
Wherever a learning rate is taken, a number or a schedule will do.
"""

from fnnet.optim.methods import (
    adagrad,
    adam,
    adamw,
    amsgrad,
    lion,
    momentum,
    nesterov,
    rmsprop,
    sgd,
)
from fnnet.optim.muon import muon
from fnnet.optim.optimizer import Optimizer, apply_updates, chain
from fnnet.optim.transforms import (
    accumulate,
    clip,
    clip_by_global_norm,
    decay_weights,
    ema,
    partition,
    scale_by_schedule,
    skip_not_finite,
)
