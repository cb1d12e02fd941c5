"""Tables in a terminal of 80 columns: nothing is cut."""

import io

import pytest
from rich.console import Console

from experiments.cli import console
from experiments.codecs import report
from experiments.codecs.curves import MEASURES, Saving
from experiments.codecs.rate_distortion import BDRate, RatePoint
from experiments.codecs.times import CodecTimes, Speed
from experiments.evaluation import tables
from experiments.evaluation.scores import Score
from experiments.networks.tasks import TASKS

SPEED = Speed(0.123, 45.6, 123.0)
# What is laid out, and the cells that must be whole.
TABLES = {
    "points": (
        report.points_table(
            [RatePoint("jpeg-optimised", 2.5, 10.1234, 34.12, 0.9123, 0.9934, images=1)], "a"
        ),
        ("jpeg-optimised", "10.1234", "34.12", "0.9123", "0.9934", "21.80"),
    ),
    "rates": (
        report.bd_rate_table(
            [
                Saving("jpeg-optimised", name, (5,), BDRate(-12.34, 25.14, 44.11))
                for name in MEASURES
            ]
        ),
        ("-12.34 %", "25.14 to 44.11"),
    ),
    "times": (
        report.times_table([CodecTimes("jpeg-optimised", 2.5, SPEED, SPEED)]),
        ("45.6", "(0.123 to 123)"),
    ),
    "scores": (
        tables.score_table(
            [Score("studentsculpture", "test", 101.02, 0.9876, 100.01, 0.9765, 12.345)],
            TASKS["restore"],
            10,
        ),
        ("held-out", "12.345", "100.01", "0.9765", "101.02", "0.9876", "+1.01"),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_it_fits_80_columns_uncut(name):
    table, cells = TABLES[name]
    shown = io.StringIO()
    Console(file=shown, width=80).print(table)
    text = shown.getvalue()
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    for cell in cells:
        assert cell in text


def test_of_one_there_is_no_plural():
    assert [console.counted(count, "image") for count in (0, 1, 2)] == [
        *("0 images", "1 image", "2 images")
    ]
