"""What the README says was measured is what the committed records hold, and is good enough."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECORDS = {
    path.parent.name: json.loads(path.read_text())
    for path in (ROOT / "experiments" / "records").glob("*/record.json")
}


def held_out(record, name):
    values = [s[name] for s in record["result"]["scores"] if s["side"] != "train"]
    return sum(values) / len(values)


@pytest.mark.parametrize("name", ["default", "steady", "restore_live1"])
def test_the_readme_s_figures_are_the_record_s(name):
    record = RECORDS[name]
    (session,) = record["sessions"]
    timing = session["timing"]
    cells = [
        f"{held_out(record, 'jpeg_psnr'):.2f} dB",
        f"{held_out(record, 'jpeg_ssim'):.4f}",
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


def test_restoring_gains_half_a_decibel_on_held_out_pictures():
    record = RECORDS["restore_live1"]
    assert held_out(record, "psnr") - held_out(record, "jpeg_psnr") > 0.5
    sides = [picture["side"] for picture in record["pictures"]]
    assert [sides.count(side) for side in ("train", "validation", "test")] == [21, 4, 4]


def test_no_picture_is_committed_but_the_readme_s_and_the_benchmark_s():
    found = [path for path in (ROOT / "experiments" / "records").rglob("*.png")]
    assert sorted(path.name for path in found) == ["comparison.png", "ratios.png"]
    assert {picture["name"] for picture in RECORDS["default"]["pictures"]} == {
        *("astronaut", "chelsea", "coffee", "motorcycle_left", "motorcycle_right")
    }
