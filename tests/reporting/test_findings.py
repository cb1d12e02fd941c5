"""The findings: every number is one of the records, and the text is what the records give."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import record_builders as build

from experiments import report
from experiments.codecs.rate_distortion import RatePoint
from experiments.reporting import claims, facts, markdown
from experiments.reporting.axes import rankings, study
from experiments.reporting.findings import NAME, make_findings
from experiments.reporting.findings_ideas import tasks_chapter
from experiments.reporting.findings_method import limits_chapter
from experiments.reporting.ladder import ladder
from experiments.reporting.sources import PACKAGED, anchors, gather
from experiments.system.errors import RunError

COMMITTED = Path(report.__file__).parent


def trained_on(row, name, images):
    """The same run, trained on another set."""
    return build.change_trial(row, data=replace(row.trial.data, train=name, pictures=images))


def widened(row, gaps):
    """A record whose training images are better by so many dB, by the trial's value."""
    more = gaps.get(row.trial.value, 0.0)
    return build.change_images(row, lambda one: {"psnr": one.psnr + more}, split="trained_on")


def all_rows(folder):
    """Records of everything that findings can be of; where they are."""
    build.everything(folder)
    rows = [
        *build.sweep("task", {"emulate": 2.0}, task="emulate"),
        *build.sweep("task", {"restore": 0.9}, task="restore"),
        *build.sweep("pictures", {"all": 0.0, "2": -2.0, "8": -0.5}, noise=0.1),
        *build.sweep("dropout", {"0": 0.0, "0.5": -0.3}, noise=0.1),
        trained_on(build.rung("hyperprior, GDN", psnr=28.0), "live1", 29),
    ]
    build.write(folder / "more.jsonl", [widened(row, {"2": 3.0}) for row in rows])
    return folder


def written(folder, rows, **changes):
    """The findings of some rows that lie in a folder."""
    build.write(folder / "runs.jsonl", rows)
    return make_findings(*gather([folder]), [folder], folder, **changes)[NAME]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = all_rows(tmp_path_factory.mktemp("records"))
    return make_findings(*gather([folder]), [folder], folder)


def test_the_committed_findings_are_what_the_committed_records_give():
    if not (COMMITTED / NAME).exists():
        pytest.skip(f"experiments/{NAME} has not been written yet")
    try:
        found = gather([PACKAGED])
    except RunError:
        pytest.skip("experiments/records holds no records of sweeps")
    files = make_findings(*found, [PACKAGED], COMMITTED)
    there = {f"figures/{path.name}" for path in (COMMITTED / "figures").glob("*.svg")} | {NAME}
    again = "write them again: python -m experiments.report --findings experiments -o DIR"
    assert there == set(files), again
    for name, text in files.items():
        assert (COMMITTED / name).read_bytes() == text.encode(), f"{name} is not of now; {again}"


def test_every_chapter_is_there_and_in_order(files):
    assert re.findall(r"^## (.*)", files[NAME], re.MULTILINE) == [
        *("What was asked, and how it was measured", "In short", "The ladder"),
        "Which components contribute most to reconstruction",
        "Complexity against quality, time against accuracy",
        "What overfits, and what destabilises",
        "Why a textbook autoencoder expands the image",
        "What emulate learns, and why restore is the useful direction",
        *("What 29 images can and cannot teach", "Limits"),
    ]


@pytest.mark.parametrize("rows", build.sparse(), ids=range(10))
def test_what_there_are_no_records_of_is_left_out(tmp_path, rows):
    text = written(tmp_path, rows)
    assert "## Limits" in text and "emulate learns" not in text
    assert "nan" not in text and "None " not in text.replace("None of", "")
    lines = text.splitlines()
    following = zip(lines, (*lines[2:], "#"), strict=False)
    for line, after in following:
        level = len(line) - len(line.lstrip("#"))
        if level > 1:  # no heading without anything under it
            assert not re.match(rf"#{{1,{level}}} ", after), line


