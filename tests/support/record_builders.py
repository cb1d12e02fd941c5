"""Records as a sweep would write them, with effects that are known."""

import json
from dataclasses import replace

import numpy as np
from PIL import Image

from experiments.networks import configs
from experiments.sweeps import records
from experiments.sweeps.records import ImageRecord, Record
from experiments.sweeps.trials import Options, Sets, Trial
from experiments.training.stability import CurveRow, Stability

MODEL = configs.configure("conv", latents="bounded")
OPTIONS = Options(steps=200, batch=16, patch=64, clip=1.0)
COSTS = {
    "parameters": 120_000,
    "multiply_adds_per_pixel": 5_400.0,
    "latents_per_pixel": 0.05,
    "steps": 200,
    "encode_seconds_per_megapixel": 0.4,
    "decode_seconds_per_megapixel": 0.5,
}
STEADY = Stability(
    spikes=0,
    largest_loss_ratio=1.4,
    skipped_steps=0,
    gradient_norm_median=0.3,
    gradient_norm_highest=2.0,
)
PIXELS = 64 * 64
DIFFICULTY = {f"p{index}": 24.0 + 1.7 * index for index in range(6)}


def image(name, *, psnr, rate=0, pixels=PIXELS, file_bytes=256, jpeg_psnr=None):
    return ImageRecord(
        name=name,
        pixels=pixels,
        rate=rate,
        file_bytes=file_bytes,
        ideal_bytes=None if file_bytes is None else 0.97 * file_bytes,
        psnr=psnr,
        ssim=0.9,
        jpeg_psnr=psnr - 1.0 if jpeg_psnr is None else jpeg_psnr,
        jpeg_ssim=0.88,
        jpeg_bytes=file_bytes,
    )


def images(effect, *, seed=0, noise=0.0, rates=(0,), prefix="", task="autoencode"):
    """Images of known difficulty, each better by `effect` and by noise of the run's own."""
    generator = np.random.default_rng([seed, int(1e6 * abs(effect)), len(prefix)])
    return tuple(
        image(
            prefix + name,
            psnr=base + effect + 2.5 * rate + noise * float(generator.normal()),
            jpeg_psnr=base + 2.0 * rate - 0.5,
            rate=rate if task == "autoencode" else None,
            file_bytes=(256 + 40 * index) * (1 + rate) if task == "autoencode" else None,
        )
        for index, (name, base) in enumerate(DIFFICULTY.items())
        for rate in rates
    )


def curve(effect, steps=200):
    return tuple(
        CurveRow(
            step=step,
            loss=1 / step,
            psnr=20 + effect + float(np.log(step)),
            held_out_psnr=19.5 + effect + float(np.log(step)) if step % 20 == 0 else None,
            gradient_norm=3 / step**0.5,
            learning_rate=1e-3,
            seconds=step * 0.1,
        )
        for step in range(10, steps + 1, 10)
    )


def record(axis="activation", value="relu", *, seed=0, effect=0.0, baseline=False, **changes):
    """One record; `changes` replace fields of it or of its trial."""
    test, noise = changes.pop("test", "kodak"), changes.pop("noise", 0.0)
    trial = Trial(
        axis=axis,
        value=value,
        baseline=baseline,
        seed=seed,
        task=changes.pop("task", "autoencode"),
        budget=changes.pop("budget", "tiny"),
        model=MODEL,
        options=OPTIONS,
        data=Sets(train="patches", test=test, pictures=100),
        kind=changes.pop("kind", "ablation"),
    )
    rates = changes.pop("rates", (0,))
    settings = {"seed": seed, "noise": noise, "rates": rates, "task": trial.task}
    whole = Record(
        kind=trial.kind,
        identity=trial.identity,
        status="finished",
        trial=trial,
        environment={"python": "3.12.1", "jax": "0.12.0", "cores": 2},
        pictures="abc",
        seconds=61.5 + seed,
        held_out=images(effect, **settings),
        trained_on=images(effect + 0.2, prefix="t", **settings),
        steps_to={"22": 40, "24": 120},
        stability=STEADY,
        curve=curve(effect),
        **COSTS,
    )
    return replace(whole, **changes)


def change_trial(row, **changes):
    """The same measurements, of a trial with other values."""
    trial = replace(row.trial, **changes)
    return replace(row, kind=trial.kind, identity=trial.identity, trial=trial)


def change_images(row, change, *, split="held_out"):
    """The same record with other images: ``change(image)`` gives those fields that differ."""
    rows = tuple(replace(each, **change(each)) for each in vars(row)[split])
    return replace(row, **{split: rows})


def diverged(axis="activation", value="relu", **changes):
    return record(axis, value, status="diverged", held_out=(), trained_on=(), **changes)


