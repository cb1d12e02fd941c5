"""Images through files: tables, sizes, tiles, the commands compress and decompress."""

import jax
import numpy as np
import pytest
from options import train_config
from PIL import Image
from skimage import data
from sweep_builders import put_sets

from experiments import train
from experiments.fnn import FnnError, Tables, ideal_bits
from experiments.fnn.frequencies import TOTAL
from experiments.images import jpeg_version, read_image, version_within
from experiments.networks import architectures, configs
from experiments.networks import codec as codec_module
from experiments.networks.codec import Codec, with_tables
from experiments.runs.run import open_run

pytestmark = pytest.mark.usefixtures("unoptimised")
SETTINGS = {
    "mlp": {"block": 8, "width": 8, "bottleneck": 3, "latents": "bounded"},
    "shallow": {"bottleneck": 2, "latents": "bounded"},
    "conv": {"width": 4, "bottleneck": 3, "depth": 2, "latents": "bounded"},
    "residual": {"width": 4, "depth": 1, "bottleneck": 5, "latents": "bounded"},
    "pyramid": {
        **{"width": 4, "depth": 1, "bottleneck": 6, "latents": "penalised"},
        "distortion_weights": [0.01, 0.1],
    },
}
# For what compiles much: two kinds of latents, with reach and without.
every_network = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n not in ("mlp", "pyramid"))) for n in SETTINGS],
)
PHOTO = data.chelsea()[:131, :170]
MADE = {}


def made(name):
    """A model that is not trained, with the tables of one photograph."""
    if name not in MADE:
        config = configs.configure(name, **SETTINGS[name])
        model = architectures.build(config)
        params, state = jax.jit(model.init, static_argnums=1)(jax.random.key(0), (32, 32, 3))
        # Larger weights than an untrained network's: latents of all kinds.
        params = {
            part: _louder(leaves) if part == "encoder" else leaves
            for part, leaves in params.items()
        }
        state = with_tables(model, params, state, [data.astronaut()])
        MADE[name] = model, params, state, configs.to_json(config)
    return MADE[name]


def _louder(tree):
    return jax.tree.map(lambda leaf: np.float32(1.5) * np.asarray(leaf), tree)


def through(codec, pixels, rate):
    written = codec.write(pixels, rate)
    return written, codec.read(written.data)


@every_network
def test_what_is_read_is_the_network_s_own_result_and_costs_what_the_tables_say(name):
    model, params, state, record = made(name)
    codec = Codec(model, params, state, record)
    encode, decode = jax.jit(model.encode), jax.jit(model.decode, static_argnums=4)
    x = np.float32(PHOTO[None]) / 255
    for rate in range(codec.rates):
        written, read = through(codec, PHOTO, rate)
        index = np.array([rate])
        latents = np.asarray(encode(params, state, x, index))
        expected = decode(params, state, latents, index, PHOTO.shape[:2])[0]
        expected = np.rint(np.clip(np.asarray(expected), 0, 1) * 255)
        assert np.abs(read.pixels - expected).max() <= 1  # compiled, sums come in another order
        assert (read.rate, read.is_grey) == (rate, False)
        ideal = ideal_bits(latents[0].astype(np.int32), codec.tables[rate])
        assert len(written.data) <= 1.01 * ideal / 8 + 64
        assert written.ideal_bits == pytest.approx(ideal, rel=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 5), (64, 64)])
def test_images_of_any_size_come_back_in_their_size(size):
    codec = Codec(*made("pyramid"))
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    _, read = through(codec, pixels, 1)
    assert read.pixels.shape == (*size, 3)


def test_a_grey_image_comes_back_as_the_mean_of_the_channels():
    codec = Codec(*made("conv"))
    colour = codec.read(codec.write(PHOTO, 0).data)
    grey = codec.read(codec.write(PHOTO, 0, is_grey=True).data)
    assert grey.is_grey and not colour.is_grey
    mean = colour.pixels.mean(-1, keepdims=True).round()
    np.testing.assert_array_equal(grey.pixels, np.repeat(mean, 3, axis=-1))


@pytest.mark.parametrize("name", SETTINGS)
def test_tables_hold_all_but_the_rarest_latents_of_the_images_they_were_made_of(name):
    codec = Codec(*made(name))
    for rate, tables in enumerate(codec.tables):
        assert isinstance(tables, Tables) and (tables.freq.sum(1, dtype=int) == TOTAL).all()
        written = codec.write(data.astronaut(), rate)
        assert written.escapes < 3e-3


def test_tables_cost_fewer_bits_than_even_frequencies():
    model, params, state, record = made("shallow")
    codec = Codec(model, params, state, record)
    latents = codec._coder.latents(data.astronaut(), 0)
    even = np.log2(codec.tables[0].size[0] - 1) * latents.size
    assert ideal_bits(latents, codec.tables[0]) < even


