"""Small images and short trials that the tests of sweeps are made of."""

from dataclasses import replace

from PIL import Image
from skimage import data

from experiments.evaluation.pairs import Pair
from experiments.images import StoredImage, made_version
from experiments.networks import configs
from experiments.sweeps.material import Material
from experiments.sweeps.plan import QUALITY, plan

SHALLOW = configs.configure("shallow", latents="bounded", bottleneck=4)


def material(train=3, test=2):
    """Images of 40 x 48 pixels, of one photograph to train on and one to test on."""
    astronaut, coffee = data.astronaut(), data.coffee()
    return Material(
        "these",
        "those",
        tuple(pair(astronaut, index, "train") for index in range(train)),
        tuple(pair(coffee, index, "test") for index in range(test)),
    )


def pair(photo, index, side):
    pixels = photo[40 * index : 40 * index + 40, 100:148].copy()
    version = made_version(pixels, QUALITY, is_grey=False)
    return Pair(StoredImage.of(pixels, f"{side}-{index}"), side, lambda: version)


def trial(images, axis="activation", model=SHALLOW, **options):
    """One of 3 steps of the smallest network; `options` replace the trial's own."""
    first = plan((axis,), "tiny", 1, images)[0]
    return replace(first, model=model, options=replace(first.options, **({"steps": 3} | options)))


def put_sets(root):
    """Write sets of small images of these photographs; give the options that name them."""
    for name, photo in (("these", data.astronaut()), ("those", data.coffee())):
        (root / name).mkdir()
        for index in range(3):
            pixels = photo[90 * index : 90 * index + 40, 100:148]
            Image.fromarray(pixels).save(root / name / f"{name}{index}.png")
    return "--data", str(root / "these"), "--test", str(root / "those")


def without_times(record):
    """Leave out of a record what no two runs have in common."""
    return replace(
        record,
        seconds=None,
        encode_seconds_per_megapixel=None,
        decode_seconds_per_megapixel=None,
        curve=tuple(replace(row, seconds=None) for row in record.curve),
    )