def test_figures_are_shown_are_there_and_need_nothing(files):
    shown = re.findall(r"!\[([^]]+)\]\(([^)]+)\)", files[NAME])
    assert {target for _, target in shown} == set(files) - {NAME}
    assert len(shown) == len(files) - 1 > 5
    for _, target in shown:
        root = ET.fromstring(files[target])
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        rest = files[target].replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|url\(|@import|var\(|light-dark|<script|href", rest)
        assert 'fill="#fff"' in rest
        assert float(root.get("width")) > 300 and float(root.get("height")) > 100


def test_the_same_records_give_the_same_bytes(files, tmp_path):
    folder = all_rows(tmp_path)
    assert make_findings(*gather([folder]), [folder], folder) == files


def test_names_are_text_and_not_markup(tmp_path):
    rows = build.sweep("a|b", {"<b>": 0.0, "*x* [y](z)": 0.5, "![i](j)": 0.1})
    text = written(tmp_path, rows)
    assert r"\*x\* \[y\]\(z)" in text and r"\<b\>" in text and r"a\|b" in text
    assert not re.search(r"(?<!\\)<", re.sub(r"`.*?`", "", text))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("learning_rate of 0.5 (mean)", "learning_rate of 0.5 (mean)"),
        ("_x_", r"\_x\_"),
        ("1. x", r"1\. x"),
        ("- x", r"\- x"),
        ("# x", r"\# x"),
        ("a\nb", "a b"),
        ("[a](b)", r"\[a\]\(b)"),
    ],
)
def test_plain_text_is_escaped_where_it_would_be_markup(words, expected):
    assert markdown.escaped(words) == expected


def test_tables_are_aligned_and_numbers_are_at_the_right():
    assert markdown.table(("name", "dB"), [("a|b", "−1.0"), ("c", "12.5")]).splitlines() == [
        "| name |   dB |",
        "| ---- | ---: |",
        r"| a\|b | −1.0 |",
        "| c    | 12.5 |",
    ]


@pytest.fixture
def jpeg(tmp_path):
    build.write_anchors(tmp_path)
    return anchors("kodak", [tmp_path])["jpeg"]


def test_the_best_rung_needs_the_fewest_bytes(jpeg):
    rungs = ladder([build.rung("a", psnr=27.0), build.rung("b", psnr=28.5), build.rung("c")])
    best = facts.best_rung(rungs, jpeg)
    assert (best.rung.name, best.among) == ("b", 3)
    assert claims.best_sentence("kodak", best).startswith(
        "On kodak the best of 3 rungs that can be compared is b. It "
    )
    assert facts.best_rung(rungs, []) is None


def test_the_best_rung_of_each_test_set_is_named_in_short(files):
    (said,) = re.findall(r"^- On kodak (.*?)\. It", files[NAME], re.MULTILINE)
    assert said == "the best of 3 rungs that can be compared is hyperprior, GDN"


def test_a_rung_loses_where_its_images_are_below_jpeg():
    images = [
        build.image("good", psnr=30.0, jpeg_psnr=29.0),
        build.image("bad", psnr=30.0, jpeg_psnr=30.4),
        build.image("worse", psnr=30.0, jpeg_psnr=31.5),
    ]
    (rung,) = ladder([build.rung("a", held_out=images)])
    assert claims.losses_sentence(rung, facts.losses(rung)) == (
        "a is below JPEG of equal bytes in 2 of 3 images, by most on worse (−1.50 dB)."
    )
    (rung,) = ladder([build.rung("a", held_out=images[:1])])
    assert claims.losses_sentence(rung, facts.losses(rung)) == (
        "a is nowhere below JPEG of equal bytes: its least advantage of 1 image is +1.00 dB, on "
        "good."
    )
    (rung,) = ladder([build.rung("a", held_out=(build.image("p", psnr=float("inf")),))])
    assert facts.losses(rung) is None


def test_what_is_better_than_jpeg_is_named_by_test_set():
    rows = build.sweep("bottleneck", {"16": -2.0, "4": 1.0})
    rows += [
        build.rung("a", psnr=20.0, test="live1"),
        build.record("task", "emulate", task="emulate"),
    ]
    found = facts.better_than_jpeg(rows)
    assert found == {"kodak": (["bottleneck 4"], 2), "live1": ([], 1)}
    assert claims.better_sentence("kodak", *found["kodak"]) == (
        "On kodak 1 of 2 settings is better than JPEG of equal bytes, on average over seeds and "
        "images: bottleneck 4."
    )
    assert claims.better_sentence("live1", *found["live1"]) == (
        "On live1 none of 1 setting is better than JPEG of equal bytes."
    )


