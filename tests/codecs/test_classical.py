"""The command that measures classical codecs: its figures, its files, its cache, bad input."""

import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import PIL
import pytest
from image_builders import encode
from PIL import Image
from skimage import data

from experiments.codecs import encoders, measurement
from experiments.codecs.curves import curves, mean_points
from experiments.codecs.encoders import CODECS
from experiments.codecs.measurement import Encoding, measure_all
from experiments.codecs.rate_distortion import bd_rate, decibels
from experiments.images import ImageError, StoredImage, open_set
from experiments.system import folders, storage
from experiments.system.errors import RunError
from fnnet import metrics

BASELINES = Path(__file__).parents[2] / "data" / "baselines" / "kodak_codecs.tsv"
needs = {
    name: pytest.mark.skipif(codec.versions() is None, reason=f"{name} is not installed")
    for name, codec in CODECS.items()
}
PRESENT = [name for name, codec in CODECS.items() if codec.versions() is not None]


@pytest.fixture(autouse=True)
def alone(request, monkeypatch, tmp_path):
    """Measure in this process, which tests can look into, with a cache and folders of our own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(measurement, "cores", lambda: 1)
    codecs = dict(CODECS)
    yield
    # What monkeypatch puts back, it puts last; reports go by the order.
    CODECS.clear()
    CODECS.update(codecs)


@pytest.fixture
def command(run):
    return partial(run, "classical")


@pytest.fixture
def few(monkeypatch):
    """Only JPEG's curves, at four qualities each."""
    for name in list(CODECS):
        if name in ("jpeg", "jpeg-optimised"):
            monkeypatch.setitem(CODECS, name, replace(CODECS[name], qualities=(10, 30, 50, 90)))
        else:
            monkeypatch.delitem(CODECS, name)


def photo(height, width, top=40):
    return data.astronaut()[top : top + height, 60 : 60 + width]


def put_images(folder, names=("a", "b"), size=(162, 170)):
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        Image.fromarray(photo(*size, top=40 + 90 * index)).save(folder / f"{name}.png")
    return folder


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def error_of(result):
    status, _, errors = result
    assert status == 2, errors
    last = errors.strip().split("\n")[-1]
    assert last.startswith("error: ") and "Traceback" not in errors
    return last.removeprefix("error: ")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


CALLS = {
    "jpeg": ("JPEG", lambda q: {"quality": q}),
    "jpeg-optimised": ("JPEG", lambda q: {"quality": q, "optimize": True, "progressive": True}),
    "jpeg2000": (
        "JPEG2000",
        lambda r: {
            "quality_mode": "rates",
            "quality_layers": [r],
            "irreversible": True,
            "mct": 1,
        },
    ),
    "webp": ("WEBP", lambda q: {"quality": q, "method": 6}),
    "avif": ("AVIF", lambda q: {"quality": q, "max_threads": 1}),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs[name]) for name in CALLS])
def test_the_files_are_those_of_pillow_s_own_calls(name):
    form, options = CALLS[name]
    codec, pixels = CODECS[name], photo(50, 66)
    for quality in codec.qualities[1:3]:
        found = codec.encode(pixels, quality)
        assert found == encode(pixels, form, **options(quality))
        with Image.open(io.BytesIO(found)) as image:
            np.testing.assert_array_equal(codec.decode(found, 3), np.asarray(image))


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs[name]) for name in CODECS])
def test_a_higher_quality_costs_more_and_gives_more_and_grey_is_coded_as_suits(name):
    codec, pixels = CODECS[name], photo(64, 96)
    grey = StoredImage.of(np.repeat(pixels[..., :1], 3, -1), "grey", is_grey=True)
    source = codec.source(grey)
    is_one = name in ("jpeg", "jpeg-optimised", "jpeg2000")
    assert source.shape[2] == (1 if is_one else 3)
    if is_one:
        with Image.open(io.BytesIO(codec.encode(source, codec.qualities[0]))) as image:
            assert image.mode == "L"
    for original in (pixels, source):
        sizes, quality = [], []
        for value in codec.qualities[1::2]:
            found = codec.encode(original, value)
            decoded = codec.decode(found, original.shape[2])
            assert decoded.shape == original.shape and decoded.dtype == np.uint8
            sizes.append(len(found))
            quality.append(metrics.psnr(original[None], decoded[None])[0])
        assert sizes == sorted(sizes) and quality == sorted(quality)
        assert sizes[0] < sizes[-1] and quality[0] + 2 < quality[-1]


