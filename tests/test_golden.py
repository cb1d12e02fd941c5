"""Files that were written once by released weights are read the same everywhere, for ever."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from experiments import codec as codec_module
from experiments import weights
from experiments.runfolder import RunError
from experiments.runs import load_run
from experiments.weights import released

GOLDEN = Path(__file__).parent / "golden"
# SHA-256 of the latents, int32 row by row, and the picture's PSNR to the original in dB.
FILES = {
    "chelsea-1.fnn": (
        "00108f92dcb4004e0675eda53f4121e12f9fef2ed820fa2b0dbee2553fbf3360",
        28.29,
    ),
    "chelsea-3.fnn": (
        "a88da34e55486a42e80ddf4a154a4f42076e1ccdebb6fbd0bbb587816cd51aa6",
        30.83,
    ),
    "chelsea-6.fnn": (
        "d0e141bed1a71f2e9fc776e6118cf8b1b6d6d70363cf540f372fa53f6e619210",
        33.53,
    ),
}


@pytest.fixture(scope="module")
def codec():
    return load_run(released("pyramid")).codec()


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
        released("pyramid")
    assert str(error.value) == f"{path}: is not the file that was released; install fnnet anew"
    monkeypatch.setitem(weights.DIGESTS, "gone", "0" * 64)
    with pytest.raises(RunError, match="could not be read: No such file or directory"):
        released("gone")


def test_a_folder_of_a_released_name_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyramid").mkdir()
    assert released("pyramid") == Path("pyramid")
    assert released("elsewhere/run") == Path("elsewhere/run")


def test_what_is_written_today_is_read_today(codec, tmp_path):
    original = data.chelsea()[60:252, 100:356]
    (tmp_path / "x.fnn").write_bytes(codec.write(original, 2).data)
    (tmp_path / "golden.fnn").write_bytes((GOLDEN / "chelsea-3.fnn").read_bytes())
    new, old = (codec_module.read(path, codec._model)[1] for path in sorted(tmp_path.iterdir()))
    # An encoder's sums may round the other way on another machine; few do.
    assert (new != old).mean() < 0.01
