"""Every number that the report says is one of the records."""

import re
from dataclasses import replace

import numpy as np
import pytest
import record_builders as build

from experiments.codecs.rate_distortion import RatePoint
from experiments.networks import configs
from experiments.reporting import sentences
from experiments.reporting.axes import rankings, study, trained_networks
from experiments.reporting.ladder import AgainstJpeg, against_codecs, ladder
from experiments.reporting.measures import MEASURES, steps_to
from experiments.reporting.words import clipped, listed, plain, seconds, signed


def only_axis(rows):
    (axis,), _ = study(rows)
    return axis


def recomputed(rows, value, baseline):
    """The mean paired difference of advantages, by plain loops."""
    found = []
    for row in rows:
        if row.trial.value != value:
            continue
        (other,) = (
            one for one in rows if one.trial.value == baseline and one.trial.seed == row.trial.seed
        )
        for ours, theirs in zip(row.held_out, other.held_out, strict=True):
            gain = ours.psnr - ours.jpeg_psnr
            found.append(gain - (theirs.psnr - theirs.jpeg_psnr))
    return np.mean(found)


def test_an_effect_is_said_with_its_interval_and_basis():
    rows = build.sweep("activation", {"relu": 0.0, "gelu": 0.4})
    axis = only_axis(rows)
    said = sentences.effect_sentence(axis, "gelu", axis.main)
    shape = (
        r"gelu against relu: (\S+) dB of advantage over JPEG "
        r"\(95 % interval (\S+) to (\S+); 3 seeds, 6 images\)\."
    )
    size, low, high = map(float, re.fullmatch(shape, said).groups())
    assert size == pytest.approx(recomputed(rows, "gelu", "relu"), abs=0.0051)
    assert 0 < low < size < high


def test_no_difference_is_said_in_words_everywhere():
    axis = only_axis(build.sweep("loss", {"mse": 0.0, "l1": 0.001}, noise=0.3))
    effect = axis.effects["l1", "advantage"]
    bounds = f"{signed(effect.low)} to {signed(effect.high)}"
    assert sentences.effect_sentence(axis, "l1", axis.main) == (
        "l1 makes no difference to the advantage over JPEG against mse "
        f"(95 % interval {bounds}; 3 seeds, 6 images)."
    )
    assert sentences.verdict(effect, axis.main) == f"no difference ({bounds})"
    (found,) = rankings([axis]).values()
    assert "no difference between any two of its values" in sentences.contribution_sentence(
        found[0]
    )
    assert sentences.ranking_sentence(found) == (
        "Along none of the axes do two values differ by more than their interval."
    )


def test_one_seed_has_no_interval_in_words():
    axis = only_axis(build.sweep("depth", {"4": 0.0, "8": 0.5}, seeds=(0,), noise=0))
    assert sentences.effect_sentence(axis, "8", axis.main) == (
        "8 against 4: +0.50 dB of advantage over JPEG; one seed: no interval."
    )
    assert sentences.verdict(axis.effects["8", "psnr"], MEASURES["psnr"]) == (
        "+0.50 dB (one seed: no interval)"
    )
    assert rankings([axis])["autoencode", "tiny", "kodak"]


def test_a_value_with_a_diverged_seed_says_so():
    rows = build.sweep("optimizer", {"adam": 0.0, "sgd": -0.5})
    rows += [build.diverged("optimizer", "sgd", seed=3), build.diverged("optimizer", "rms", seed=0)]
    axis = only_axis(rows)
    assert sentences.effect_sentence(axis, "sgd", axis.main).endswith("; seed 3 of sgd diverged.")
    assert sentences.effect_sentence(axis, "rms", axis.main) == (
        "rms: 1 of 1 run diverged (seed 0); there is nothing to compare."
    )
    assert sentences.diverged_sentence(rows) == (
        "2 of 8 runs diverged: optimizer sgd, seed 3 and optimizer rms, seed 0. They count in no "
        "mean, and every value that has such a run says so."
    )
    assert sentences.diverged_sentence(rows[:2]) == "None of 2 runs diverged."