def test_the_command_makes_all_that_it_promises(command, tmp_path):
    images = put_images(tmp_path / "pictures")
    out = tmp_path / "out"
    status, output, errors = command("--data", images, "--out", out)
    assert status == 0, errors
    assert {path.name for path in out.iterdir()} == {
        *("points.tsv", "pictures.tsv", "bd_rates.tsv", "psnr.png", "ms_ssim.png"),
        *("versions.json", *(f"{name}.json" for name in PRESENT)),
    }
    single, means = rows(out / "pictures.tsv"), rows(out / "points.tsv")
    assert len(single) == 2 * len(means) == 2 * sum(len(CODECS[n].qualities) for n in PRESENT)
    for mean in means:
        group = [row for row in single if all(row[n] == mean[n] for n in ("codec", "quality"))]
        assert [row["picture"] for row in group] == ["a", "b"] and mean["pictures"] == "2"
        for name in ("bpp", "psnr_rgb", "ssim", "ms_ssim"):
            values = [float(row[name]) for row in group]
            assert float(mean[name]) == pytest.approx(np.mean(values), abs=1e-6)
    check_against_pillow(single[0], photo(162, 170))
    check_curve_file(out, means)
    check_bd_rates(out, means, output)
    versions = json.loads((out / "versions.json").read_text())
    assert versions["codecs"]["jpeg"]["Pillow"] == PIL.__version__
    assert versions["pictures"] == {p.name: p.sha256 for p in open_set(images).originals}
    for name in ("psnr.png", "ms_ssim.png"):
        with Image.open(out / name) as image:
            assert min(image.size) > 500


def check_against_pillow(row, pixels):
    assert (row["codec"], row["quality"], row["width"], row["height"]) == (
        "jpeg",
        "5",
        "170",
        "162",
    )
    file = encode(pixels, "JPEG", quality=5)
    decoded = np.asarray(Image.open(io.BytesIO(file)))
    assert int(row["bytes"]) == len(file)
    assert float(row["bpp"]) == pytest.approx(8 * len(file) / (162 * 170), abs=1e-6)
    for name in ("psnr", "ssim", "ms_ssim"):
        (value,) = getattr(metrics, name)(pixels[None], decoded[None])
        assert float(row["psnr_rgb" if name == "psnr" else name]) == pytest.approx(value, abs=1e-6)


def check_curve_file(out, means):
    written = json.loads((out / "webp.json").read_text())
    of_webp = [row for row in means if row["codec"] == "webp"]
    assert written["name"] == "webp" and "libwebp" in written["description"]
    names = {"bpp": "bpp", "psnr-rgb": "psnr_rgb", "ms-ssim-rgb": "ms_ssim", "ssim-rgb": "ssim"}
    for name, column in names.items():
        expected = [float(row[column]) for row in of_webp]
        assert written["results"][name] == pytest.approx(expected, abs=1e-6)
    rates = json.loads((out / "jpeg2000.json").read_text())["results"]["bpp"]
    assert rates == sorted(rates)


def check_bd_rates(out, means, output):
    def points(codec, measure):
        return [
            (float(row["bpp"]), measure(row))
            for row in means
            if row["codec"] == codec and not (codec == "jpeg" and row["quality"] in ("40", "80"))
        ]

    measures = {
        "psnr": lambda row: float(row["psnr_rgb"]),
        "ms_ssim": lambda row: decibels(float(row["ms_ssim"])),
    }
    found = rows(out / "bd_rates.tsv")
    assert len(found) == 2 * (len(PRESENT) - 1)
    for row in found:
        assert (row["anchor"], row["anchor_qualities"]) == ("jpeg", "5 10 20 30 50 70 90 95")
        measure = measures[row["measure"]]
        expected = bd_rate(points("jpeg", measure), points(row["codec"], measure))
        assert float(row["bd_rate_percent"]) == pytest.approx(expected.percent, abs=0.01)
        assert f"{float(row['bd_rate_percent']):+.2f} %" in output
        assert f"{expected.low:.2f} to {expected.high:.2f}" in output
    assert "BD-rate against jpeg at 5 10 20 30 50 70 90 95" in output


def test_what_was_measured_is_not_measured_again(command, tmp_path, few, monkeypatch):
    images = put_images(tmp_path / "pictures")
    assert command("--data", images, "--out", "first")[0] == 0
    monkeypatch.setattr(measurement, "measure", None)
    status, output, _ = command("--data", images, "--out", "second")
    assert status == 0 and "16 points, 16 of them known from" in output
    assert files(Path("second")) == files(Path("first"))


