"""A run is not measured on images that it was trained on unless it is said so."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from image_builders import noise

from experiments.cli import console
from experiments.evaluation import leakage
from experiments.evaluation.pairs import Pair
from experiments.evaluation.scores import Score
from experiments.evaluation.tables import score_table
from experiments.images import StoredImage
from experiments.networks.tasks import TASKS
from experiments.system.errors import RunError

WAY_OUT = (
    "; leave --data out to measure on this run's own held-out images, or add --allow-overlap to "
    "go on with these labelled"
)


def pair(name, pixels, split="new"):
    return Pair(StoredImage.of(pixels, name), split, lambda: (pixels, None))


def make_run(*pairs):
    """What a run's record says of pairs."""
    images = [
        {
            "name": pair.image.name,
            "sha256": pair.image.sha256,
            "fingerprint": pair.image.fingerprint,
            "side": pair.split,
            "of a later version": 1,
        }
        for pair in pairs
    ]
    return SimpleNamespace(folder=Path("RUN"), record=SimpleNamespace(pictures=images))


def refusal(pairs, run):
    with pytest.raises(RunError) as caught:
        leakage.mark_trained(pairs, run, allow_overlap=False)
    return str(caught.value)


def test_images_of_other_splits_and_other_sets_are_no_overlap():
    held_out = [pair("v", noise(seed=1), "validation"), pair("t", noise(seed=2), "test")]
    run = make_run(pair("a", noise(seed=0), "train"), *held_out)
    pairs = [*held_out, pair("a", noise(seed=3))]
    assert leakage.splits(run) == {
        run.record.pictures[0]["sha256"]: "train",
        held_out[0].image.sha256: "validation",
        held_out[1].image.sha256: "test",
    }
    for allow in (False, True):
        marked = leakage.mark_trained(pairs, run, allow_overlap=allow)
        assert [pair.split for pair in marked] == ["validation", "test", "new"]
    assert leakage.stamp(pairs) is None


def test_shared_images_are_named_with_how_they_are_shared():
    run = make_run(pair("a", noise(seed=0), "train"), pair("b", noise(seed=1), "train"))
    pairs = [
        pair("a", noise(seed=0)),
        pair("c\n\x1b[1m", noise(seed=1)[:, ::-1]),
        pair("d [x] (y)", noise(seed=0)),
        pair("mine", noise(seed=2)),
    ]
    assert refusal(pairs, run) == (
        "3 of 4 images were trained on: a (identical), 'c\\n\\x1b[1m' (b, looks the same, "
        "distance 0 of 255), d [x] (y) (a, identical)" + WAY_OUT
    )
    marked = leakage.mark_trained(pairs, run, allow_overlap=True)
    assert [pair.split for pair in marked] == ["train", "train", "train", "new"]
    assert all(one.image is other.image for one, other in zip(marked, pairs, strict=True))
    assert leakage.stamp(marked) == (
        "3 of 4 images were trained on: no mean over them is a held-out result"
    )


def test_eight_names_are_listed_and_the_rest_counted():
    pairs = [pair(f"p{index:02d}", noise(4, 4, seed=index), "train") for index in range(11)]
    listed = ", ".join(f"p{index:02d} (identical)" for index in range(8))
    run = make_run(*pairs)
    assert refusal(pairs, run) == (
        f"11 of 11 images were trained on: {listed} and 3 more" + WAY_OUT
    )
    assert refusal(pairs[:8], run) == f"8 of 8 images were trained on: {listed}" + WAY_OUT


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (3, "3 is no image"),
        ({"name": "a", "side": "train"}, "{'name': 'a', 'side': 'train'} is no image"),
        (
            {"name": "\n", "sha256": "0", "side": "train", "fingerprint": "z" * 64},
            "the fingerprint of '\\n'",
        ),
        (
            {"name": 5, "sha256": "0", "side": "train", "fingerprint": "1x1"},
            "{'name': 5, 'sha256': '0', 'side': 'train', 'fingerprint': '1x1'} is no image",
        ),
        (
            {"name": "a", "sha256": "0", "side": "Train", "fingerprint": "1x1"},
            "the split of a",
        ),
    ],
    ids=["number", "no hash", "no digits", "no text", "no side"],
)
def test_a_damaged_list_of_images_is_told(damaged, what):
    run = make_run()
    run.record.pictures.append(damaged)
    assert refusal([pair("a", noise())], run) == (
        f"RUN/record.json: its list of images is damaged: {what}"
    )


def test_a_record_without_training_images_is_told():
    run = make_run(pair("a", noise(), "test"))
    assert refusal([pair("a", noise())], run) == (
        "RUN/record.json: its list of images is damaged: none is in the split 'train'"
    )


def test_the_stamped_table_keeps_training_images_out_of_the_new_mean(capsys):
    def score(name, side, psnr):
        return Score(name, side, psnr, None, 20.0, None, None)

    scores = [score("seen", "train", 40.0), score("one", "new", 30.0), score("two", "new", 31.0)]
    console.terminal().print(score_table(scores, TASKS["restore"], 10, stamp="1 of 3 images [b]"))
    printed = capsys.readouterr().out
    lines = [line.split("│") for line in printed.split("\n") if "│" in line]
    cells = [[cell.strip() for cell in line[1:3]] + [line[6].strip()] for line in lines]
    assert cells == [
        ["one", "new", "30.00"],
        ["two", "new", "31.00"],
        ["seen", "training", "40.00"],
        ["mean of 2", "new", "30.50"],
        ["mean of 1", "training", "40.00"],
    ]
    assert "1 of 3 images [b]" in printed
    console.terminal().print(score_table(scores, TASKS["restore"], 10))
    assert "seen" not in capsys.readouterr().out