def test_a_diverged_baseline_is_told_of_its_values():
    rows = build.sweep("optimizer", {"adam": 0.0, "sgd": -0.5}, seeds=(0, 1))
    rows += [
        build.diverged("optimizer", "adam", seed=2, baseline=True),
        build.record("optimizer", "sgd", seed=2),
    ]
    axis = only_axis(rows)
    assert sentences.effect_sentence(axis, "sgd", axis.main).endswith("; seed 2 of adam diverged.")


def test_an_axis_without_a_baseline_says_why_nothing_is_compared():
    axis = only_axis([build.record("depth", "4"), build.record("depth", "8")])
    assert sentences.axis_sentences(axis) == [
        "depth has not exactly one value that is marked as its baseline, so its values (4 and 8) "
        "are not compared."
    ]
    axis = only_axis([build.record("depth", "4", baseline=True)])
    assert sentences.axis_sentences(axis) == [
        "depth has its baseline 4 only; there is nothing to compare."
    ]


def test_what_matters_most_is_the_widest_spread_that_is_a_difference():
    rows = build.sweep("loss", {"mse": 0.0, "l1": 0.1}) + build.sweep("depth", {"4": 0.0, "8": 0.5})
    (found,) = rankings(study(rows)[0]).values()
    size = recomputed(rows, "8", "4")
    assert sentences.ranking_sentence(found) == (
        f"Most is won or lost by depth ({size:.2f} dB of advantage over JPEG between 8 and 4); "
        "two values differ in 2 of 2 axes."
    )
    assert sentences.contribution_sentence(found[0]).startswith(
        f"depth: {size:.2f} dB between 8 (better) and 4 (95 % interval +"
    )
    assert sentences.ranking_sentence([]) == "No axis has two values to compare yet."


def at_rates(axis, effects, factors):
    """An axis whose values' files are larger than the builder's by a factor each."""

    def larger(row):
        factor = factors[row.trial.value]
        return build.change_images(
            row, lambda image: {"file_bytes": round(factor * image.file_bytes)}
        )

    return [larger(row) for row in build.sweep(axis, effects)]


def test_each_contribution_tells_psnr_and_rate_of_both_values():
    rows = at_rates("bottleneck", {"8": 0.0, "16": -3.0}, {"8": 1, "16": 4})
    (found,) = rankings(study(rows)[0]).values()
    said = sentences.contribution_sentence(found[0])
    levels = {}
    for value in ("8", "16"):
        shown = [one for row in rows if row.trial.value == value for one in row.held_out]
        psnr = np.mean([one.psnr for one in shown])
        rate = np.mean([8 * one.file_bytes / one.pixels for one in shown])
        levels[value] = psnr, rate
    (psnr, rate), (other, others) = levels.values()
    assert others == 4 * rate
    assert said.endswith(
        f"; {psnr:.2f} dB at {rate:.2f} bits a pixel against {other:.2f} dB at {others:.2f}."
    )


def test_what_matters_most_at_about_equal_rates_is_told_where_the_first_axis_changes_the_rate():
    bottleneck = at_rates("bottleneck", {"8": 0.0, "16": -3.0}, {"8": 1, "16": 4})
    norm = at_rates("norm", {"none": 0.0, "batch": -1.0}, {"none": 1, "batch": 1.2})
    loss = build.sweep("loss", {"mse": 0.0, "l1": -0.5})
    (found,) = rankings(study([*loss, *bottleneck, *norm])[0]).values()
    assert [one.axis.name for one in found] == ["bottleneck", "norm", "loss"]
    (said,) = sentences.alike_sentences(found)
    size = recomputed(norm, "none", "batch")
    assert said.startswith("The values of bottleneck differ in their rates")
    assert said.endswith(
        f"(within 25 %), most is won or lost by norm ({size:.2f} dB between none and batch)."
    )
    assert sentences.alike_sentences(found[1:]) == []
    assert sentences.alike_sentences(found[:1]) == []
    assert sentences.alike_sentences([]) == []