def test_a_change_of_pixels_metrics_settings_or_encoder_is_measured(few, monkeypatch):
    encoding = Encoding(StoredImage.of(photo(20, 20), "a"), "jpeg", 10)
    identities = [encoding.identity()]
    monkeypatch.setattr(PIL, "__version__", "99")
    identities.append(encoding.identity())
    codec = CODECS["jpeg"]
    settings = lambda quality, channels: {"quality": quality, "subsampling": 0}  # noqa: E731
    monkeypatch.setitem(CODECS, "jpeg", replace(codec, settings=settings))
    identities.append(encoding.identity())
    monkeypatch.setattr(measurement, "metrics_version", lambda: "other")
    identities.append(encoding.identity())
    identities.append(replace(encoding, image=StoredImage.of(photo(20, 20, 41), "a")).identity())
    identities.append(replace(encoding, quality=11).identity())
    assert len({json.dumps(identity) for identity in identities}) == len(identities)
    same = replace(encoding, quality=11, image=StoredImage.of(photo(20, 20, 41), "b"))
    assert same.identity() == replace(same, image=replace(same.image, name="c")).identity()


def test_damaged_entries_of_the_cache_are_measured_again(command, tmp_path, few):
    images = put_images(tmp_path / "pictures")
    assert command("--data", images, "--cache", "kept", "--out", "first")[0] == 0
    entries = sorted(Path("kept").glob("*/*.json"))
    assert len(entries) == 16
    whole = entries[0].read_text()
    bad = ["", whole[:-9], "[]", "null", "[" * 100_000, re.sub(r'"psnr": 2', '"psnr": 3', whole)]
    bad += [entries[7].read_text(), json.dumps({"figures": {}}), '{"figures": 3}', "\ud800"]
    assert bad[5] != whole
    for path, text in zip(entries, bad, strict=False):
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    entries[10].unlink()
    entries[10].mkdir()
    status, output, errors = command("--data", images, "--cache", "kept", "--out", "second")
    assert status == 0 and "16 points, 5 of them known from kept" in output
    assert files(Path("second")) == files(Path("first"))
    assert errors.count("measurements are not cached") == 1  # of the folder in an entry's place
    entries[10].rmdir()
    assert command("--data", images, "--cache", "kept", "--out", "third")[0] == 0
    output = command("--data", images, "--cache", "kept", "--out", "fourth")[1]
    assert "16 of them known" in output


def test_a_cache_that_cannot_be_written_is_a_note(command, tmp_path, few):
    Path("file").write_text("mine")
    images = put_images(tmp_path / "pictures")
    status, _, errors = command("--data", images, "--cache", "file", "--out", "out")
    assert status == 0 and Path("out/points.tsv").exists()
    own = [line for line in errors.split("\n") if "left out" not in line and line]
    assert len(own) == 1 and own[0].startswith("note: file/") and "not cached" in own[0]
    assert Path("file").read_text() == "mine"


def test_an_interrupt_loses_nothing_and_leaves_no_folder(command, tmp_path, few, monkeypatch):
    images = put_images(tmp_path / "pictures")
    measured = []
    real = measurement.measure

    def measure(encodings):
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append(encodings)
        return real(encodings)

    monkeypatch.setattr(measurement, "measure", measure)
    status, _, errors = command("--data", images, "--out", "out")
    assert status == 130 and "stopped; the same command goes on where it was" in errors
    assert not Path("out").exists()
    monkeypatch.setattr(measurement, "measure", real)
    status, output, _ = command("--data", images, "--out", "out")
    assert status == 0 and "16 points, 6 of them known" in output


def test_the_same_pixels_are_compared_once(monkeypatch):
    calls = []
    monkeypatch.setattr(measurement, "compare", lambda *args: calls.append(1) or (1.0, 2.0, 3.0))
    image = StoredImage.of(photo(40, 40), "a")
    done = {}
    encodings = [Encoding(image, name, q) for name in ("jpeg", "jpeg-optimised") for q in (10, 50)]
    measure_all(encodings, done.__setitem__)
    assert len(calls) == 2 and set(done) == set(encodings)
    sizes = [done[encoding].file_bytes for encoding in encodings]
    assert sizes[2] < sizes[0] and sizes[3] < sizes[1]


