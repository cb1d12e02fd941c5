"""Files that were written once by released weights are read the same everywhere, for ever."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from experiments.networks import codec as codec_module
from experiments.runs import released as weights
from experiments.runs.released import folder_of
from experiments.runs.run import open_run
from experiments.system.errors import RunError

GOLDEN = Path(__file__).parent / "golden"
# SHA-256 of the latents, int32 row by row, and the image's PSNR to the original in dB.
FILES = {
    "chelsea-1.fnn": (
        "a972c2c6a388ed51fa4000efba8dac0fb3f458662b59b60600e727a59b722508",
        27.87,
    ),
    "chelsea-3.fnn": (
        "be574f76b32ef8852f285a1ad74c2cf5ee1aff252d40b2f6df92b474bfc036d6",
        30.54,
    ),
    "chelsea-6.fnn": (
        "e1074b2c6b23150fb80422119cd40273730e008837f223d4eb9513bc505cb197",
        34.77,
    ),
}


@pytest.fixture(scope="module")
def codec():
    return open_run("pyramid").codec()


@pytest.mark.parametrize("name", FILES)
def test_a_committed_file_decodes_to_the_latents_that_were_encoded(codec, name):
    expected, psnr = FILES[name]
    _, latents = codec_module.read(GOLDEN / name, codec._model)
    assert hashlib.sha256(latents.astype("<i4").tobytes()).hexdigest() == expected
    original = data.chelsea()[60:252, 100:356]
    error = codec.read(GOLDEN / name).pixels.astype(float) - original
    # Pixels are floating point, which differs from machine to machine by less than this.
    assert 10 * np.log10(255**2 / np.mean(error**2)) == pytest.approx(psnr, abs=0.02)


def test_weights_that_are_not_those_released_are_not_read(monkeypatch):
    path = weights.FOLDER / "pyramid" / "weights.safetensors"
    monkeypatch.setitem(weights.DIGESTS, "pyramid", "0" * 64)
    with pytest.raises(RunError) as error:
        folder_of("pyramid")
    assert str(error.value) == f"{path}: is not the file that was released; install fnnet anew"
    monkeypatch.setitem(weights.DIGESTS, "gone", "0" * 64)
    with pytest.raises(RunError, match="could not be read: No such file or directory"):
        folder_of("gone")


def test_a_folder_of_a_released_name_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyramid").mkdir()
    assert folder_of("pyramid") == Path("pyramid")
    (tmp_path / "elsewhere" / "run").mkdir(parents=True)
    assert folder_of("elsewhere/run") == Path("elsewhere/run")
    with pytest.raises(RunError, match="nowhere: no such folder; released weights: pyramid"):
        folder_of("nowhere")


def test_what_is_written_today_is_read_today(codec):
    written = codec.write(data.chelsea()[60:252, 100:356], 2).data
    golden = GOLDEN / "chelsea-3.fnn"
    new, old = (codec_module.read(source, codec._model)[1] for source in (written, golden))
    # An encoder's sums may round the other way on another machine; few do.
    assert (new != old).mean() < 0.01