@every_network
def test_an_image_in_tiles_is_the_image_as_a_whole(name, monkeypatch):
    model, params, state, _ = made(name)
    pixels = np.tile(data.coffee()[:150, :130], (2, 2, 1))
    whole = codec_module._Coder(model, params, state)
    latents = whole.latents(pixels, 0)
    monkeypatch.setattr(codec_module, "_TILE", 96)
    tiled = codec_module._Coder(model, params, state)
    assert tiled._measured_reach is not None
    seen = []
    monkeypatch.setattr(tiled, "_encode", _spied(tiled._encode, seen))
    differing = tiled.latents(pixels, 0) != latents
    assert len(seen) > 9 and max(shape[1] for shape in seen) < 300
    assert differing.mean() < 1e-3  # a sum in another order may round the other way
    mine, theirs = (coder.pixels(latents, 0, pixels.shape[:2]) for coder in (whole, tiled))
    assert np.abs(mine.astype(int) - theirs).max() <= 1


def _spied(function, seen):
    def call(params, state, x, rate):
        seen.append(x.shape)
        return function(params, state, x, rate)

    return call


def test_the_reach_of_a_network_is_followed_to_its_edge():
    """One 8x8 convolution of stride 4 and its transpose see the neighbouring cells."""
    model, params, state, _ = made("shallow")
    assert codec_module._Coder(model, params, state)._measured_reach == 1
    model, params, state, _ = made("mlp")
    assert codec_module._Coder(model, params, state)._measured_reach == 0


def test_the_digest_names_config_weights_and_tables():
    _, params, state, record = made("shallow")
    own = codec_module.digest(params, state, record)
    assert len(own) == 8 and own == codec_module.digest(
        params, state, dict(reversed(record.items()))
    )
    other = jax.tree.map(lambda leaf: leaf, params)
    other["decoder"]["conv_transpose2d_0"]["bias"] = (
        other["decoder"]["conv_transpose2d_0"]["bias"] + 1e-3
    )
    tables = state | {"tables": state["tables"] | {"start": state["tables"]["start"] - 1}}
    digests = {
        own,
        codec_module.digest(other, state, record),
        codec_module.digest(params, tables, record),
        codec_module.digest(params, state, record | {"stride": 2}),
    }
    assert len(digests) == 4


def test_damaged_tables_are_refused_before_anything_is_read():
    model, params, state, record = made("shallow")
    freq = np.array(state["tables"]["freq"])
    freq[0, 0, 0] += 1
    damaged = state | {"tables": state["tables"] | {"freq": freq}}
    with pytest.raises(FnnError, match="tables, channel 0: frequencies sum to 65537"):
        Codec(model, params, damaged, record)


def test_a_jpeg_version_within_a_limit_is_of_the_best_quality_that_fits():
    for limit in (3000, 9000, 1):
        pixels, size, quality = version_within(PHOTO, limit, is_grey=False)
        assert size <= limit or quality == 1
        again, same = jpeg_version(PHOTO, quality)
        assert same == size and (again == pixels).all()
        assert jpeg_version(PHOTO, quality + 1)[1] > limit


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    model = {"model": "shallow", "latents": "penalised", "distortion_weights": (0.01, 0.1, 1.0)}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FNNET_DATA", raising=False)
        train.main(train_config(tiny=True, **model, out=folder))
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(PHOTO).save(folder / "a.png")
    Image.fromarray(data.camera()[:40, :70]).save(folder / "grey.png")
    return folder


def test_a_folder_of_images_goes_to_files_and_back(run, trained, images, tmp_path):
    status, output, errors = run("compress", trained, images, "-o", tmp_path / "files")
    assert (status, errors) == (0, "")
    files = sorted((tmp_path / "files").iterdir())
    assert [path.name for path in files] == ["a.fnn", "grey.fnn"]
    total = sum(path.stat().st_size for path in files)
    rate = 8 * total / (131 * 170 + 40 * 70)
    assert f"2 of 2 images written to {tmp_path / 'files'}\n" in output
    assert f"{total:,} bytes, {rate:.3f} bits per pixel\n" in output
    status, output, errors = run("decompress", trained, tmp_path / "files", "-o", tmp_path / "out")
    assert (status, errors) == (0, "")
    with Image.open(tmp_path / "out" / "grey.png") as grey:
        assert (grey.mode, grey.size) == ("L", (70, 40))
    codec = open_run(trained).codec()
    expected = codec.read(files[0]).pixels
    assert (read_image(tmp_path / "out" / "a.png").pixels == expected).all()