def test_points_of_infinite_psnr_are_told(command, tmp_path, few):
    images = put_images(tmp_path / "pictures", size=(40, 64))
    Image.new("RGB", (64, 40), (128, 128, 128)).save(images / "flat.png")
    status, _, errors = command("--data", images, "--out", "out")
    assert status == 0
    assert (
        "note: psnr.png leaves out points whose mean PSNR is infinite: 4 of 4 of jpeg, 4 of 4 of "
        "jpeg-optimised" in errors
    )


def test_images_too_small_for_a_measure_leave_it_blank(command, tmp_path, few):
    images = put_images(tmp_path / "pictures", size=(40, 64))
    Image.fromarray(photo(9, 30)[..., 0]).save(images / "grey.png")
    status, output, errors = command("--data", images, "--out", "out")
    assert status == 0
    for label, least, count in (("SSIM", 11, 1), ("MS-SSIM", 161, 3)):
        assert (
            f"note: {label} needs {least}x{least} pixels; {count} of 3 images are smaller, "
            "so there is no mean of it" in errors
        )
    assert not Path("out/ms_ssim.png").exists()
    single = {(row["picture"], row["quality"]): row for row in rows("out/pictures.tsv")}
    assert single["a", "10"]["ssim"] and not single["grey", "10"]["ssim"]
    assert not any(row["ms_ssim"] for row in single.values())
    assert not any(row["ssim"] for row in rows("out/points.tsv"))
    file = encode(photo(9, 30)[..., 0], "JPEG", quality=10)
    assert int(single["grey", "10"]["bytes"]) in (
        len(file),
        len(encode(photo(9, 30)[..., 0], "JPEG", quality=10, optimize=True, progressive=True)),
    )
    assert "ssim-rgb" not in json.loads(Path("out/jpeg.json").read_text())["results"]
    assert (
        "no BD-rate by MS-SSIM of jpeg-optimised: the anchor's curve has 0 points; a BD-rate "
        "needs 4" in output
    )


def test_codecs_that_are_lacking_are_named_and_left_out(command, tmp_path, monkeypatch):
    for name in PRESENT:
        short = replace(CODECS[name], qualities=CODECS[name].qualities[:1])
        monkeypatch.setitem(CODECS, name, short)
    monkeypatch.setattr(encoders, "imagecodecs", None)
    real = encoders.features.check
    monkeypatch.setattr(encoders.features, "check", lambda name: name != "avif" and real(name))
    images = put_images(tmp_path / "pictures", size=(30, 30))
    status, output, errors = command("--data", images, "--out", "out")
    assert status == 0
    assert "note: avif is left out; it needs a Pillow that was built with AVIF" in errors
    assert "note: jpegxl is left out; it needs pip install imagecodecs" in errors
    assert "webp" in output and not Path("out/avif.json").exists()
    assert json.loads(Path("out/versions.json").read_text())["left_out"] == ["avif", "jpegxl"]
    monkeypatch.setattr(encoders.features, "check", lambda name: False)
    said = error_of(command("--data", images, "--out", "none"))
    assert said == "no codec is installed; Pillow's wheels bring them"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--out", "full"), "full: is not empty; choose another --out"),
        (("--out", "file"), "file: is a file, not a folder; choose another --out"),
        (("--out", "file/x"), "file/x: could not be made: Not a directory"),
        (("--data", "nowhere"), "nowhere: no such folder, and FNNET_DATA"),
        (("--data", "full"), "full: looked for images here or in originals"),
        (("--data", "bad"), "bad/b.png: ends after 300 bytes"),
        (("--tims",), "unknown option --tims; did you mean --times?"),
    ],
    ids=str,
)
def test_bad_options_get_one_sentence_before_the_work(
    command, tmp_path, monkeypatch, args, sentence
):
    monkeypatch.delenv("FNNET_DATA", raising=False)
    monkeypatch.setattr(measurement, "measure", None)
    Path("file").write_text("mine")
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    put_images(tmp_path / "bad")
    Path("bad/b.png").write_bytes(Path("bad/b.png").read_bytes()[:300])
    before = sorted(map(str, Path().rglob("*")))
    assert error_of(command(*args)).startswith(sentence)
    assert sorted(map(str, Path().rglob("*"))) == before


def test_a_full_disk_leaves_no_half_of_the_results(command, tmp_path, few, monkeypatch):
    images = put_images(tmp_path / "pictures")
    real = storage.write_whole

    def write_whole(path, content):
        if path.name == "psnr.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, content)

    monkeypatch.setattr(storage, "write_whole", write_whole)
    said = error_of(command("--data", images, "--out", "out"))
    assert said == "out/psnr.png: could not be written: No space left on device"
    assert not Path("out").exists()
    Path("out").mkdir()
    error_of(command("--data", images, "--out", "out"))
    assert not list(Path("out").iterdir())
    monkeypatch.setattr(storage, "write_whole", real)
    status, output, _ = command("--data", images, "--out", "out")
    assert status == 0 and "16 of them known" in output