def test_gains_are_over_the_baseline_and_only_sure_ones():
    rows = at_rates(
        "bottleneck",
        {"16": 0.0, "8": 0.4, "4": 0.9, "64": -5.0},
        dict.fromkeys(("16", "8", "64"), 1) | {"4": 0.5},
    )
    rows += build.sweep("norm", {"none": 0.0, "batch": -2.0})
    rows += build.sweep("loss", {"mse": 0.0, "l1": 0.001}, noise=0.3)
    axes = study(rows)[0]
    rate = np.mean([4 * (256 + 40 * index) / build.PIXELS for index in range(6)])
    gain = recomputed(rows, "4", "16")
    assert sentences.gains_sentence(axes) == (
        "What the best value of each axis gains over the baseline in advantage over JPEG (dB; in "
        f"brackets the bits a pixel): bottleneck 4 +{gain:.2f} ({rate:.2f}). "
        "No value is surely better than the baseline along norm and loss."
    )
    assert sentences.gains_sentence([]) == ""


def test_what_ended_far_below_its_baseline_is_called_collapsed():
    rows = build.sweep("norm", {"none": 0.0, "batch": -4.9, "instance": -4.0})
    assert sentences.collapsed_sentences(study(rows)[0]) == []
    rows[-1] = build.change_images(rows[-1], lambda image: {"psnr": image.psnr - 2.0})
    assert sentences.collapsed_sentences(study(rows)[0]) == [
        "Collapsed, which is to end more than 5 dB of PSNR below the baseline of their seed: norm "
        "instance (1 of 3 runs)."
    ]


def test_a_run_without_a_finite_psnr_is_not_called_collapsed():
    rows = build.sweep("norm", {"none": 0.0, "batch": -9.0}, seeds=(0,))
    assert len(sentences.collapsed_sentences(study(rows)[0])) == 1
    rows[0] = build.change_images(rows[0], lambda image: {"psnr": float("inf")})
    assert sentences.collapsed_sentences(study(rows)[0]) == []


def test_what_the_baseline_is_and_what_an_axis_changes_too_is_told():
    axis = only_axis(build.sweep("schedule", {"cosine": 0.0, "linear": 0.5}))
    assert sentences.baseline_sentence(axis) == (
        "The baseline is conv (latents bounded, depth 3, width 32, bottleneck 16, activation silu, "
        "pooling stride), trained by adam, learning rate 0.002, schedule cosine, clip 1.0, batch "
        "16, patch 64, 200 steps."
    )
    assert sentences.axis_sentences(axis)[-1] == "Cosine alone has a warm-up."


def test_other_codecs_are_told_by_whether_they_need_more():
    assert sentences.codecs_sentence("a", {"webp": 4.0, "avif": 12.34, "jpegxl": -5.0}) == (
        "At equal PSNR (BD-rate) a needs fewer bits than jpegxl (−5.0 %) and more bits than webp "
        "(+4.0 %) and avif (+12.3 %)."
    )
    assert sentences.codecs_sentence("a", {}) == ""


def test_rungs_bits_are_compared_with_each_codec_that_can_be():
    (rung,) = ladder([build.rung("a")])
    qualities = [point.psnr for point in rung.coded]
    half = [
        RatePoint("webp", q, 2 * point.bits_per_pixel, quality, None, None, images=6)
        for q, (point, quality) in enumerate(zip(rung.coded, qualities, strict=True))
    ]
    found = against_codecs(rung.coded, {"webp": half, "jpeg": half, "avif": half[:1]})
    assert found == {"webp": pytest.approx(-50.0)}


def test_where_jpeg_cannot_be_as_small_is_told():
    (rung,) = ladder([build.rung("a")])
    assert sentences.floor_sentence(rung) == ""
    first, *others = rung.record.held_out
    larger = replace(first, jpeg_bytes=first.jpeg_bytes + 1)
    rung = replace(rung, record=replace(rung.record, held_out=(larger, *others)))
    assert sentences.floor_sentence(rung) == (
        "In 1 of 24 files JPEG's lowest quality is larger, and is what is compared with."
    )


