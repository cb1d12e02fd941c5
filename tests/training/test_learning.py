"""Short real trainings: that they learn, and steadily."""

import pytest
from options import train_config

from experiments import train
from experiments.system.storage import read_json, read_metrics


def trained(folder, **options):
    """Train; give the gain over JPEG on held-out images in dB, the result, and the metrics."""
    train.main(train_config(out=folder, **options))
    result = read_json(folder / "record.json")["result"]
    gains = [s["psnr"] - s["jpeg_psnr"] for s in result["scores"] if s["side"] != "train"]
    return sum(gains) / len(gains), result, read_metrics(folder / "metrics.jsonl")


@pytest.mark.slow
def test_an_autoencoder_with_batch_norm_and_dropout_trains_steadily(tmp_path):
    _, result, rows = trained(
        tmp_path / "run", norm="batch", dropout=0.05, width=16, steps=250, batch=64, patch=48
    )
    assert result["largest_loss_ratio"] < 2
    assert rows[-1]["held_out_psnr"] > 20


@pytest.mark.slow
def test_restoring_live1_beats_jpeg_on_held_out_scenes_soon(tmp_path, data_root):
    gain, _, _ = trained(
        tmp_path / "run", task="restore", data=str(data_root / "live1"), steps=250, width=16
    )
    assert gain > 0.5