def test_an_image_that_a_codec_cannot_take_is_named(command, tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "imagecodecs", None)
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (16400, 1)).save(folder / "long.png")
    for name in ("avif", "jpeg2000", "jpeg", "jpeg-optimised"):
        monkeypatch.delitem(CODECS, name)
    said = error_of(command("--data", folder, "--out", "out"))
    assert said.startswith(
        f"{folder / 'long.png'}: webp cannot encode these 16400x1 pixels at 20: "
    )
    assert not Path("out").exists()


def test_times_are_taken_where_asked_for(command, tmp_path, few):
    images = put_images(tmp_path / "pictures", size=(64, 64))
    status, output, _ = command("--data", images, "--out", "out", "--times")
    assert status == 0 and "megapixels per second" in output and "timed 16/16" in output
    found = rows("out/times.tsv")
    assert len(found) == 8
    for row in found:
        for way in ("encode", "decode"):
            low, median, high = (
                float(row[f"{way}_{part}"]) for part in ("low_quartile", "median", "high_quartile")
            )
            assert 0 < low <= median <= high


@pytest.mark.slow
def test_processes_give_what_one_gives(monkeypatch):
    monkeypatch.setattr(measurement, "cores", lambda: 2)
    images = [StoredImage.of(photo(60, 50, top), name) for name, top in (("a", 10), ("b", 90))]
    encodings = [Encoding(image, "jpeg", q) for image in images for q in (10, 50)]
    by_two, by_one = {}, {}
    measure_all(encodings, by_two.__setitem__)
    monkeypatch.setattr(measurement, "cores", lambda: 1)
    measure_all(encodings, by_one.__setitem__)
    assert by_two == by_one and len(by_two) == 4


class Deadly:
    """An image that ends the process which it is sent to."""

    shape = (4, 4, 3)

    def __reduce__(self):
        return os._exit, (1,)


HELD = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from experiments.codecs.processes import _workers
if __name__ == "__main__":
    with _workers(1) as workers:
        print(workers.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_workers_end_with_their_parent(tmp_path):
    Path("held.py").write_text(HELD)
    root = Path(folders.__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "held.py"],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
    ) as process:
        worker = int(process.stdout.readline())
        assert worker != process.pid
        process.kill()
        # The end of the output that they share with their parent, which is gone.
        assert process.communicate(timeout=10) == (b"", None)


@pytest.mark.slow
def test_what_goes_wrong_in_a_process_is_told(monkeypatch):
    monkeypatch.setattr(measurement, "cores", lambda: 2)
    with pytest.raises(RunError, match="a worker process ended before its task did"):
        measure_all([Encoding(Deadly(), "jpeg", q) for q in (1, 2)], lambda *_: None)
    long = StoredImage.of(np.zeros((1, 16400, 3), np.uint8), "long")
    with pytest.raises(ImageError, match="long: webp cannot encode these 16400x1 pixels at 5"):
        measure_all([Encoding(long, "webp", q) for q in (50, 51, 52)], lambda *_: None)


@pytest.mark.slow
def test_kodak_s_points_are_met(data_root):
    expected = {
        (row["codec"], int(row["quality"])): row
        for row in rows(BASELINES)
        if row["source"] == "measured"
        and row["codec"] in PRESENT
        and f"Pillow {PIL.__version__}," in row["versions"]
    }
    if not expected:
        pytest.skip(f"no points are known of Pillow {PIL.__version__}")
    measured = list(expected)[::2]
    encodings = [
        Encoding(image, codec, quality)
        for codec, quality in measured
        for image in open_set("kodak").originals
    ]
    measurements = dict.fromkeys(encodings)
    measure_all(encodings, measurements.__setitem__)
    means = mean_points(measurements)
    assert len(means) == len(measured) == 18
    for mean in means:
        row = expected[mean.codec, mean.quality]
        assert mean.bits_per_pixel == pytest.approx(float(row["bpp"]), rel=0.005)
        assert mean.psnr == pytest.approx(float(row["psnr_rgb"]), abs=0.02)
        assert mean.ms_ssim == pytest.approx(float(row["ms_ssim"]), abs=0.0005)
    assert len(curves(means, "psnr")["jpeg"]) == 5
