"""Records as a file holds them; the README's figures are those of the committed records."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import record_builders as build

from experiments.codecs.encoders import ANCHOR_QUALITIES
from experiments.codecs.rate_distortion import bd_rate
from experiments.runs.released import DIGESTS, FOLDER, folder_of
from experiments.sweeps import records
from experiments.sweeps.rungs import PENALISED
from experiments.system.errors import RunError

ROOT = Path(__file__).parents[2]
RECORDS = {
    path.parent.name: json.loads(path.read_text())
    for path in (ROOT / "experiments" / "records").glob("*/record.json")
}


@pytest.mark.parametrize("name", ["ablations", "ladder"])
def test_committed_records_are_written_as_they_were_read_and_have_their_trial_s_identity(name):
    lines = (ROOT / "experiments" / "records" / f"{name}.jsonl").read_text().splitlines()
    assert lines
    for line in lines:
        row = json.loads(line)
        record = records.from_json(row)
        again = records.to_json(record)
        assert again == row
        # As text too: 1 and 1.0 are equal, but not to a digest.
        assert json.dumps(again, sort_keys=True) == json.dumps(row, sort_keys=True)
        assert record.trial.identity == record.identity == row["identity"]


def changed(row, path, value):
    """A copy of a record's JSON with another value at a path, or without it."""
    name, *rest = path
    if rest:
        return row | {name: changed(row[name], rest, value)}
    return {key: old for key, old in row.items() if key != name} | (
        {} if value is None else {name: value}
    )


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("format", 2, "is of format 2, not 1"),
        ("format", None, "is of format None, not 1"),
        ("status", None, "Object missing required field `status`"),
        ("status", "lost", "Invalid enum value 'lost' - at `$.status`"),
        ("steps", "12", "Expected `int`, got `str` - at `$.steps`"),
        ("steps", True, "Expected `int`, got `bool` - at `$.steps`"),
        ("trial options batch", 1.5, "Expected `int`, got `float` - at `$.trial.options.batch`"),
        ("trial data test", None, "Object missing required field `test` - at `$.trial.data`"),
        ("trial model name", "x", "There is no network 'x' - at `$.trial.model`"),
        ("trial model depth", "4", "Expected `int`, got `str` - at `$.depth`"),
        (
            "trial model bottleneck",
            0,
            "--bottleneck 0: must be in 1..4096 - at `$.trial.model`",
        ),
        ("held_out", [{}], "Object missing required field `name` - at `$.held_out[0]`"),
        ("stability spikes", None, "Object missing required field `spikes` - at `$.stability`"),
    ],
)
def test_a_line_that_is_no_record_is_left_out_with_its_reason(tmp_path, path, value, sentence):
    row = records.to_json(build.record())
    path = path.split()
    build.write(tmp_path / "r.jsonl", [row, changed(row, path, value)])
    good, faults = records.read(tmp_path / "r.jsonl")
    assert faults == [f"{tmp_path}/r.jsonl, line 2: {sentence}"]
    assert [records.to_json(record) for record in good] == [row]
    with pytest.raises(RunError) as error:
        records.from_json(changed(row, path, value))
    assert str(error.value) == sentence


def held_out(record, name):
    values = [s[name] for s in record["result"]["scores"] if s["side"] != "train"]
    return sum(values) / len(values)


@pytest.mark.parametrize("name", ["default", "steady", "restore_live1"])
def test_the_readme_s_figures_are_the_record_s(name):
    record = RECORDS[name]
    (session,) = record["sessions"]
    timing = session["timing"]
    coded = name != "restore_live1"
    cells = [
        f"{held_out(record, 'jpeg_bits_per_pixel'):.3f}",
        f"{held_out(record, 'jpeg_psnr'):.2f} dB",
        f"{held_out(record, 'jpeg_ssim'):.4f}",
        f"{held_out(record, 'bits_per_pixel'):.3f}" if coded else "–",
        f"{held_out(record, 'psnr'):.2f} dB",
        f"{held_out(record, 'ssim'):.4f}",
        f"{timing['total_seconds']:.0f}",
        f"{100 * timing['stepped'] / timing['seconds']:.1f} %",
        f"{session['peak_memory_mb']:.0f} MB",
        f"{record['result']['largest_loss_ratio']:.2f}",
    ]
    assert " | ".join(cells) in (ROOT / "README.md").read_text()
    assert timing["total_seconds"] < 300
    assert timing["stepped"] / timing["seconds"] > 0.9
    assert timing["seconds_to_first_step"] < 20
    assert session["peak_memory_mb"] < 2000
    assert record["result"]["largest_loss_ratio"] < 2
    assert record["result"]["skipped_steps"] == 0


def curve(rung, test):
    """A released rung's mean (bits a pixel, PSNR) at each rate."""
    found, faults = records.read(ROOT / "experiments" / "records" / "ladder.jsonl")
    assert not faults
    (record,) = [
        record for record in found if (record.trial.axis, record.trial.data.test) == (rung, test)
    ]
    rates = {}
    for image in record.held_out:
        rate = 8 * image.file_bytes / image.pixels
        rates.setdefault(image.rate, []).append((rate, image.psnr))
        assert image.file_bytes <= 1.01 * image.ideal_bytes + 64
    return [tuple(np.mean(rates[rate], axis=0)) for rate in sorted(rates)]


def jpeg(test):
    path = ROOT / "experiments" / "records" / "anchors" / test / "points.tsv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        (float(row["bpp"]), float(row["psnr_rgb"]))
        for row in rows
        if row["codec"] == "jpeg" and float(row["quality"]) in ANCHOR_QUALITIES
    ]


@pytest.mark.parametrize("document", ["README.md", "experiments/weights/README.md"])
def test_what_is_said_of_the_released_weights_is_what_was_measured(document):
    text = (ROOT / document).read_text()
    for test in ("live1", "kodak"):
        points = curve(PENALISED, test)
        saved = -bd_rate(jpeg(test), points).percent
        best = -bd_rate(jpeg(test), points[:4]).percent
        assert f"{saved:.1f} %" in text and f"{best:.1f} %" in text
        assert saved > 30 and best > 30
    for rate, (bpp, psnr) in enumerate(curve(PENALISED, "live1"), 1):
        assert f"| {rate} | {bpp:.3f} | {psnr:.2f} |" in text


def test_released_weights_are_small_and_what_they_are_said_to_be():
    assert DIGESTS
    for name in DIGESTS:
        folder = folder_of(name)
        assert folder == FOLDER / name
        card = (FOLDER / "README.md").read_text()
        assert f"## `{name}`" in card
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 10_000_000


def test_restoring_gains_half_a_decibel_on_held_out_images():
    record = RECORDS["restore_live1"]
    assert held_out(record, "psnr") - held_out(record, "jpeg_psnr") > 0.5
    sides = [image["side"] for image in record["pictures"]]
    assert [sides.count(side) for side in ("train", "validation", "test")] == [21, 4, 4]


def test_no_image_is_committed_but_the_readme_s_and_the_benchmark_s():
    found = [path for path in (ROOT / "experiments" / "records").rglob("*.png")]
    crops = [path for path in found if path.parent.name == "crops"]
    assert sorted(path.name for path in found if path not in crops) == [
        *("comparison.png", "ratios.png")
    ]
    assert all(path.name.startswith(("chelsea", "coffee")) for path in crops)
    assert sum(path.stat().st_size for path in found) < 5_000_000
    assert {image["name"] for image in RECORDS["default"]["pictures"]} == {
        *("astronaut", "chelsea", "coffee", "motorcycle_left", "motorcycle_right")
    }
