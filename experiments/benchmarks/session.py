"""All comparisons of one benchmark, one after another."""

from dataclasses import dataclass
from pathlib import Path

from experiments.benchmarks import growth, processes
from experiments.benchmarks.jobs import VARIANTS, Job, Photographs
from experiments.benchmarks.rounds import contest
from experiments.cli.commands import note
from experiments.cli.progress import Count
from experiments.system.hardware import cores

# Trained from three seeds at once, at a size small enough for that to pay.
SEEDED_NETWORKS = ("strided", "pooled")
SEEDED = {"batch": 8, "size": 64}
QUICK_NETWORKS = ("strided", "dense")
QUICK_VARIANTS = ("fnnet", "torch", "flax")


@dataclass(frozen=True)
class Plan:
    """The comparisons to make and their settings; `rounds` and `seconds` as for `contest`."""

    networks: tuple
    variants: tuple
    rounds: int
    seconds: float
    is_quick: bool = False
    allocator: str = "default"
    torch_python: Path | None = None
    data: str | None = None


def comparisons(plan):
    """List the jobs of each comparison, by label.

    Labels are ("product",), (mode, network), ("seeds", network), ("growth", axis) and
    ("reconstruct",). The matrix product comes first: it shows which frameworks are installed.
    """
    threads = cores()
    firsts = {}
    for name in plan.variants:
        firsts.setdefault(VARIANTS[name].framework, name)
    return {
        ("product",): [Job(name, "product", threads=threads) for name in firsts.values()],
        **{
            (mode, network): [Job(name, mode, network, threads) for name in plan.variants]
            for network in plan.networks
            for mode in ("train", "infer")
        },
        **{
            ("seeds", network): [
                Job("fnnet", "train", network, threads, SEEDED, seeds) for seeds in (1, 3)
            ]
            for network in plan.networks
            if network in SEEDED_NETWORKS
        },
        **{("growth", axis): jobs for axis, jobs in growth.jobs(plan.is_quick, threads).items()},
        ("reconstruct",): [
            Job("fnnet", "reconstruct", task, threads, vars(Photographs(plan.data, files)))
            for task in ("autoencode", "restore")
            for files in (False, True)
        ],
    }


def measure(plan, scratch):
    """Run all comparisons of a plan; return their timings by label, without jobs that failed."""
    environment = processes.environment(plan.allocator, scratch)
    missing = set()

    def start(job):
        is_torch = VARIANTS[job.variant].framework == "torch"
        python = plan.torch_python if is_torch else None
        return processes.Worker(processes.command(python), environment)

    def on_failure(job, sentence):
        framework = VARIANTS[job.variant].framework
        if job.mode == "product":
            missing.add(framework)
            note(f"{framework} is left out: {sentence}")
        else:
            note(f"{job.variant}, {job.mode} {job.network}, is left out: {sentence}")

    timings, everything = {}, comparisons(plan)
    with Count("done", len(everything), "comparisons") as count:
        for label, jobs in everything.items():
            present = [job for job in jobs if VARIANTS[job.variant].framework not in missing]
            timings[label] = contest(
                present,
                start=start,
                rounds=plan.rounds,
                seconds=plan.seconds,
                on_failure=on_failure,
            )
            count.advance()
    return timings
