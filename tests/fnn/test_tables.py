"""Integer tables: made from probabilities, checked when made; latents looked up and found again."""

import dataclasses

import numpy as np
import pytest
from fnn_builders import laplace_tables, random_latents, random_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.fnn import FnnError, Tables, escapes, frequencies, make_tables
from experiments.fnn.symbols import to_latents, to_symbols

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def good():
    return Tables(
        np.array([[65000, 500, 36, 0], [1, 1, 1, 65533]], np.uint16),
        np.array([3, 4], np.int32),
        np.array([-1, 7], np.int32),
    )


def refusal(call, *args, **kwargs):
    with pytest.raises(FnnError) as caught:
        call(*args, **kwargs)
    assert str(caught.value).isprintable()
    return str(caught.value)


def changed(name, index, value):
    array = getattr(good(), name).copy()
    array[index] = value
    return {name: array}


# Tables


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (changed("freq", (0, 1), 0), "tables, channel 0: every frequency must be at least 1"),
        (
            changed("freq", (1, 3), 65532),
            "tables, channel 1: frequencies sum to 65535; they must sum to 65536",
        ),
        (
            changed("freq", (0, 3), 1),
            "tables, channel 0: frequencies behind its 3 entries must be 0",
        ),
        (changed("size", 0, 1), "tables, channel 0: size 1 must be from 2 to 4"),
        (changed("size", 1, 5), "tables, channel 1: size 5 must be from 2 to 4"),
        (changed("size", 1, -3), "tables, channel 1: size -3 must be from 2 to 4"),
        (
            changed("start", 1, 2**31 - 2),
            "tables, channel 1: its last latent 2147483648 is over 32 bits",
        ),
        ({"freq": good().freq.astype(np.int16)}, "tables.freq is int16; it must be uint16"),
        ({"freq": good().freq / 1}, "tables.freq is float64; it must be uint16"),
        ({"freq": good().freq.tolist()}, "tables.freq is list; it must be uint16"),
        ({"size": good().size.astype(np.int64)}, "tables.size is int64; it must be int32"),
        ({"start": good().start.astype(">i4")}, "tables.start is >i4; it must be int32"),
        (
            {"start": good().start[:1]},
            "tables have shapes (2, 4), (2,), (1,); they must be (C, A), (C,), (C,)",
        ),
        (
            {"freq": good().freq.ravel()},
            "tables have shapes (8,), (2,), (2,); they must be (C, A), (C,), (C,)",
        ),
    ],
)
def test_damaged_tables_are_refused(change, sentence):
    assert refusal(dataclasses.replace, good(), **change) == sentence


@FEW
@given(SEEDS, st.integers(2, 5000), st.floats(0, 30))
def test_frequencies_follow_the_formula_and_sum_to_65536(seed, n, skew):
    p = np.random.default_rng(seed).exponential(size=n) ** skew + 1e-300
    f = frequencies(p).astype(int)
    assert f.sum() == 65536
    assert f.min() >= 1
    p /= p.sum()
    if p[-1] > 1e-4:
        by_hand = [max(1, int(x * (65536 - n))) for x in p]
        rest = 65536 - sum(by_hand)
        # A product on the edge of an integer may fall to either side.
        assert sum(a != b for a, b in zip(f, by_hand, strict=True)) <= 1
        assert f[np.argmax(by_hand)] == max(by_hand) + rest


def test_an_escape_has_a_ten_thousandth_at_least_and_the_first_largest_gets_the_rest():
    assert frequencies(np.array([0.5, 0.5, 0.0])).tolist() == [32763 + 4, 32763, 6]
    assert frequencies(np.array([0.25, 0.5, 0.25])).tolist() == [16383, 32770, 16383]


@pytest.mark.parametrize("entries", [2, 5, 64])
def test_tables_of_a_fixed_shape_keep_the_latents_with_the_most_mass(entries):
    rng = np.random.default_rng(entries)
    given_ = [(int(rng.integers(-90, 9)), rng.dirichlet(np.ones(n)) * 0.99) for n in (1, 4, 63, 99)]
    tables = make_tables(given_, entries)
    assert tables.freq.shape == (4, entries)
    for c, (lowest, p) in enumerate(given_):
        kept = min(len(p), entries - 1)
        assert tables.size[c] == kept + 1
        windows = [p[k : k + kept].sum() for k in range(len(p) - kept + 1)]
        first = tables.start[c] - lowest
        assert windows[first] == pytest.approx(max(windows))
        escape = tables.freq[c, kept] / 65536
        assert escape == pytest.approx(1 - windows[first], abs=0.02)


@pytest.mark.parametrize(
    ("probabilities", "rule"),
    [
        ([], "shape (0,) must be (n,), n >= 1"),
        ([[0.5]], "shape (1, 1) must be (n,), n >= 1"),
        ([0.5, np.nan], "must be finite"),
        ([0.5, -0.25], "-0.25 must be at least 0"),
        ([0.0, 0.0], "sum 0.0 must be over 0 and at most 1"),
        ([1.0, 1.0], "sum 2.0 must be over 0 and at most 1"),
    ],
)
def test_what_is_no_distribution_is_refused_by_channel(probabilities, rule):
    channels = [(0, [1.0]), (0, probabilities)]
    assert refusal(make_tables, channels, 8) == f"probabilities of channel 1: {rule}"


