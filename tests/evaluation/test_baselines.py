"""The committed tables of published figures: readable, consistent, refused in a sentence."""

from collections import Counter

import pytest

from experiments.evaluation import baselines
from experiments.evaluation.baselines import (
    JpegRow,
    codec_points,
    image_rows,
    jpeg_rows,
    restoration_rows,
)
from experiments.images import JPEG_RECIPES, LIVE1
from experiments.system.errors import RunError
from fnnet import metrics

HEADER = "set\trecipe\tquality\tmetric\tmeasured\tpublished\tsource\treproduced\n"


def test_every_table_reads():
    assert len(jpeg_rows()) == 180
    assert len(restoration_rows()) > 200
    assert {"jpeg", "avif", "mbt2018"} <= {point.codec for point in codec_points()}
    names = [row.name for row in image_rows() if row.set == "live1"]
    assert tuple(sorted(names)) == LIVE1


def test_figures_go_by_the_names_of_metrics_and_recipes():
    for row in jpeg_rows():
        assert row.metric in metrics.__all__ and row.recipe in JPEG_RECIPES
    for row in restoration_rows():
        assert row.recipe in JPEG_RECIPES and row.source
        assert row.ssim_metric in (*metrics.__all__, "not stated")
        assert row.psnrb_metric in (*metrics.__all__, "not stated", "neither", "")
        assert (row.psnrb is None) == (row.psnrb_metric == "")


def test_no_figure_is_there_twice():
    keys = [(row.set, row.recipe, row.quality, row.metric) for row in jpeg_rows()]
    assert max(Counter(keys).values()) == 1
    keys = [
        (row.set, row.recipe, row.quality, row.method, row.source) for row in restoration_rows()
    ]
    assert max(Counter(keys).values()) == 1


def test_published_jpeg_rows_are_the_measured_ones_where_reproduced():
    for row in jpeg_rows():
        if row.reproduced:
            limit = 0.005 if row.metric.startswith("psnr") else 0.0005
            assert abs(row.measured - float(row.published)) <= limit + 1e-9, row
    measured = {(row.set, row.recipe, row.quality, row.metric): row for row in jpeg_rows()}
    for row in restoration_rows():
        if row.method == "JPEG":
            key = row.set, row.recipe, row.quality
            assert abs(row.psnr - measured[*key, "psnr"].measured) <= 0.005 + 1e-9
            assert abs(row.ssim - measured[*key, row.ssim_metric].measured) <= 0.0005 + 1e-9


def test_only_the_double_recipe_s_psnrb_is_not_reproduced():
    rows = [row for row in jpeg_rows() if row.reproduced is False]
    assert {(row.recipe, row.metric) for row in rows} == {("double", "psnrb")}
    assert len(rows) == 9
    assert all((row.published is None) == (row.reproduced is None) for row in jpeg_rows())


def refusal(path):
    with pytest.raises(RunError) as error:
        baselines.read_rows(path, JpegRow)
    return str(error.value)


def test_faults_are_told_in_a_sentence(tmp_path):
    path = tmp_path / "rows.tsv"
    assert refusal(path) == f"{path}: does not exist; run the command from a checkout of fnnet"
    path.write_text("set\trecipe\n")
    assert refusal(path).startswith(f"{path}: has no column measured, metric, published, ")
    for line, fault in (
        ("a\tgrey\tten\tpsnr\t1\t\t\t", "quality 'ten'"),
        ("a\tgrey\t1,2,3\tpsnr\t1\t\t\t", "quality '1,2,3'"),
        ("a\tgrey\t10\tpsnr\t\t\t\t", "measured ''"),
        ("a\tgrey\t10\tpsnr\t1\tx\t\t", "published 'x'"),
        ("a\tgrey\t10\tpsnr\t1\t1\t\tmaybe", "reproduced 'maybe'"),
        ("a\tgrey", "quality None"),
    ):
        path.write_text(HEADER + line + "\n")
        assert refusal(path) == f"{path}: line 2 has {fault}"
    path.write_bytes(b"\xff\xfe")
    assert refusal(path).startswith(f"{path}: could not be read: ")
