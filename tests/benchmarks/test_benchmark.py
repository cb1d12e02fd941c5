"""The benchmark: its networks, its workers and their failures, its figures."""

import io
import json
import math
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import fnnet as fn
from experiments.benchmarks import (
    growth,
    in_fnnet,
    networks,
    processes,
    report,
    rounds,
    session,
    worker,
)
from experiments.benchmarks.figure import ratios
from experiments.benchmarks.jobs import VARIANTS, Job
from experiments.benchmarks.processes import Worker, WorkerError
from experiments.benchmarks.rounds import Costs, Timing, contest, ratio, spread
from experiments.benchmarks.worker import _turn
from experiments.cli import console
from fnnet.summary import rows as layer_rows

BUILT = {name: build() for name, build in networks.NETWORKS.items()}
# For workers whose times are of no interest: JAX compiles their programs in less time.
UNOPTIMISED = ("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
NORMS = 2 * (32 + 64 + 128 + 64 + 32)
PARAMETERS = {
    "strided": 9 * (3 * 32 + 32 * 64 + 64 * 128) + 16 * (128 * 64 + 64 * 32 + 32 * 3) + 3 + NORMS,
    "dncnn": 9 * (3 * 64 + 10 * 64 * 64 + 64 * 3) + 64 + 3 + 10 * 2 * 64,
    "dense": 2 * (3072 * 1024 + 1024 * 128) + 1024 + 128 + 1024 + 3072,
    "pooled": 9 * 2 * (3 * 32 + 32 * 64 + 64 * 128) + 3 + NORMS,
    "shuffle": 9 * (12 * 64 + 8 * 64 * 64 + 64 * 12) + 64 + 8 * 64 + 12,
}


@pytest.mark.parametrize("name", BUILT)
def test_parameters_and_operations_are_those_of_formulas_and_of_fnnet_s_own_summary(name):
    network = BUILT[name]
    model = fn.serial(*map(in_fnnet.make, network.layers))
    batch, *shape = network.train_shape
    found = layer_rows(model, tuple(shape))
    assert networks.parameters(network) == PARAMETERS[name] == sum(row.parameters for row in found)
    each = [row.multiply_adds for row in found]
    first = next(count for count in each if count)
    assert networks.operations(network, "train") == 2 * batch * (3 * sum(each) - first)
    places, used = (math.prod(shape[:-1]) for shape in (network.train_shape, network.infer_shape))
    assert networks.operations(network, "infer") * places == 2 * batch * sum(each) * used


def test_operations_of_the_dense_network_are_those_of_the_formula():
    first, second = 3072 * 1024, 1024 * 128
    assert networks.operations(BUILT["dense"], "infer") == 384 * 2 * 2 * (first + second)
    assert networks.operations(BUILT["dense"], "train") == 256 * 2 * (5 * first + 6 * second)


@pytest.mark.parametrize("name", BUILT)
def test_what_comes_out_has_the_shape_of_what_goes_in(name):
    network = BUILT[name]
    for shape in (network.train_shape, network.infer_shape):
        *_, (_, _, last) = networks.walk(network.layers, shape)
        assert last == shape


def stub(*lines, ready='{"compile_seconds": 0.5, "parameters": 0, "versions": {}}'):
    """A worker's command: a process that gets ready and then does `lines` at each question."""
    script = [
        "import json, os, sys, time",
        f"sys.stdin.readline(); print({ready!r}, flush=True)",
        "asked = 0",
        "for line in sys.stdin:",
        "    asked += 1; question = json.loads(line)",
        *(f"    {line}" for line in lines),
        "    if question['ask'] == 'turn': print('{\"seconds\": [0.25, 0.75]}', flush=True)",
        '    else: print(\'{"peak_bytes": 7, "temporary_bytes": null}\', flush=True)',
    ]
    return [sys.executable, "-S", "-c", "\n".join(script)]


FAILING = {
    "dies": (stub("if asked == 2: sys.exit('out of paint')"), "died with status 1: out of paint"),
    "is killed": (stub("if asked == 2: os.kill(os.getpid(), 9)"), "died with status -9"),
    "hangs": (stub("if asked == 2: time.sleep(60)"), "did not answer within 1.5 s"),
    "babbles": (stub("print('hello!')"), "answered 'hello!', which is no JSON object"),
    "lists": (stub("print('[1]')"), "answered '[1]', which is no JSON object"),
    "has no times": (stub("print('{}')"), "answered '{}', which holds no times"),
    "forgets": (
        stub("if asked == 4: print('{}', flush=True)"),
        "answered '{}', which reports no memory",
    ),
    "lies": (
        stub("print('{\"seconds\": [0]}')"),
        "answered \"{'seconds': [0]}\", which holds no times",
    ),
    "is strange": (stub(ready="{}"), "reported neither its parameters nor its versions"),
    "lacks a package": (
        stub(ready='{"missing": "torch"}'),
        "its Python has no torch (pip install 'fnnet[bench]'; a Python that has PyTorch: "
        "--torch-python PATH)",
    ),
    "is not there": (["/nowhere/python"], "/nowhere/python could not be started: No such file"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_worker_that_fails_is_named_and_the_other_finishes(kind, monkeypatch):
    monkeypatch.setattr(rounds, "_TURN_SECONDS", 1.5 if kind == "hangs" else 60)
    command, sentence = FAILING[kind]
    commands, failures = {"torch": command, "fnnet": stub()}, []
    timings = contest(
        [Job(name, "product") for name in commands],
        start=lambda job: Worker(commands[job.variant]),
        rounds=3,
        seconds=0.1,
        on_failure=lambda job, said: failures.append((job.variant, said)),
    )
    ((name, said),) = failures
    assert name == "torch" and said.startswith(sentence)
    (timing,) = timings
    assert timing.job.variant == "fnnet" and timing.turns == [[0.25, 0.75]] * 3
    assert (timing.median, timing.minimum) == (0.5, 0.25)
    assert timing.costs.peak_bytes == 7 and timing.costs.compile_seconds == 0.5


def test_a_network_of_another_size_is_not_compared():
    ready = json.dumps({"compile_seconds": 0, "parameters": 6_558_847, "versions": {}})
    failures = []
    contest(
        [Job("torch", "train", "dense")],
        start=lambda job: Worker(stub(ready=ready)),
        rounds=1,
        seconds=0,
        on_failure=lambda job, said: failures.append(said),
    )
    assert failures == ["has 6558847 parameters where the layers have 6558848"]


def test_workers_take_turns(tmp_path):
    order = tmp_path / "order"

    def start(job):
        return Worker(stub(f"open({str(order)!r}, 'a').write({job.variant[0]!r})"))

    jobs = [Job(name, "product") for name in ("fnnet", "torch")]
    contest(jobs, start=start, rounds=3, seconds=0, on_failure=None)
    assert order.read_text() == "ftftft" + "ft"


def test_a_worker_that_stops_listening_is_ended():
    with Worker(stub("time.sleep(60)")) as asleep:
        asleep.ask({}, 60)
        with pytest.raises(WorkerError, match=r"no answer in 0\.05 s"):
            asleep.ask({"ask": "turn"}, 0.05)
    assert asleep._process.returncode is not None


def test_a_turn_lasts_about_as_long_as_asked(monkeypatch):
    calls = []
    assert len(_turn(lambda: calls.append(1), 0)) == len(calls) == 1
    durations = iter([3.0, 1.0, 2.0, 1.5, 9.0])
    monkeypatch.setattr(worker, "_seconds", lambda call: next(durations))
    assert _turn(None, 7.5) == [3.0, 1.0, 2.0, 1.5]


def timing(variant, *turns, mode="train", network="dense", temporary_bytes=None):
    job = Job(variant, mode, network, settings={} if network else {"data": None, "files": True})
    costs = Costs(1.0, 0, {}, peak_bytes=5e8, temporary_bytes=temporary_bytes)
    return Timing(job, [list(turn) for turn in turns], costs)


def test_ratios_are_of_rounds_so_that_a_busy_round_cancels():
    ours, other = timing("fnnet", [1], [10], [2, 4]), timing("torch", [2], [20], [3, 9])
    assert ratio(other, ours) == (2, 2, 2)
    slower = timing("torch", [1], [20], [9])
    assert ratio(slower, ours) == pytest.approx((1.5, 2, 2.5))
    assert spread([4]) == (4, 4, 4)
    assert spread([5, 1, 2, 4, 3]) == (2, 3, 4)


@pytest.fixture
def timings():
    found = [
        timing("fnnet", [0.2], [0.2]),
        timing("torch", [0.1], [0.1]),
        timing("flax", [0.4], [0.6]),
        timing("fnnet-bf16", [0.05], [0.05]),
        timing("torch-bf16", [0.1], [0.1]),
    ]
    products = [timing(name, [0.01], mode="product", network="") for name in ("fnnet", "torch")]
    growing = {}
    for axis, jobs in growth.jobs(True, 1).items():
        costs = [(1 + index) * growth.pixels(job) for index, job in enumerate(jobs)]
        timings = [timing("fnnet", [1e-6 * cost], temporary_bytes=8) for cost in costs]
        growing["growth", axis] = [
            Timing(job, each.turns, each.costs) for job, each in zip(jobs, timings, strict=True)
        ]
    done = timing("fnnet", [2.0], mode="reconstruct", network="")
    return {
        ("product",): products,
        ("train", "dense"): found,
        ("infer", "dense"): [timing("torch", [0.1], mode="infer")],
        ("seeds", "strided"): [timing("fnnet", [0.1]), timing("fnnet", [0.25])],
        **growing,
        ("reconstruct",): [done],
    }


def test_tables_say_who_is_faster_and_by_how_much(timings, capsys):
    for part in report.parts(timings, {"processor": "stub"}, 3.0):
        console.terminal().print(part, soft_wrap=isinstance(part, str))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 110
    rows = [[cell.strip() for cell in line.split("│")] for line in said.split("\n") if "│" in line]
    shown = {row[2]: row[5] for row in rows if len(row) == 10 and row[3] != "100.0"}
    assert shown["fnnet"] == "–"
    assert shown["flax"] == "2.50 (2.25–2.75)"
    assert shown["fnnet-bf16"] == "0.25 (0.25–0.25)"
    (torch, bf16, alone) = [row for row in rows if row[2] in ("torch", "torch-bf16")]
    assert (torch[5], bf16[5], alone[5]) == ("0.50 (0.50–0.50)", "2.00 (2.00–2.00)", "–")
    assert "three seeds at once, strided: 2.50 times one seed's step (2.50–2.50)" in said
    # 8.5 GFLOP in 0.1 s of a ceiling of 2.1 GFLOP in 0.01 s
    rate = 256 * 2 * (5 * 3072 * 1024 + 6 * 1024 * 128) / 0.1
    assert torch[6] == f"{100 * rate / (2 * 1024**3 / 0.01):.0f} %" and bf16[6] == "–"
    slower = [line for line in said.split("\n") if line.startswith("slower")]
    assert slower == [
        "slower: fnnet takes 2.00 times as long as torch for dense, training step",
    ]
    assert "along the batch, a pixel's time differs by a factor of at most 2.00" in said
    assert "1.50 (best 1.50)" in said


def test_the_record_holds_every_call(timings):
    record = json.loads(report.to_json(timings, {"cores": 2}, 3.0))
    assert record["ceiling_flops"] == pytest.approx(2 * 1024**3 / 0.01)
    flax = record["comparisons"]["train/dense"][2]
    assert flax["turns"] == [[0.4], [0.6]] and flax["variant"] == "flax"
    assert flax["times_ours"] == pytest.approx({"low": 2.25, "median": 2.5, "high": 2.75})
    assert record["comparisons"]["infer/dense"][0]["times_ours"] is None


def test_the_figure_is_drawn_also_without_peers(timings):
    for shown in (timings, {label: [] for label in timings}):
        with Image.open(io.BytesIO(ratios(shown))) as image:
            assert image.width > 800 and np.asarray(image.convert("L")).std() > 5


def test_every_framework_has_a_product_first_and_ours_is_its_own_reference():
    plan = session.Plan(networks=("dense",), variants=tuple(VARIANTS), rounds=1, seconds=0)
    label, jobs = next(iter(session.comparisons(plan).items()))
    assert label == ("product",)
    assert [job.variant for job in jobs] == ["fnnet", "torch", "flax"]
    assert all(VARIANTS[variant.like].framework == "fnnet" for variant in VARIANTS.values())


def test_all_workers_get_the_same_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("FNNET_KEEP_MEMORY", "1")  # the user's own is no part of a comparison
    assert processes.environment("default", tmp_path)["FNNET_KEEP_MEMORY"] == "0"
    keep = processes.environment("keep", tmp_path)
    assert keep["FNNET_KEEP_MEMORY"] == "1"
    assert keep["JAX_ENABLE_COMPILATION_CACHE"] == "false" and keep["JAX_PLATFORMS"] == "cpu"


def test_growth_changes_one_measure_at_a_time():
    for axis, jobs in growth.jobs(False, 1).items():
        for job in jobs:
            others = {name: value for name, value in job.settings.items() if name != axis}
            assert others.items() <= growth._BASE.items()
            assert growth.pixels(job) == job.settings["batch"] * job.settings["size"] ** 2


BAD_OPTIONS = [
    (("--rounds", 0), "--rounds 0: must be at least 1"),
    (("--network", "dense"), "unknown option --network; did you mean --networks?"),
    (("--networks", "vgg"), "invalid choice 'vgg' for argument '--networks'"),
    (("--variants", "fnnet", "jax"), "invalid choice 'jax' for argument '--variants'"),
    (("--allocator", "jemalloc"), "invalid choice 'jemalloc' for argument '--allocator'"),
    (("--variants", "fnnet", "fnnet"), "--variants: fnnet is named twice"),
    (("--torch-python", "none/python"), "--torch-python none/python: does not exist"),
    (("--data", "nowhere"), "nowhere"),
    (("--out", "full"), "full: is not empty; choose another --out"),
]


@pytest.mark.parametrize(("args", "sentence"), BAD_OPTIONS, ids=lambda value: str(value)[:30])
def test_bad_options_get_one_sentence(run, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    status, output, errors = run("benchmark", *args)
    assert (status, output) == (2, "")
    assert errors.startswith("error: ") and sentence in errors and errors.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"full"}


@pytest.mark.parametrize("variant", ["torch", "flax"])
def test_a_peer_counts_as_we_do_or_is_named_as_missing(variant):
    job = Job(variant, "infer", "dense", settings={"batch": 2})
    with Worker(processes.command()) as worker:
        answer = worker.ask(vars(job), 120)
    if "missing" in answer:
        assert answer == {"missing": variant}
    else:
        assert answer["parameters"] == PARAMETERS["dense"] and variant in answer["versions"]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["fnnet", "fnnet-bf16", "torch", "torch-bf16", "flax"])
@pytest.mark.parametrize("name", ["strided", "dncnn", "pooled", "shuffle"])
def test_every_framework_builds_the_same_networks(variant, name, monkeypatch):
    monkeypatch.setenv(*UNOPTIMISED)
    job = Job(variant, "train", name, settings={"batch": 2, "size": 16})
    with Worker(processes.command()) as worker:
        answer = worker.ask(vars(job), 300)
        if "missing" in answer:
            pytest.skip(f"{answer['missing']} is not installed")
        assert answer["parameters"] == PARAMETERS[name]
        turn = worker.ask({"ask": "turn", "seconds": 0}, 60)["seconds"]
        assert len(turn) == 1 and 0 < turn[0] < 60
        told = worker.ask({"ask": "memory"}, 60)
    assert 3e7 < told["peak_bytes"] < 1e10


@pytest.mark.slow
def test_a_quick_run_makes_all_that_it_promises(run, tmp_path, monkeypatch):
    monkeypatch.setenv(*UNOPTIMISED)
    out = tmp_path / "results"
    options = ("--quick", "--networks", "dense", "--variants", "fnnet", "--rounds", 1)
    status, output, errors = run("benchmark", *options, "--out", out)
    assert (status, errors) == (0, "")
    for part in ("GFLOP/s", "6,558,848 par.", "training step", "reconstruct", "as work grows"):
        assert part in output
    assert {path.name for path in out.iterdir()} == {"benchmark.json", "ratios.png"}
    record = json.loads((out / "benchmark.json").read_text())
    assert record["machine"]["jax"] == jax.__version__
    (dense,) = record["comparisons"]["train/dense"]
    assert 0 < dense["minimum_seconds"] <= dense["median_seconds"] < math.inf
    assert dense["parameters"] == PARAMETERS["dense"]
    assert dense["temporary_bytes"] > 0