def test_one_image_goes_to_one_file_at_the_rate_that_is_asked_for(run, trained, images, tmp_path):
    sizes = []
    for rate in (1, 2, 3):
        path = tmp_path / f"{rate}.fnn"
        assert run("compress", trained, images / "a.png", "-o", path, "--rate", rate)[0] == 0
        assert path.read_bytes()[7] == rate - 1
        sizes.append(path.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]
    assert run("decompress", trained, tmp_path / "1.fnn", "-o", tmp_path / "1.png")[0] == 0


def test_what_cannot_be_read_is_named_and_the_rest_is_done(run, trained, images, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    status, _, errors = run(
        "compress", trained, tmp_path / "in" / "b.png", images, "-o", tmp_path / "c"
    )
    assert status == 2 and "b.png" in errors
    assert errors.endswith(f"error: {tmp_path / 'c'}: 1 of 3 images are missing there\n")
    whole = (tmp_path / "c" / "a.fnn").read_bytes()
    (tmp_path / "c" / "a.fnn").write_bytes(whole[:-1])
    status, output, errors = run("decompress", trained, tmp_path / "c", "-o", tmp_path / "d")
    assert status == 2 and "1 of 2 images written" in output
    size = len(whole)
    assert f"a.fnn: file has {size - 1} bytes, its header states {size}: truncated" in errors
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["grey.png"]


SENTENCES = [
    (
        ("compress", "RUN", "IMAGES", "-o", "x", "--rate", 4),
        "--rate 4: must be in 1..3 for this run",
    ),
    (
        ("compress", "RUN", "IMAGES", "-o", "x.png"),
        "x.png: results are .fnn files; end it in .fnn",
    ),
    (
        ("compress", "RUN", "IMAGES", "--rat", 1, "-o", "x"),
        "unknown option --rat; did you mean --rate?",
    ),
    (("decompress", "RUN", "IMAGES", "-o", "x"), "IMAGES: holds no .fnn file"),
    (("decompress", "RUN", "IMAGES", "--ot", "x"), "unknown option --ot; did you mean --out?"),
    (
        ("decompress", "nowhere", "a.fnn", "-o", "x"),
        "nowhere: no such folder; released weights: pyramid",
    ),
    (("evaluate", "RUN", "--curve", "--rate", 1), "--rate 1: --curve measures all of them"),
    (
        ("evaluate", "RUN", "--quality", 10),
        "--quality 10: this run is measured beside JPEG files of its own size",
    ),
]


@pytest.mark.parametrize(("args", "sentence"), SENTENCES, ids=lambda value: str(value)[:40])
def test_wrong_uses_get_one_sentence(run, trained, images, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    places = {"RUN": trained, "IMAGES": images}
    args = [places.get(arg, arg) for arg in args]
    status, _, errors = run(*args)
    assert status == 2
    assert errors.splitlines()[-1] == "error: " + sentence.replace("IMAGES", str(images))


@pytest.mark.slow
def test_a_run_of_another_task_or_one_that_is_not_ended_writes_no_files(
    run, images, tmp_path, monkeypatch
):
    monkeypatch.delenv("FNNET_DATA", raising=False)
    folder, small = tmp_path / "restore", {"data": put_sets(tmp_path)[1], "patch": 32}
    train.main(train_config(tiny=True, task="restore", steps=1, out=folder, **small))
    status, _, errors = run("compress", folder, images, "-o", tmp_path / "x")
    assert (status, errors) == (
        2,
        f"error: {folder}: the run's latents are real numbers, which no file holds; train one "
        "with --task autoencode\n",
    )
    with monkeypatch.context() as patch:
        patch.setattr("experiments.training.running.with_tables", lambda *args: 1 / 0)
        model = {"model": "shallow", "latents": "penalised", "distortion_weights": (0.01, 0.1)}
        with pytest.raises(ZeroDivisionError):
            train.main(train_config(tiny=True, steps=2, out=tmp_path / "broken", **small, **model))
    status, _, errors = run("compress", tmp_path / "broken", images, "-o", tmp_path / "x")
    assert status == 2 and "the run's tables are not built yet" in errors
    assert run("train", "--resume", tmp_path / "broken")[0] == 0
    assert (
        run("train", "--config", tmp_path / "broken" / "config.json", "--out", tmp_path / "again")[
            0
        ]
        == 0
    )
    assert run("compress", tmp_path / "broken", images, "-o", tmp_path / "x")[0] == 0


@pytest.mark.slow
def test_every_image_of_live1_decodes_to_the_latents_that_were_encoded(data_root, trained):
    codec = open_run(trained).codec()
    for path in sorted((data_root / "live1" / "originals").iterdir()):
        pixels = read_image(path).pixels
        for rate in range(codec.rates):
            written = codec.write(pixels, rate)
            latents = codec._coder.latents(pixels, rate)
            _, read = codec_module.read(written.data, codec._model)
            np.testing.assert_array_equal(read, latents)
            assert len(written.data) <= 1.01 * ideal_bits(latents, codec.tables[rate]) / 8 + 64
