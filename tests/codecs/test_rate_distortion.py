"""BD-rates by PCHIP: against an independent package, published figures, and by hand."""

import csv
import io
import itertools
import math
from pathlib import Path

import bjontegaard
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from experiments.codecs.figure import rate_distortion, spaced
from experiments.codecs.rate_distortion import CurveError, bd_rate, decibels

BASELINES = Path(__file__).parents[2] / "data" / "baselines" / "kodak_codecs.tsv"
COLUMNS = ("quality", "bpp", "psnr_rgb", "ms_ssim")
EIGHT = (5, 10, 20, 30, 50, 70, 90, 95)
PUBLISHED = {  # by PSNR and by MS-SSIM against those eight points of jpeg, and the overlap in dB
    "jpeg-optimised": (-10.1678, -10.1540, 23.8522, 40.5604),
    "webp": (-35.6456, -20.3869, 30.1936, 39.4463),
    "bmshj2018-factorized": (-43.3443, -44.1793, 26.9088, 39.6213),
    "jpeg2000": (-45.6997, -23.8359, 27.5208, 40.5604),
    "avif": (-47.4571, -44.8821, 28.1326, 39.9105),
    "bmshj2018-hyperprior": (-54.0797, -47.9851, 27.5815, 40.5569),
    "mbt2018-mean": (-57.1070, -50.0235, 27.6995, 40.5604),
    "mbt2018": (-60.2154, -52.2973, 28.0885, 40.5604),
    "cheng2020-anchor": (-64.6392, -57.2668, 28.5824, 36.7041),
    "jpeg2000-no-mct": (17.7226, 60.4390, 27.4145, 37.9039),
}


@pytest.fixture(scope="module")
def kodak():
    """Codec -> points (quality, bits per pixel, PSNR, MS-SSIM) of the committed table."""
    curves = {}
    with open(BASELINES, newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            values = (float(row[name] or "nan") for name in COLUMNS)
            curves.setdefault(row["codec"], []).append(tuple(values))
    return curves


def by_psnr(points):
    return [(bpp, psnr) for _, bpp, psnr, _ in points]


def by_ms_ssim(points):
    return [(bpp, decibels(ms_ssim)) for *_, bpp, _, ms_ssim in points]


@pytest.mark.parametrize("codec", PUBLISHED)
def test_the_published_bd_rates_are_met(kodak, codec):
    anchor = [point for point in kodak["jpeg"] if point[0] in EIGHT]
    psnr, ms_ssim, low, high = PUBLISHED[codec]
    found = bd_rate(by_psnr(anchor), by_psnr(kodak[codec]))
    assert found.percent == pytest.approx(psnr, abs=2e-4)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    # The table's MS-SSIM has six digits, and near 1 their dB have four.
    found = bd_rate(by_ms_ssim(anchor), by_ms_ssim(kodak[codec]))
    assert found.percent == pytest.approx(ms_ssim, abs=0.01)


def oracle(anchor, test):
    return bjontegaard.bd_rate(
        *np.transpose(sorted(anchor)),
        *np.transpose(sorted(test)),
        method="pchip",
        require_matching_points=False,
        min_overlap=0,
    )


steps = st.lists(
    st.tuples(st.floats(0.05, 1.5), st.floats(0.3, 5)), min_size=4, max_size=9
)  # of the rate's logarithm and of dB


def curve_of(steps, start):
    rate, quality = np.cumsum(steps, 0).T
    return list(zip(np.exp(rate - 3).tolist(), (start + quality).tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(steps, steps, st.floats(25, 30), st.floats(25, 30))
def test_bd_rate_agrees_with_an_independent_package(first, second, low, other_low):
    anchor, test = curve_of(first, low), curve_of(second, other_low)
    shared = min(anchor[-1][1], test[-1][1]) - max(anchor[0][1], test[0][1])
    if shared < 0.1:
        return
    found, expected = bd_rate(anchor, test).percent, oracle(anchor, test)
    # In the logarithm, since a curve may cost a thousand times another's bits.
    ratio = math.log1p(found / 100) - math.log1p(expected / 100)
    assert ratio == pytest.approx(0, abs=1e-6)


def test_a_curve_of_half_the_rate_saves_half_and_order_does_not_matter(kodak):
    anchor = by_psnr(kodak["jpeg"])
    half = [(bpp / 2, psnr) for bpp, psnr in anchor]
    assert bd_rate(anchor, half).percent == pytest.approx(-50)
    assert bd_rate(half, anchor).percent == pytest.approx(100)
    assert bd_rate(anchor[::-1], half[3:] + half[:3]) == bd_rate(anchor, half)
    assert bd_rate(anchor, anchor).percent == 0


RISING = [(0.1, 25.0), (0.2, 28.0), (0.4, 31.0), (0.8, 34.0)]


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        (RISING[:3], "the test's curve has 3 points; a BD-rate needs 4"),
        (
            [*RISING, (1.6, 34.0)],
            "the test's curve does not rise: 34.0000 dB at 0.8000 bits per pixel, then "
            "34.0000 dB at 1.6000",
        ),
        (
            [(rate, db + 9.0) for rate, db in RISING],
            "no overlap: the anchor has 25.00 to 34.00 dB, the test 34.00 to 43.00 dB",
        ),
        (
            [*RISING, (1.6, math.inf)],
            "the test's curve has a point that is not finite, or a rate that is not above 0",
        ),
        (
            [*RISING, (0.0, 20.0)],
            "the test's curve has a point that is not finite, or a rate that is not above 0",
        ),
    ],
)
def test_what_is_no_curve_is_refused_in_a_sentence(test, sentence):
    with pytest.raises(CurveError) as caught:
        bd_rate(RISING, test)
    assert str(caught.value) == sentence
    with pytest.raises(CurveError):
        bd_rate(test, RISING)


def test_decibels():
    assert decibels(0.9) == pytest.approx(10)
    assert decibels(0.999) == pytest.approx(30)
    assert decibels(0) == 0
    assert decibels(1) == math.inf


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.2))
def test_names_are_spread_without_collisions_and_no_further_than_needed(places, gap):
    places = sorted(places)
    found = np.asarray(spaced(places, gap))
    assert (np.diff(found) >= gap - 1e-9).all()
    if all(b - a >= gap for a, b in itertools.pairwise(places)):
        assert found == pytest.approx(places, abs=1e-9)
    elif places:  # what is moved up is moved down as much
        assert found.mean() == pytest.approx(np.mean(places), abs=1e-9)


def test_any_number_of_curves_is_drawn():
    curves = {f"codec $_{n}": [(rate * (1 + n / 9), db) for rate, db in RISING] for n in range(20)}
    curves["nothing"] = []
    curves["infinite"] = [*RISING, (1.0, math.inf)]
    png = rate_distortion(curves, title="many $x", quality_label="PSNR (dB)")
    with Image.open(io.BytesIO(png)) as image:
        assert min(image.size) > 500
    rate_distortion({}, title="none", quality_label="PSNR (dB)")
