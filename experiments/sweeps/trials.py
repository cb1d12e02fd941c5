"""One run of a controlled experiment: what it is made of, and its record."""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import NamedTuple

from experiments.evaluation import scores
from experiments.networks import configs
from experiments.networks.tasks import TASKS
from experiments.runs.recipes import Recipe
from experiments.sweeps import records
from experiments.sweeps.measures import make_codec, measure
from experiments.system.environment import environment
from experiments.system.errors import RunError
from experiments.training.learning import Learned, learn
from experiments.training.session import Programs, build_programs
from experiments.training.stability import stability, steps_to

_COMPARED = 8  # training images that are measured, which shows the gap to the held-out ones


@dataclass(frozen=True, kw_only=True)
class Trial:
    """All that is needed to repeat a run.

    Parameters
    ----------
    axis, value : str
        What is varied, and its value as people write it.
    baseline : bool
        Whether it is the axis's default.
    seed : int
        Decides weights, batches and which images are trained on, in the same way whatever the
        value is: runs of one seed are pairs.
    task, budget : str
    model : dict
        The model's config, as ``models.to_json`` has it.
    options : dict
        loss, optimizer, learning_rate, clip, schedule, steps, batch, patch and quality.
    data : dict
        Names of the sets to ``train`` and ``test`` on; of ``images``, how many are trained on.
    kind : "ablation" or "rung"
    """

    axis: str
    value: str
    baseline: bool
    seed: int
    task: str
    budget: str
    model: dict
    options: dict
    data: dict
    kind: str = "ablation"

    @property
    def recipe(self):
        """How it is trained."""
        return Recipe(**{name: self.options[name] for name in self.options if name != "quality"})

    @property
    def identity(self):
        """The digest that its record has."""
        return records.identity(asdict(self))

    @property
    def work(self):
        """The digest of what is computed: trials with the same one share their measurements."""
        return work(asdict(self))


def work(trial):
    """Compute the digest of what a trial, as a dict, makes a machine do."""
    # Axes share a baseline: which of them asks for it changes nothing.
    named = ("axis", "value", "baseline", "kind", "budget")
    return records.identity({name: part for name, part in trial.items() if name not in named})


def shared_record(record, trial):
    """Make a trial's record of that of another one that did the same work."""
    return record | {"kind": trial.kind, "identity": trial.identity, "trial": asdict(trial)}


def run_trial(trial, material):
    """Train and measure.

    Parameters
    ----------
    trial : Trial
    material : Material

    Returns
    -------
    dict
        A record, as ``experiments.sweeps.records`` has it; of status "diverged", without measured
        images, if training was given up or what it gave is not finite or cannot be coded.

    Notes
    -----
    Nothing depends on what ran before. Seeds run one after another, not together under `jax.vmap`:
    three of them together cost 3.8 to 4.3 times one (experiments/records/benchmark).
    """
    return record_trial(train_trial(trial, material), trial, material)


class Trained(NamedTuple):
    """What training a trial gave, and the pairs that it was trained on."""

    programs: Programs
    learned: Learned
    pairs: list

    def codec(self, trial):
        """Make it ready to write files, with tables of its training images."""
        return make_codec(self.programs.model, self.learned.train_state, self.pairs, trial.model)


def train_trial(trial, material):
    """Train a trial on the training images of a material."""
    programs = _programs(_frozen(trial.model), trial.recipe, trial.task)
    pairs = material.trained_on(trial.data["pictures"], trial.seed)
    learned = learn(programs, trial, pairs, material.test)
    return Trained(programs, learned, pairs)


def record_trial(trained, trial, material):
    """Measure a trained network on the test images of a material; give the trial's record."""
    programs, learned, pairs = trained
    seen = {"held_out": [], "trained_on": [], "encode": None, "decode": None}
    status = "diverged"
    if learned.is_finite:
        try:
            seen = measure(programs, learned, trial, pairs, material.test, pairs[:_COMPARED])
            status = "finished"
        except RunError:  # latents that leave the range of 32 bits
            pass
    return _record(trial, material, status, programs.model, learned, seen)


# One, since seeds of a value follow one another: a second compilation would cost more than all
# steps of a small trial.
@lru_cache(maxsize=1)
def _programs(model_record, recipe, task):
    return build_programs(TASKS[task], configs.from_json(dict(model_record)), recipe)


def _frozen(settings):
    """Make a dict of plain values hashable."""
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(settings.items())
    )


def _record(trial, material, status, model, learned: Learned, seen):
    cost = scores.cost(model)
    per_value = cost.latents_per_value
    return {
        "format": records.FORMAT,
        "kind": trial.kind,
        "identity": trial.identity,
        "status": status,
        "trial": asdict(trial),
        "environment": environment(),
        "pictures": material.digest,
        "parameters": cost.parameters,
        "multiply_adds_per_pixel": cost.multiply_adds_per_pixel,
        "latents_per_pixel": None if per_value is None else 3 * per_value,
        "steps": learned.steps,
        "seconds": round(learned.seconds, 4),
        "encode_seconds_per_megapixel": seen["encode"],
        "decode_seconds_per_megapixel": seen["decode"],
        "held_out": seen["held_out"],
        "trained_on": seen["trained_on"],
        "steps_to": steps_to(learned.curve),
        "stability": stability(learned.losses, learned.norms, learned.skipped),
        "curve": learned.curve,
    }
