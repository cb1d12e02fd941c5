"""Run a trial: train its network, measure it, and build its record."""

from dataclasses import dataclass
from functools import lru_cache

from experiments.evaluation import scores
from experiments.evaluation.pairs import Pair
from experiments.networks import configs
from experiments.networks.codec import Codec, is_codec, with_tables
from experiments.networks.tasks import TASKS
from experiments.sweeps.learning import Learned, learn
from experiments.sweeps.measures import Measured, measure_codec, measure_images
from experiments.sweeps.records import Record
from experiments.sweeps.trials import Trial
from experiments.system.environment import environment
from experiments.system.errors import RunError
from experiments.training.session import Programs, build_programs
from experiments.training.stability import History, stability, steps_to

_COMPARED = 8  # training images that are measured, which shows the gap to the held-out ones


def run_trial(trial, material):
    """Train and measure; return the trial's record, as `record_trial` builds it.

    Nothing depends on what ran before. Seeds run one after another, not together under `jax.vmap`:
    three of them together cost 3.8 to 4.3 times one (experiments/records/benchmark).
    """
    return record_trial(train_trial(trial, material), trial, material)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trial's network after training, and the pairs that it was trained on."""

    trial: Trial
    programs: Programs
    learned: Learned
    pairs: list[Pair]

    def codec(self):
        """Build the codec, with tables of the training images; a RunError if training diverged."""
        model, (_, params, state, *_) = self.programs.model, self.learned.train_state
        state = with_tables(model, params, state, (pair.original for pair in self.pairs))
        return Codec(model, params, state, configs.to_json(self.trial.model))

    def measure(self, test):
        """Measure the network on pairs to test on and on some of its training pairs."""
        model, task, compared = self.programs.model, self.programs.task, self.pairs[:_COMPARED]
        if is_codec(model):
            return measure_codec(self.codec(), task, test, compared)
        _, params, state, *_ = self.learned.train_state
        return measure_images(scores.make_apply(model, params, state), task, test, compared)


def train_trial(trial, material):
    """Train the network of a trial on the training images of a material."""
    programs = _programs(trial.model, trial.options, trial.task)
    pairs = material.trained_on(trial.data.pictures, trial.seed)
    return Trained(trial, programs, learn(programs, trial, pairs, material.test), pairs)


def record_trial(trained, trial, material):
    """Measure a trained network on the test images of a material; return the trial's record.

    It has the status "diverged" and no measured images if training was given up, or its result is
    not finite or cannot be coded.
    """
    learned, status, measured = trained.learned, "diverged", Measured()
    if learned.is_finite:
        try:
            measured = trained.measure(material.test)
            status = "finished"
        except RunError:  # latents that leave the range of 32 bits
            pass
    history = History(
        seconds=round(learned.seconds, 4),
        curve=tuple(learned.curve),
        steps_to=steps_to(learned.curve),
        stability=stability(learned.losses, learned.norms, learned.skipped),
    )
    return build_record(
        trial, status, material.digest, trained.programs.model, learned.steps, history, measured
    )


def build_record(trial, status, images, model, steps, history, measured):
    """Build the record of a run; `images` is the digest of those to train and to test on."""
    cost = scores.cost(model)
    per_value = cost.latents_per_value
    return Record(
        kind=trial.kind,
        identity=trial.identity,
        status=status,
        trial=trial,
        environment=environment(),
        pictures=images,
        parameters=cost.parameters,
        multiply_adds_per_pixel=cost.multiply_adds_per_pixel,
        latents_per_pixel=None if per_value is None else 3 * per_value,
        steps=steps,
        **vars(history),
        **vars(measured),
    )


# One, since seeds of a value follow one another: a second compilation would cost more than all
# steps of a small trial.
@lru_cache(maxsize=1)
def _programs(config, recipe, task):
    return build_programs(TASKS[task], config, recipe)