def test_rungs_behind_smaller_ones_are_named():
    sizes = {"a": (28.0, 1000), "b": (27.0, 5000), "c": (26.0, 9000), "d": (29.0, 20000)}
    rungs = ladder(
        [
            build.rung(name, psnr=psnr, rates=(0,), parameters=parameters)
            for name, (psnr, parameters) in sizes.items()
        ]
    )
    assert claims.smaller_is_better_sentences(rungs) == [
        "More network is not more quality by itself: behind a with its 1,000 parameters: b; c. "
        "Whether the networks or their training hold them back these runs cannot tell."
    ]
    assert claims.smaller_is_better_sentences(rungs[::3]) == []


def test_clipping_that_is_at_work_in_most_steps_is_a_limit_that_is_told():
    rows = build.sweep("loss", {"mse": 0.0, "l1": 0.1})
    assert "clipped" not in limits_chapter(rows, [], [])
    rows = [build.change_trial(row, options=replace(row.trial.options, clip=0.4)) for row in rows]
    assert "clipped" not in limits_chapter(rows, [], [])
    rows[0] = replace(rows[0], stability=replace(rows[0].stability, gradient_norm_median=0.5))
    assert "In 1 of 6 runs the median gradient was longer" in limits_chapter(rows, [], [])


def test_axes_without_a_difference_are_named():
    rows = build.sweep("loss", {"mse": 0.0, "l1": 0.001}, noise=0.3)
    rows += build.sweep("depth", {"4": 0.0, "8": 0.5})
    (found,) = rankings(study(rows)[0]).values()
    assert claims.unsure_sentence(found) == (
        "What makes no difference that these runs can tell: loss."
    )
    assert claims.unsure_sentence(found[:1]) == ""


def test_what_overfits_is_what_widens_the_gap():
    rows = build.sweep("pictures", {"all": 0.0, "8": 0.0, "2": 0.0})
    assert facts.widest_gap(study(rows)[0]) == (None, 2)
    assert claims.gap_sentence(None, 2).startswith("Of 2 values none widens the gap")
    rows = [widened(row, {"8": 0.5, "2": 3.0}) for row in rows]
    (axis, value), _ = facts.widest_gap(study(rows)[0])
    said = claims.gap_sentence((axis, value), 2)
    assert (axis.name, value) == ("pictures", "2")
    assert said.startswith("What overfits most is pictures: 2 against all: +3.0")
    assert claims.gap_sentence(None, 0) == ""


def test_what_destabilises_is_counted_a_training_once():
    spiky = {"stability": replace(build.STEADY, spikes=6, largest_loss_ratio=9.0)}
    rows = [
        *build.sweep("optimizer", {"adam": 0.0}, seeds=(0, 1)),
        build.record("optimizer", "sgd", seed=0, **spiky),
        build.record("optimizer", "sgd", seed=1),
        build.rung("a"),
        build.rung("a", test="live1"),
    ]
    found = facts.steadiness(rows)
    assert [(one.name, one.runs, one.spikes) for one in found] == [
        ("optimizer sgd", 2, 15.0),
        ("optimizer adam", 2, 0.0),
        ("a", 1, 0.0),
    ]
    assert claims.spikes_sentence(found) == (
        "In 1 of 3 settings the loss spiked, to over twice its running median; most often with "
        "optimizer sgd, in 15.0 of 1,000 steps, and highest with optimizer sgd, to 9.0 times."
    )
    elsewhere = trained_on(build.diverged("optimizer", "sgd", seed=2), "elsewhere", 100)
    names = [(one.name, one.diverged) for one in facts.steadiness([*rows, elsewhere])]
    assert names[0] == ("optimizer sgd on elsewhere", 1)
    assert f"optimizer sgd on {rows[2].trial.data.train}" == names[1][0]


def test_short_ablations_are_a_limit_that_is_told():
    rows = build.sweep("loss", {"mse": 0.0, "l1": 0.1})
    longer = build.rung("a", steps=4000)
    said = (
        "- Ablations were trained for at most 200 steps, where a rung had up to 4,000: a choice "
        "that pays off late looks worse here than it is.\n"
    )
    assert said in limits_chapter([*rows, longer], [], []) + "\n"
    assert "pays off late" not in limits_chapter([*rows, build.rung("a")], [], [])
    assert "pays off late" not in limits_chapter(rows, [], [])


def test_latents_are_counted_in_numbers_and_in_bytes():
    images = [build.image("p", psnr=30.0, file_bytes=512)]
    (rung,) = ladder([build.rung("a", held_out=images, latents_per_pixel=0.25)])
    assert claims.latents_sentence(rung) == (
        "a keeps 0.25 numbers a pixel, which in its files take 0.125 bytes a pixel: 4.2 % of the "
        "image's 3."
    )
    assert "64/3 = 21.3 times" in claims.expansion_sentence()
    assert "85 times the bytes" in claims.expansion_sentence()