def test_bytes_against_jpeg_are_fewer_or_more_or_have_a_reason():
    assert sentences.jpeg_sentence(AgainstJpeg(-12.34, 28.0, 35.5)) == (
        "It needs 12.3 % fewer bytes than JPEG between 28.00 and 35.50 dB."
    )
    assert sentences.jpeg_sentence(AgainstJpeg(5.0, 30.0, 30.0)) == (
        "It needs 5.0 % more bytes than JPEG at its 30.00 dB."
    )
    assert sentences.jpeg_sentence(AgainstJpeg(None, reason="outside JPEG's range")) == (
        "Its bytes are not compared with JPEG's: outside JPEG's range."
    )


def test_a_rungs_gain_is_the_mean_over_its_images():
    (rung,) = ladder([build.rung("hyper", rates=(2,), psnr=28.5)])
    gain = np.mean([one.psnr - one.jpeg_psnr for one in rung.record.held_out])
    assert sentences.rung_sentence(rung) == (
        f"hyper: +{gain:.2f} dB of PSNR against JPEG of equal bytes, mean of 6 images."
    )
    (rung,) = ladder([build.diverged("hyper", kind="rung")])
    assert sentences.rung_sentence(rung) == "hyper diverged; there is nothing to show of it."


def test_anchors_that_are_missing_or_of_other_images_are_told():
    assert sentences.anchor_sentence("kodak", {}, {6}) == (
        "The classical codecs were not measured on kodak: there are no curves of theirs and no "
        "comparison with JPEG's bytes."
    )
    point = RatePoint("jpeg", 10, bits_per_pixel=0.3, psnr=26.0, ssim=None, ms_ssim=None, images=24)
    assert sentences.anchor_sentence("kodak", {"jpeg": [point]}, {24}) == (
        "In grey: jpeg, means over 24 images of kodak."
    )
    assert sentences.anchor_sentence("kodak", {"jpeg": [point]}, {6}).endswith(
        "The runs' means are over 6, so that the curves are not of the same images: "
        "compare with care."
    )


def test_counts_are_those_of_the_records():
    models = {
        value: configs.configure("conv", depth=depth)
        for depth, value in enumerate(("4", "8", "hyper"), 1)
    }
    rows = [*build.sweep("depth", {"4": 0.0, "8": 0.5}), build.rung("hyper")]
    rows = [build.change_trial(row, model=models[row.trial.value]) for row in rows]
    assert sentences.counts_sentence(rows) == (
        "7 runs of 7 trained networks: 1 rung of the ladder and 6 ablations along 1 axis, with 3 "
        "seeds."
    )
    again = build.change_trial(build.rung("hyper", test="live1"), model=models["hyper"])
    other = build.change_trial(build.record("width", "8", baseline=True), model=models["4"])
    assert trained_networks([*rows, again, other]) == 7
    assert sentences.faults_sentence([]) == "Nothing was left out."
    assert sentences.faults_sentence(["a"]) == "One thing was left out:"
    assert sentences.faults_sentence(["a", "b"]) == "2 left out:"


def test_fronts_say_their_ends():
    assert sentences.front_sentence("parameters", "a", "b", list("abcdefg")) == (
        "By parameters the front goes from b (least) to a (best), of 7 runs."
    )
    assert sentences.front_sentence("parameters", "a", "a", list("aab")) == (
        "a is best and cheapest by parameters; no other of 3 points of 2 runs is on the front."
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (signed(-0.004), "0.00"),
        (signed(-1234.5, 1), "−1,234.5"),
        (signed(0.25), "+0.25"),
        (signed(float("nan")), "–"),
        (plain(None), "–"),
        (plain(-2.0, 1), "−2.0"),
        (plain(-7.3085e11, 1), "−7.3e11"),
        (seconds(61.53), "61.5 s"),
        (seconds(600), "10.0 min"),
        (seconds(36000), "10.0 h"),
        (listed("abc"), "a, b and c"),
        (clipped("residual blocks", 9), "residual…"),
        (steps_to("22").label, "steps to 22 dB on held-out crops"),
    ],
)
def test_numbers_are_written_as_people_write_them(written, expected):
    assert written == expected