def sweep(axis, effects, *, seeds=(0, 1, 2), noise=0.02, **changes):
    """An axis: effects by value, the first the baseline."""
    first = next(iter(effects))
    return [
        record(
            axis, value, seed=seed, effect=effect, baseline=value == first, noise=noise, **changes
        )
        for value, effect in effects.items()
        for seed in seeds
    ]


def rung(name, *, psnr=28.0, rates=(0, 1, 2, 3), test="kodak", **changes):
    return record(name, name, kind="rung", effect=psnr - 28.0, rates=rates, test=test, **changes)


def sparse():
    """Lists of records with which a report has little to show."""
    return [
        [record(baseline=True)],
        [diverged(baseline=True), diverged(value="gelu")],
        [rung("one", rates=(0,))],
        [rung("one", task="restore", rates=(0,))],
        [diverged("one", kind="rung")],
        [record(held_out=(), trained_on=())],
        [rung("one", held_out=(image("p", psnr=float("inf")),))],
        [record(seconds=0.0, curve=()), record(value="gelu", baseline=True, curve=())],
        [record(encode_seconds_per_megapixel=None, held_out=(image("p", psnr=3.0),))],
        [diverged("task", "emulate", task="emulate")],
    ]


def write(path, rows):
    """Write records, or lines that are none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [records.to_json(row) if isinstance(row, Record) else row for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def anchor_rows(codecs=("jpeg", "webp"), images=6):
    """A points.tsv: JPEG's curve, and others that take fewer bits."""
    lines = ["codec\tquality\tpictures\tbpp\tpsnr_rgb\tssim\tms_ssim"]
    qualities = (5, 10, 20, 30, 50, 70, 90, 95)
    for index, codec in enumerate(codecs):
        for place, quality in enumerate(qualities):
            bpp = 0.22 * 1.48**place * 0.85**index
            psnr = 24.0 + 2.2 * place
            lines.append(f"{codec}\t{quality}\t{images}\t{bpp:.6f}\t{psnr:.6f}\t0.9\t0.95")
    return "\n".join(lines) + "\n"


def write_anchors(folder, test="kodak", **changes):
    path = folder / "anchors" / test / "points.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(anchor_rows(**changes))
    return path


def write_crops(folder, *, count=1, size=(96, 64)):
    """Crops of made-up images, and their manifest; the folder that they lie in."""
    crops = folder / "crops"
    crops.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[: size[1], : size[0]]
    pixels = np.stack([rows * 3, columns * 2, (rows + columns) % 200], -1).astype(np.uint8)
    entries = []
    for index in range(count):
        entry = {"rung": "hyperprior, GDN", "rate": index, "picture": "ramp"}
        for name, step in (("original", 1), ("jpeg", 32), ("reconstruction", 8)):
            entry[name] = f"{index}-{name}.{'webp' if name == 'jpeg' else 'png'}"
            Image.fromarray(pixels // step * step).save(crops / entry[name], lossless=True)
        rates = {"bits_per_pixel": 0.31, "jpeg_bits_per_pixel": 0.3}
        entries.append(entry | rates | {"psnr": 28.1, "jpeg_psnr": 26.4})
    (crops / "crops.json").write_text(json.dumps(entries))
    return crops


def everything(folder):
    """A folder of all that a report can show; where it is."""
    rows = [
        *sweep("activation", {"relu": 0, "gelu": 0.31, "tanh": -0.8, "leaky relu": 0.0}, noise=0.1),
        *sweep("normalisation", {"none": 0, "batch norm": -0.4, "GDN": 0.9}, noise=0.1),
        *sweep("optimizer", {"adam": 0, "momentum": -1.6, "muon": 0.5}, noise=0.15),
        *sweep("loss", {"mse": 0, "l1": 0.01}, noise=0.2),
        *sweep("residual", {"yes": 0, "no": -0.3}, seeds=(0,)),
        *sweep("depth", {"4 layers": 0, "8 layers": 0.6}, task="restore", test="a set of mine"),
        *(diverged("optimizer", value, seed=seed) for value, seed in (("momentum", 3), ("sgd", 0))),
        diverged("optimizer", "sgd", seed=1),
        rung("transform coding", psnr=26.2),
        rung("hyperprior, GDN", psnr=28.6),
        rung("plain, one rate", psnr=27.2, rates=(1,)),
        rung("hyperprior, GDN", psnr=28.2, test="a set of mine"),
    ]
    generator = np.random.default_rng(0)
    varied = []
    for row in rows:
        size, cost, time = generator.uniform(0.3, 3, size=3).tolist()
        varied.append(
            replace(
                row,
                parameters=int(size * row.parameters),
                multiply_adds_per_pixel=cost * row.multiply_adds_per_pixel,
                seconds=time * row.seconds,
            )
        )
    write(folder / "runs.jsonl", varied)
    (folder / "old.jsonl").write_text('{"format": 0}\n')
    write_anchors(folder, codecs=("jpeg", "webp", "jpeg2000", "avif"))
    write_crops(folder, count=2)
    return folder