def test_tasks_are_said_against_what_they_were_to_make():
    emulate = build.sweep("task", {"emulate": 2.0}, task="emulate", noise=0)
    restore = build.sweep("task", {"restore": 0.9}, task="restore", noise=0)
    text = tasks_chapter([*emulate, *restore])
    psnr = np.mean([image.psnr for image in emulate[0].held_out])
    jpeg = np.mean([image.jpeg_psnr for image in emulate[0].held_out])
    assert f"comes within {psnr:.2f} dB (3 seeds, from {psnr:.2f} to {psnr:.2f})" in text
    assert f"are within {jpeg:.2f} dB of them" in text
    assert "by +1.40 dB (3 seeds, from +1.40 to +1.40), against the originals" in text
    assert "many originals" not in tasks_chapter(emulate)


def test_a_small_training_set_is_compared_with_others_and_left_out_elsewhere(files):
    base = build.sweep("depth", {"4": 0.5}, noise=0)
    small = [trained_on(row, "live1", 29) for row in build.sweep("depth", {"4": 0.1}, noise=0)]
    alone = trained_on(build.rung("a"), "live1", 29)
    (pair,), rest = facts.training_sets([*base, *small, alone])
    assert pair.effect.difference == pytest.approx(0.4)
    assert (pair.name, pair.other) == ("baseline, autoencode", "patches")
    assert rest == [*base, alone]
    assert facts.training_sets(small) == ([], small)
    row = re.search(r"^\| hyperprior, GDN +\| kodak .*live1 and patches.*", files[NAME], re.M)[0]
    assert "+0.60 dB" in row and "+1.25 dB" in row and "+1.85 dB" in row


def test_a_set_that_is_split_by_scene_is_a_test_set_of_its_own_and_paired_with_the_whole():
    whole = build.sweep("depth", {"4": 0.5}, noise=0)
    split = [trained_on(row, "kodak", 16) for row in build.sweep("depth", {"4": 0.1}, noise=0)]
    split = [replace(row, held_out=row.held_out[:2]) for row in split]
    axes, faults = study([*whole, *split])
    assert [axis.test for axis in axes] == ["kodak", "held-out scenes of kodak"]
    assert not faults
    pairs, rest = facts.training_sets([*whole, *split], small="kodak")
    assert [pair.effect.images for pair in pairs] == [2] * len(pairs)
    assert pairs[-1].effect.difference == pytest.approx(0.4)
    assert rest == whole


def test_rungs_of_two_training_sets_are_told_apart():
    rows = [build.rung("a"), trained_on(build.rung("a"), "live1", 29)]
    assert [rung.name for rung in ladder(rows)] == [
        "a (a, trained on patches, seed 0)",
        "a (a, trained on live1, seed 0)",
    ]


def test_anchors_of_other_images_do_not_stop_the_findings(tmp_path):
    point = RatePoint("jpeg", 10, bits_per_pixel=0.3, psnr=26.0, ssim=None, ms_ssim=None, images=24)
    assert facts.best_rung(ladder([build.rung("a")]), [point]) is None


@pytest.fixture
def command(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    build.write(tmp_path / "runs" / "runs.jsonl", [build.rung("one")])
    return partial(run, "report", "runs", "-o", "out")


def test_the_command_writes_findings_beside_their_records(command, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / NAME).write_text("of before")
    (tmp_path / "here" / "mine").write_text("")
    status, output, errors = command("--findings", "here")
    assert (status, errors) == (0, "")
    assert f"findings in here/{NAME}" in output
    text = (tmp_path / "here" / NAME).read_text(encoding="utf-8")
    assert "[../runs/](../runs/)" in text and "of before" not in text
    assert (tmp_path / "here" / "figures" / "rate-kodak.svg").is_file()
    assert (tmp_path / "here" / "mine").exists()


def test_a_folder_that_cannot_be_is_an_error_and_no_page_is_left(command, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, errors = command("--findings", "file")
    assert (status, errors) == (2, "error: file: could not be made: Not a directory\n")
    assert not (tmp_path / "out").exists()


def test_findings_are_written_when_asked_only(command, tmp_path):
    assert command()[0] == 0
    assert not list(tmp_path.rglob(NAME))
