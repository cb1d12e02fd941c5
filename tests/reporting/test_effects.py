"""What the report computes: paired effects, intervals, fronts, rungs against JPEG."""

import math
from dataclasses import replace

import numpy as np
import pytest
import record_builders as build
from hypothesis import given
from hypothesis import strategies as st

from experiments.evaluation.baselines import read_rows
from experiments.reporting.axes import rankings, study
from experiments.reporting.effects import effect, interval
from experiments.reporting.fronts import front
from experiments.reporting.ladder import against_jpeg, ladder, mean_points
from experiments.reporting.measures import MEASURES, level
from experiments.reporting.sources import AnchorRow, anchors


def by_seed(value, difference, *, seeds=range(4), noise=0.03, **changes):
    return {
        seed: build.record("axis", value, seed=seed, effect=difference, noise=noise, **changes)
        for seed in seeds
    }


def test_a_planted_effect_is_found_and_its_interval_has_it():
    found = effect(by_seed("b", 0.4), by_seed("a", 0.0), MEASURES["psnr"])
    assert found.is_difference
    assert found.low < 0.4 < found.high
    assert found.difference == pytest.approx(0.4, abs=0.05)
    assert (found.seeds, found.images) == ((0, 1, 2, 3), len(build.DIFFICULTY))


def test_a_planted_zero_is_no_difference():
    found = effect(by_seed("b", 0.001, noise=0.2), by_seed("a", 0.0, noise=0.2), MEASURES["psnr"])
    assert not found.is_difference
    assert found.low < 0 < found.high


def test_pairing_cancels_how_hard_images_are():
    spread = np.std(list(build.DIFFICULTY.values()))
    found = effect(by_seed("b", 0.4, noise=0), by_seed("a", 0.0, noise=0), MEASURES["psnr"])
    assert found.high - found.low < 1e-9 < spread


def test_images_that_only_one_of_two_runs_has_are_not_compared():
    value, baseline = by_seed("b", 0.4, noise=0), by_seed("a", 0.0, noise=0)
    easy = build.image("easy", psnr=60.0)
    value = {seed: replace(run, held_out=(*run.held_out, easy)) for seed, run in value.items()}
    found = effect(value, baseline, MEASURES["psnr"])
    assert found.difference == pytest.approx(0.4)
    assert found.images == len(build.DIFFICULTY)


def test_only_seeds_that_both_have_and_finished_are_paired():
    value = by_seed("b", 0.4) | {4: build.diverged("axis", "b", seed=4)}
    baseline = by_seed("a", 0.0, seeds=range(1, 6))
    assert effect(value, baseline, MEASURES["psnr"]).seeds == (1, 2, 3)


def test_one_seed_has_no_interval():
    found = effect(by_seed("b", 0.4, seeds=[0]), by_seed("a", 0, seeds=[0]), MEASURES["psnr"])
    assert (found.low, found.high, found.is_difference) == (None, None, False)


def test_what_is_not_finite_is_left_out_and_counted():
    value = by_seed("b", 0.4, noise=0)
    first, *others = value[1].held_out
    value[1] = replace(value[1], held_out=(replace(first, jpeg_psnr=math.inf), *others))
    found = effect(value, by_seed("a", 0.0, noise=0), MEASURES["advantage"])
    assert found.left_out == 1
    assert found.difference == pytest.approx(0.4)


def test_a_measure_that_no_run_has_makes_no_effect():
    runs = by_seed("b", 0.0, task="restore")
    assert effect(runs, runs, MEASURES["bits_per_pixel"]) is None
    assert effect({0: build.diverged()}, runs, MEASURES["psnr"]) is None


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_an_interval_leaves_out_zero_in_about_one_of_twenty_planted_zeros(seeds):
    generator = np.random.default_rng(3)
    trials, missed = 300, 0
    for _ in range(trials):
        rows = generator.normal(size=(seeds, 1)) + 0.3 * generator.normal(size=(seeds, 8))
        low, high = interval([(1, rows)], resamples=400)
        missed += not low <= 0 <= high
    assert missed / trials < 0.10


def test_an_interval_is_the_same_each_time():
    rows = np.random.default_rng(0).normal(size=(3, 5))
    assert interval([(1, rows)]) == interval([(1, rows)])


def test_the_gap_is_the_advantage_on_training_images_less_that_on_held_out_ones():
    run = build.record(effect=0.3)
    trained_on, held_out = (
        np.mean([image.psnr - image.jpeg_psnr for image in images])
        for images in (run.trained_on, run.held_out)
    )
    assert level(run, MEASURES["gap"]) == pytest.approx(trained_on - held_out)


def test_each_seed_may_have_training_images_of_its_own():
    def own(row):
        seed, more = row.trial.seed, row.trial.value == "0.5"
        images = [
            replace(image, name=f"of seed {seed}, {n}", psnr=image.psnr + (0.4 + 0.1 * seed) * more)
            for n, image in enumerate(row.trained_on)
        ]
        return replace(row, trained_on=tuple(images))

    rows = [own(row) for row in build.sweep("dropout", {"0": 0.0, "0.5": -1.0}, noise=0)]
    (axis,), _ = study(rows)
    gap = axis.effects["0.5", "gap"]
    assert gap.low < gap.difference < gap.high
    raised = np.mean([0.4 + 0.1 * seed for seed in gap.seeds])
    assert gap.difference == pytest.approx(raised, abs=0.05)


def test_steps_are_counted_to_the_highest_quality_that_all_runs_reached():
    steps_to = {"4": {"22": 40}, "8": {"22": 30, "24": 60}}
    rows = [
        replace(row, steps_to=steps_to[row.trial.value])
        for row in build.sweep("depth", {"4": 0.0, "8": 0.5})
    ]
    (axis,), _ = study(rows)
    assert axis.effects["8", "steps_to"].difference == -10
    assert "22 dB" in next(one.label for one in axis.measures if one.name == "steps_to")