def test_an_alphabet_that_cannot_be_is_refused():
    assert refusal(make_tables, [(0, [1.0])], 1) == "entries=1 must be from 2 to 65536"


# Latents and symbols


@FEW
@given(SEEDS, st.integers(1, 5), st.integers(2, 300), st.floats(0, 1))
def test_latents_come_back_whatever_they_are(seed, channels, most, share):
    rng = np.random.default_rng(seed)
    tables = random_tables(rng, channels, most)
    latents = random_latents(rng, tables, tuple(rng.integers(1, 9, 2)), escapes=share)
    symbols, escaped = to_symbols(latents, tables)
    assert symbols.dtype == escaped.dtype == np.int32
    assert ((symbols >= 0) & (symbols < tables.size[:, None])).all()
    assert (to_latents(symbols, escaped, tables, latents.shape) == latents).all()


def test_symbols_go_channel_by_channel_and_row_by_row():
    tables = make_tables([(0, [0.1] * 9), (0, [0.1] * 9)], 12)
    latents = np.array([[[0, 4], [1, 5]], [[2, -9], [99, 7]]], np.int32)
    symbols, escaped = to_symbols(latents, tables)
    assert symbols.tolist() == [[0, 1, 2, 9], [4, 5, 9, 7]]
    assert escaped.tolist() == [99, -9]


def test_tables_at_the_ends_of_32_bits_are_used_to_their_ends():
    low, high = -(2**31), 2**31 - 1
    tables = make_tables([(low, [0.5, 0.5]), (high - 1, [0.5, 0.5])], 3)
    latents = np.array([[[low, high], [low + 1, high - 1], [high, low]]], np.int32)
    symbols, escaped = to_symbols(latents, tables)
    assert symbols.tolist() == [[0, 1, 2], [1, 0, 2]]
    assert (to_latents(symbols, escaped, tables, latents.shape) == latents).all()


@pytest.mark.parametrize(
    ("latents", "sentence"),
    [
        (np.zeros((1, 1, 2)), "latents are float64; they must be int32"),
        ([[[0, 0]]], "latents are list; they must be int32"),
        (np.zeros((1, 1, 3), np.int32), "latents have shape (1, 1, 3); the tables have 2 channels"),
        (np.zeros((2, 2), np.int32), "latents have shape (2, 2); the tables have 2 channels"),
    ],
)
def test_latents_of_another_kind_are_refused(latents, sentence):
    assert refusal(to_symbols, latents, good()) == sentence


def test_an_escaped_value_that_its_table_has_is_refused():
    tables = laplace_tables(2, 9)
    symbols = np.array([[0, 8], [8, 0]], np.int32)
    values = np.array([4000, tables.start[1] + 7], np.int32)
    assert refusal(to_latents, symbols, values, tables, (1, 2, 2)) == (
        f"escapes invalid: {values[1]} is in the table of channel 1"
    )


# Escapes as bytes


def varint(value):
    u = 2 * value if value >= 0 else -2 * value - 1
    out = []
    while u > 127:
        out.append(u & 127 | 128)
        u >>= 7
    return bytes([*out, u])


EDGES = [s * 2**k + d for k in range(32) for s in (1, -1) for d in (-1, 0, 1)]
EDGES = [v for v in EDGES if -(2**31) <= v < 2**31]


@FEW
@given(st.lists(st.one_of(st.sampled_from(EDGES), st.integers(-(2**31), 2**31 - 1)), max_size=20))
def test_values_are_written_as_zigzag_in_seven_bits_and_come_back(values):
    data = escapes.pack(np.array(values, np.int32))
    assert data == b"".join(map(varint, values))
    assert escapes.unpack(data, len(values)).tolist() == values


@pytest.mark.parametrize(
    ("data", "count", "rule"),
    [
        (b"\x00", 0, "1 values for 0 escapes"),
        (b"", 1, "0 values for 1 escapes"),
        (b"\x00\x00", 3, "2 values for 3 escapes"),
        (b"\x80", 1, "the last value has no end"),
        (b"\x01\xff", 1, "the last value has no end"),
        (b"\x80\x00", 1, "a value is not in its shortest form"),
        (b"\x05\xff\x80\x00", 2, "a value is not in its shortest form"),
        (b"\x80\x80\x80\x80\x80\x01", 1, "a value of over 5 bytes"),
        (b"\x80\x80\x80\x80\x10", 1, "a value of over 32 bits"),
        (b"\xff" * 4 + b"\x7f", 1, "a value of over 32 bits"),
    ],
)
def test_other_spellings_of_values_are_refused(data, count, rule):
    assert refusal(escapes.unpack, data, count) == f"escapes invalid: {rule}"


@FEW
@given(st.binary(max_size=24))
def test_bytes_are_values_in_one_spelling_or_refused(data):
    count = sum(octet < 128 for octet in data)
    try:
        values = escapes.unpack(data, count)
    except FnnError:
        return
    assert escapes.pack(values) == data
