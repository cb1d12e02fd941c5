"""Chapters of how all was measured, and of what it cannot tell."""

from experiments.cli.console import counted
from experiments.reporting import sentences
from experiments.reporting.markdown import bullets, chapter, escaped, paragraphs, table
from experiments.reporting.section_method import METHOD, environment_rows, runs_rows
from experiments.reporting.words import listed, plain

_QUESTION = (
    "Which parts of an image autoencoder decide how well it compresses photographs, what do they "
    "cost, and from where on does it beat JPEG? Networks were trained on one set of images and "
    "measured on others that they had never seen: each image was written to a real file, read "
    "back, and compared with the original, beside JPEG of at most as many bytes. Networks that "
    "emulate or restore JPEG write no files; their images are compared as they come."
)


def method_chapter(records):
    """State what was asked and how it was measured."""
    return chapter(
        "What was asked, and how it was measured",
        escaped(_QUESTION),
        paragraphs([sentences.counts_sentence(records), *_lengths(records)]),
        table(*runs_rows(records)),
        bullets(METHOD[:-1]),
        paragraphs([f"Measured with: {_versions(records)}."]),
    )


def _lengths(records):
    """State how long each kind of run was trained."""
    groups = {}
    for record in records:
        noun = "ablations" if record.kind == "ablation" else "rungs"
        key = noun, record.trial.budget
        groups.setdefault(key, set()).add(record.trial.options.steps)
    for (noun, budget), steps in groups.items():
        counts = listed(plain(count, 0) for count in sorted(steps))
        yield f"With budget {budget}, {noun} were trained for {counts} steps."


def _versions(records):
    _, rows = environment_rows(records)
    return "; ".join(f"{name} {values}" for name, values in rows if values != "None")


def limits_chapter(records, axes, faults):
    """State what these records cannot tell."""
    said = [
        METHOD[-1],
        *_short(records),
        *_clipped(records),
        *_single(records),
        *_machines(records),
        *_rates(axes),
        *_images(axes),
    ]
    if faults:
        things = counted(len(faults), "thing")
        said.append(f"Left out: {things} that the report names, under how it was measured.")
    return chapter("Limits", bullets(said))


def _short(records):
    steps = {kind: set() for kind in ("ablation", "rung")}
    for record in records:
        steps[record.kind].add(record.steps)
    if steps["ablation"] and max(steps["ablation"]) < max(steps["rung"], default=0):
        most = [plain(max(steps[kind]), 0) for kind in ("ablation", "rung")]
        yield (
            f"Ablations were trained for at most {most[0]} steps, where a rung had up to "
            f"{most[1]}: a choice that pays off late looks worse here than it is."
        )


def _clipped(records):
    cut = [
        one.stability.gradient_norm_median > one.trial.options.clip
        for one in records
        if one.stability.gradient_norm_median
    ]
    if any(cut):
        yield (
            f"In {sum(cut)} of {counted(len(cut), 'run')} the median gradient was longer than the "
            "limit that gradients are clipped at: most of their steps were taken at one length, "
            "and a choice that changes the gradient's scale changes that too."
        )


def _single(records):
    seeds = {}
    for record in records:
        if record.kind == "rung":
            seeds.setdefault(record.trial.axis, set()).add(record.trial.seed)
    if seeds and all(len(found) == 1 for found in seeds.values()):
        yield (
            "Every rung was trained once, so that differences between rungs have no interval of "
            "seeds."
        )


def _machines(records):
    names = ("machine", "system", "device", "cores")
    found = {tuple(str(one.environment.get(name)) for name in names) for one in records}
    machines = "one kind of machine" if len(found) == 1 else f"{len(found)} kinds of machines"
    yield f"Times are those of {machines}, which other work may have shared."
    moved = [record.trial.axis for record in records if record.seconds is None]
    if moved:
        names = listed(sorted(set(moved)))
        yield f"Trained on several kinds of machines, and so without a time of training: {names}."


def _rates(axes):
    """State the learning rates of compared optimisers, and for which one rates were varied."""
    for axis in axes:
        if axis.name == "optimizer":
            rates = {
                value: next(iter(runs.values())).trial.options.learning_rate
                for value, runs in axis.runs.items()
            }
            if len(rates) > 1:
                pairs = listed(f"{name} {rate:g}" for name, rate in rates.items())
                yield (
                    f"Optimisers were compared at one learning rate each ({pairs}), not at the "
                    "best of each."
                )
        if axis.name == "learning_rate" and len(axis.runs) > 1:
            runs = [run for by_seed in axis.runs.values() for run in by_seed.values()]
            names = sorted({run.trial.options.optimizer for run in runs})
            yield f"Learning rates were varied for {listed(names)} only."


def _images(axes):
    """State on how few images choices were tested."""
    counts = {
        found.images
        for axis in axes
        for (_, measure), found in axis.effects.items()
        if measure == axis.main.name
    }
    tests = sorted({axis.test for axis in axes if axis.effects})
    if counts and tests:
        yield (
            f"Choices were compared on {listed(tests)}, on {min(counts)} to {max(counts)} "
            "images; other images may rank them otherwise."
            if min(counts) < max(counts)
            else f"Choices were compared on {listed(tests)}, on {counted(min(counts), 'image')}; "
            "other images may rank them otherwise."
        )
