"""The page and its command: what is in it, what it needs, and what bad input gets."""

import base64
import io
import json
import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
import record_builders as build
from PIL import Image

from experiments import report
from experiments.networks import configs
from experiments.reporting import crops as crop_files
from experiments.reporting import section_ladder
from experiments.reporting.crops import error_map, read_crops
from experiments.reporting.curve_plot import over_steps
from experiments.reporting.ladder import ladder
from experiments.reporting.page import make_page
from experiments.reporting.scales import Scale, fitted, short, stacked

VOID = {"meta", "link", "img", "input", "br"}


@pytest.fixture
def command(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return partial(run, "report")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The text of a page of everything there can be."""
    folder = build.everything(tmp_path_factory.mktemp("records"))
    out = tmp_path_factory.mktemp("out") / "report"
    report.main(report.Config(records=(folder,), out=out))
    return (out / "report.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Elements as (name, attributes), each with the text in it; complains of bad nesting."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[2].append(data)

    def find(self, name):
        return [(attrs, "".join(words)) for tag, attrs, words in self.elements if tag == name]


def test_the_page_is_well_formed_and_its_ids_are_unique(page):
    elements = Page(page).elements
    ids = [attrs["id"] for _, attrs, _ in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs, _ in elements:
        for name in ("aria-labelledby", "for"):
            assert set(attrs.get(name, "").split()) <= set(ids)
        if attrs.get("href", "").startswith("#"):
            assert attrs["href"][1:] in ids


def test_what_each_rung_is_and_how_it_was_trained_stands_once():
    plain = {
        "model": configs.configure("conv", latents="bounded", pooling="max"),
        "options": replace(build.OPTIONS, clip=0.02, steps=4000),
    }
    penalised = {
        "model": configs.configure(
            "pyramid", latents="penalised", distortion_weights=(0.002, 0.01, 0.05)
        ),
        "options": replace(build.OPTIONS, optimizer="muon", schedule="linear"),
    }
    rungs = [
        build.change_trial(build.rung("a"), **plain),
        build.change_trial(build.rung("b"), **penalised),
        build.change_trial(build.rung("a", test="live1"), **plain),
    ]
    assert section_ladder.made_rows(ladder(rungs))[1] == [
        (
            *("a", "conv"),
            "latents bounded, depth 3, width 32, bottleneck 16, activation silu, pooling max",
            "adam, learning rate 0.002, schedule cosine, clip 0.02, batch 16, patch 64, 4,000 "
            "steps",
        ),
        (
            *("b", "pyramid"),
            "latents penalised, distortion weights 0.002 to 0.05, depth 2, width 48, bottleneck "
            "192, activation relu",
            "muon, learning rate 0.002, schedule linear, clip 1.0, batch 16, patch 64, 200 steps",
        ),
    ]


def test_the_page_needs_nothing_from_outside(page):
    # An svg's namespace would be a name, not a reference; inline ones do without.
    assert not re.search(r"https?://", page)
    assert not re.search(r"@import|url\(|<script[^>]+src|srcset", page)
    for _, attrs, _ in Page(page).elements:
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("#", "data:")), attrs


def test_every_drawing_says_what_it_shows(page):
    found = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(found) > 20
    for drawing in found:
        inside = Page(drawing)
        ((svg, _),) = inside.find("svg")
        ids = {
            attrs["id"]: words
            for name in ("title", "desc")
            for attrs, words in inside.find(name)
            if "id" in attrs
        }
        assert set(svg["aria-labelledby"].split()) == set(ids)
        assert all(words.strip() for words in ids.values())
        assert "nan" not in re.sub(r"<(title|desc).*?</\1>", "", drawing)
        numbers = [float(one) for one in re.findall(r' c?[xy][12]?="([^"]+)"', drawing)]
        width, height = map(float, svg["viewbox"].split()[2:])
        assert all(-10 <= one <= max(width, height) + 10 for one in numbers)


def test_every_section_has_its_heading_and_its_link(page):
    parsed = Page(page)
    headings = [words for _, words in parsed.find("h2")]
    assert headings == [
        *("The ladder", "What each choice does", "Which choice matters most"),
        *("What quality costs", "How they train", "See for yourself", "How it was measured"),
    ]
    assert len(parsed.find("a")) == len(headings)
    assert [words for _, words in parsed.find("h1")] == ["What shapes an image autoencoder"]


def test_images_and_controls_have_names(page):
    parsed = Page(page)
    assert all(attrs["alt"] for attrs, _ in parsed.find("img"))
    assert len(parsed.find("img")) == 10
    assert all(attrs["aria-label"] for attrs, _ in parsed.find("input"))
    assert all(attrs["aria-label"] for attrs, _ in parsed.find("nav"))


def test_what_is_wrong_is_named_in_the_page(page):
    for part in (
        "is of format 0, not 1",
        "3 of 51 runs diverged: optimizer momentum, seed 3",
        "one seed: no interval",
        "no difference",
        "The classical codecs were not measured on a set of mine",
    ):
        assert part in page, part


def test_the_page_is_small(page):
    assert len(page) < 1_500_000


def test_names_are_text_and_not_markup(command, tmp_path):
    rows = build.sweep("<b>axis</b>", {"a&b": 0.0, '"><script>alert(1)</script>': 0.5})
    rows.append(build.rung("<img src=x>"))
    build.write(tmp_path / "runs.jsonl", rows)
    status, _, errors = command("runs.jsonl", "-o", "out")
    assert (status, errors) == (0, "")
    parsed = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert len(parsed.find("script")) == 1
    assert not parsed.find("img")
    assert "<b>axis</b>" in [words for _, words in parsed.find("h3")]


@pytest.mark.parametrize("rows", build.sparse(), ids=range(10))
def test_any_records_make_a_page(command, tmp_path, rows):
    build.write(tmp_path / "runs.jsonl", rows)
    status, output, errors = command("runs.jsonl", "-o", "out")
    assert (status, errors) == (0, "")
    count = "1 run" if len(rows) == 1 else f"{len(rows)} runs"
    assert output == f"{count} shown in out/report.html\n"
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "There are no crops." in text
    assert "nan" not in re.sub(r"<style.*?</style>|<script.*?</script>", "", text, flags=re.DOTALL)
    Page(text)


def put(folder, name, content):
    (folder / name).write_text(content)
    return name


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["nowhere"], "nowhere: does not exist"),
        (["empty.jsonl"], "empty.jsonl: holds no records"),
        (["empty"], "empty: holds no records (files that end in .jsonl)"),
        (["old.jsonl"], "old.jsonl, line 1: is of format 0, not 1"),
        (
            ["old.jsonl", "nowhere"],
            "old.jsonl, line 1: is of format 0, not 1 (and 1 more of these)",
        ),
    ],
)
def test_nothing_to_show_is_an_error_with_the_reason(command, tmp_path, args, sentence):
    put(tmp_path, "empty.jsonl", "")
    put(tmp_path, "old.jsonl", '{"format": 0}\n')
    (tmp_path / "empty").mkdir()
    status, _, errors = command(*args, "-o", "out")
    assert (status, errors) == (2, f"error: there is no record to show: {sentence}\n")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_json_lines_is_named_and_the_rest_is_shown(command, tmp_path):
    put(tmp_path, "broken.jsonl", "no\n")
    build.write(tmp_path / "runs.jsonl", [build.rung("one")])
    status, _, errors = command(".", "-o", "out")
    assert status == 0
    assert errors.startswith("note: broken.jsonl: line 1 is not JSON: ")
    assert errors.count("\n") == 1
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "One thing was left out:" in page and "broken.jsonl: line 1 is not JSON" in page


def test_a_misspelt_option_behind_paths_is_refused(command, tmp_path):
    status, _, errors = command("runs.jsonl", "--outt", "out")
    assert (status, errors) == (2, "error: unknown option --outt; did you mean --out?\n")


def test_a_folder_that_is_not_empty_is_left_as_it_was(command, tmp_path):
    build.write(tmp_path / "runs.jsonl", [build.rung("one")])
    (tmp_path / "out").mkdir()
    put(tmp_path / "out", "mine", "")
    status, _, errors = command("runs.jsonl", "-o", "out")
    assert (status, errors) == (2, "error: out: is not empty; choose another --out\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"original": "../secret.png"}, "crop 1 names '../secret.png', which is not beside it"),
        ({"jpeg": "none.png"}, "none.png: "),
        ({"psnr": "high"}, "crop 1: Expected `float`, got `str` - at `$.psnr`"),
        ({"jpeg": "small.png"}, "crop 1 has images of different sizes"),
        ({"rung": None}, "crop 1: Expected `str`, got `null` - at `$.rung`"),
    ],
)
def test_a_crop_that_cannot_be_shown_is_named(tmp_path, change, sentence):
    folder = build.write_crops(tmp_path, count=2)
    Image.new("RGB", (8, 8)).save(folder / "small.png")
    manifest = folder / "crops.json"
    entries = json.loads(manifest.read_text())
    entries[0] |= change
    manifest.write_text(json.dumps(entries))
    crops, (fault,) = read_crops(tmp_path)
    assert len(crops) == 1
    assert sentence in fault


def test_a_manifest_that_is_no_list_is_named(tmp_path):
    (tmp_path / "crops").mkdir()
    put(tmp_path / "crops", "crops.json", "{}")
    assert read_crops(tmp_path) == ([], [f"{tmp_path}/crops/crops.json: is not a list of crops"])
    put(tmp_path / "crops", "crops.json", "{")
    assert "is not JSON" in read_crops(tmp_path)[1][0]


def test_an_error_map_goes_from_black_to_yellow_at_forty_grey_levels():
    original = np.zeros((1, 3, 3), np.uint8)
    other = np.zeros((1, 3, 3), np.uint8)
    other[0, 1], other[0, 2] = 40, 200
    colours = error_map(original, other)
    assert colours[0, 0].max() < 5
    assert (colours[0, 1] == colours[0, 2]).all()
    assert crop_files.ERROR_LIMIT == 40


def test_crops_of_other_rungs_than_the_records_are_not_shown(tmp_path):
    build.write_crops(tmp_path)
    shown = make_page([build.rung("hyperprior, GDN")], [], [tmp_path])
    others = make_page([build.rung("pooling")], [], [tmp_path])
    assert "There are no crops." not in shown and "There are no crops." in others


def test_crops_are_held_without_loss_and_errors_small(tmp_path):
    folder = build.write_crops(tmp_path)
    ((crop,), _) = read_crops(tmp_path)

    def held(name):
        kind, data = re.fullmatch(r"data:image/(\w+);base64,(.*)", crop.images[name]).groups()
        return kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))

    for name, file in (("original", "0-original.png"), ("jpeg", "0-jpeg.webp")):
        assert (held(name)[1] == np.asarray(Image.open(folder / file).convert("RGB"))).all()
    kind, pixels = held("jpeg error")
    assert (kind, pixels.shape) == ("jpeg", held("original")[1].shape)


def test_curves_are_means_and_ranges_over_seeds():
    row = build.curve(0.0)[0]
    curves = [
        (replace(row, step=1, loss=2.0 + seed), replace(row, step=2, loss=None)) for seed in (0, 1)
    ]
    runs = {seed: build.record(seed=seed, curve=curve) for seed, curve in enumerate(curves)}
    rows = over_steps(runs, lambda row: row.loss)
    assert rows == [(1, 2.5, 2.0, 3.0)]


def test_scales_put_ends_at_ends_and_ticks_between():
    for scale in (Scale(1.0, 100.0, 0, 50, log=True), Scale(-3.0, 8.0, 100, 0)):
        assert scale(scale.low) == pytest.approx(scale.start)
        assert scale(scale.high) == pytest.approx(scale.stop)
        assert 2 <= len(scale.ticks(4)) <= 8
        assert all(scale.low <= tick <= scale.high for tick in scale.ticks(4))
    assert Scale(1.0, 100.0, 0, 50, log=True)(10.0) == pytest.approx(25)
    same = fitted([5.0, 5.0], 0, 10)
    assert same(5.0) == pytest.approx(5)
    assert stacked([5.0, 5.0, 98.0], 10, 4, 100) == pytest.approx([4, 14, 98], abs=1)
    assert stacked([50.0] * 11, 15, 0, 100) == pytest.approx(list(range(0, 101, 10)))
    assert [short(value) for value in (0.25, 1500, 20000, 3e6, -1.0)] == [
        *("0.25", "1500", "20 k", "3 M", "−1")
    ]