def test_tasks_budgets_and_test_sets_are_never_compared_with_each_other():
    rows = build.sweep("depth", {"4": 0.0, "8": 0.5})
    rows += build.sweep("depth", {"4": 1.0, "8": 1.1}, test="live1")
    rows += build.sweep("depth", {"4": 1.0, "8": 0.2}, budget="small")
    axes, faults = study(rows)
    found = [axis.effects["8", "psnr"].difference for axis in axes]
    assert found == pytest.approx([0.5, 0.1, -0.8], abs=0.05)
    assert faults == []


def test_an_axis_with_two_baselines_is_not_compared():
    rows = build.sweep("depth", {"4": 0.0}) + build.sweep("depth", {"8": 0.5})
    (axis,), _ = study(rows)
    assert (axis.baseline, axis.effects) == (None, {})


def test_a_second_trial_of_the_same_name_is_told():
    first = build.record(effect=0.1)
    second = build.record(effect=0.2, identity="other")
    axes, faults = study([first, second])
    assert axes[0].runs["relu"][0] is first
    assert faults == [
        "activation relu, seed 0: there are two different trials of this name; "
        "the first one is shown"
    ]


def test_a_value_that_wavers_does_not_hide_what_its_axis_does():
    def wavering(row):
        more = 6.0 * (row.trial.seed - 1) if row.trial.value == "high" else 0.0
        return build.change_images(row, lambda image: {"psnr": image.psnr + more})

    rows = build.sweep("rate", {"low": -1.0, "usual": 0.0, "high": -2.0}, noise=0.01)
    rows = [wavering(row) for row in rows]
    axes, _ = study(rows)
    ((contribution,),) = rankings(axes).values()
    assert {contribution.best, contribution.worst} == {"usual", "low"}
    assert contribution.effect.is_difference


def test_axes_are_ranked_by_the_spread_of_their_values():
    rows = build.sweep("loss", {"mse": 0.0, "l1": 0.1}) + build.sweep(
        "depth", {"4": 0.0, "8": 0.5, "2": -0.7}
    )
    ((_, found),) = rankings(study(rows)[0]).items()
    assert [(one.axis.name, one.best, one.worst) for one in found] == [
        ("depth", "8", "2"),
        ("loss", "l1", "mse"),
    ]
    assert found[0].effect.difference == pytest.approx(1.2, abs=0.05)


FINITE = st.floats(-50, 50, allow_nan=False)


@given(st.lists(st.tuples(FINITE, FINITE), max_size=30))
def test_a_front_is_what_no_point_beats(points):
    kept = front(points)

    def beats(one, other):
        return one[0] <= other[0] and one[1] >= other[1] and one != other

    shown = {points[index] for index in kept}
    assert shown == {one for one in points if not any(beats(other, one) for other in points)}
    assert [points[index] for index in kept] == sorted(shown)


def test_a_rung_has_a_point_a_rate_of_means_over_images():
    (rung,) = ladder([build.rung("hyper", rates=(0, 1))])
    for point in rung.points:
        own = [one for one in rung.record.held_out if one.rate == point.rate]
        assert point.psnr == pytest.approx(sum(one.psnr for one in own) / len(own))
        rates = [8 * one.file_bytes / one.pixels for one in own]
        assert point.bits_per_pixel == pytest.approx(sum(rates) / len(own))
    assert [point.rate for point in rung.points] == [0, 1]


def test_rungs_of_one_name_are_told_apart_on_one_set_only():
    rows = [build.rung("a"), build.rung("a", seed=1), build.rung("a", test="live1")]
    assert [rung.name for rung in ladder(rows)] == ["a (a, seed 0)", "a (a, seed 1)", "a"]


@pytest.fixture
def jpeg(tmp_path):
    build.write_anchors(tmp_path)
    return anchors("kodak", [tmp_path])["jpeg"]


def points_of(jpeg, factor, qualities):
    pixels = 1_000_000
    return mean_points(
        [
            build.image(
                "p",
                psnr=point.psnr,
                rate=index,
                pixels=pixels,
                file_bytes=round(point.bits_per_pixel * factor * pixels / 8),
            )
            for index, point in enumerate(jpeg)
            if point.quality in qualities
        ]
    )


@pytest.mark.parametrize("qualities", [(10, 20, 30, 50), (30,), (20, 50)])
def test_a_rung_that_takes_three_quarters_of_jpegs_bytes_saves_a_quarter(jpeg, qualities):
    found = against_jpeg(points_of(jpeg, 0.75, qualities), jpeg)
    assert found.percent == pytest.approx(-25, abs=0.05)
    assert found.reason is None


def test_a_rung_outside_jpegs_range_is_not_extrapolated(jpeg):
    point = mean_points([build.image("p", psnr=10.0)])
    assert against_jpeg(point, jpeg).reason == "outside JPEG's range"
    one_of_two = (*points_of(jpeg, 0.75, (30,)), *point)
    assert against_jpeg(one_of_two, jpeg).reason == "1 of 2 points outside JPEG's range"
    assert against_jpeg(point, []).reason == "JPEG was not measured on this set"


def test_anchors_are_what_the_classical_command_writes(tmp_path):
    path = build.write_anchors(tmp_path)
    rows = read_rows(path, AnchorRow)
    curves = anchors("kodak", [tmp_path])
    assert sum(map(len, curves.values())) == len(rows)
    assert anchors("../kodak", []) == anchors("kodak", [])
    assert anchors("nowhere", [tmp_path]) == {}
