"""Optimisers: pure pairs of functions that turn gradients into updates.

Updates are added to the parameters (`apply_updates`). The caller passes the step's number, so that
bias correction and schedules agree and a resumed run is the same run. A learning rate is a number
or a schedule.
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
