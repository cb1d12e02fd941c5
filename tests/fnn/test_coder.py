"""The coder's bytes are those of an independent one in plain integers, and cost what tables say."""

import coder_oracle
import numpy as np
import pytest
from constriction import stream
from fnn_builders import laplace_tables, random_latents, random_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.fnn import FnnError, Tables, escapes, ideal_bits, rangecoder
from experiments.fnn.symbols import to_symbols

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def table(*frequencies):
    freq = np.array([frequencies], np.uint16)
    return Tables(freq, np.array([len(frequencies)], np.int32), np.zeros(1, np.int32))


def agree(symbols, tables):
    """Both coders write the same bytes and read the same symbols; give the oracle's encoder."""
    payload, encoder = coder_oracle.encoded(symbols, tables)
    assert rangecoder.encode(symbols, tables) == payload
    count = symbols.shape[1]
    assert (rangecoder.decode(payload, tables, count) == symbols).all()
    assert coder_oracle.decoded(payload, tables, count) == symbols.tolist()
    return encoder


@FEW
@given(SEEDS, st.integers(1, 4), st.integers(2, 300), st.integers(0, 60), st.floats(0.2, 8))
def test_bytes_and_symbols_are_those_of_the_oracle(seed, channels, most, count, skew):
    rng = np.random.default_rng(seed)
    tables = random_tables(rng, channels, most, skew=skew)
    # Even use of a skewed table is what it is worst for.
    symbols = rng.integers(0, tables.size[:, None], (channels, count)).astype(np.int32)
    agree(symbols, tables)


@FEW
@given(SEEDS, st.integers(2, 300), st.floats(0.2, 8))
def test_likely_messages_agree_with_the_oracle(seed, most, skew):
    rng = np.random.default_rng(seed)
    tables = random_tables(rng, 3, most, skew=skew)
    symbols, _ = to_symbols(random_latents(rng, tables, (7, 9)), tables)
    agree(symbols, tables)


@pytest.mark.parametrize("count", [0, 1])
def test_no_symbol_and_one_symbol_agree_with_the_oracle(count):
    for tables in (table(1, 65535), table(65535, 1), table(*[256] * 256)):
        for symbol in (0, tables.size[0] - 1):
            agree(np.full((1, count), symbol, np.int32), tables)


def test_no_symbol_takes_no_bytes():
    assert rangecoder.encode(np.zeros((1, 0), np.int32), table(1, 65535)) == b""


@pytest.mark.parametrize("frequencies", [(1, 65535), (65535, 1), (32768, 32768), (1, 65534, 1)])
def test_long_runs_agree_with_the_oracle(frequencies):
    tables = table(*frequencies)
    for symbol in range(len(frequencies)):
        symbols = np.full((1, 3000), symbol, np.int32)
        symbols[0, 1500] = 0
        agree(symbols, tables)


@pytest.mark.parametrize("carry", [0, 1])
@pytest.mark.parametrize("words", [1, 2, 50])
def test_carries_through_many_words_agree_with_the_oracle(carry, words):
    """Messages that stay on an edge of two words for long, and then fall to one side."""
    rng = np.random.default_rng(words)
    tables = random_tables(rng, 1, 40)
    edge = [2**31, *[0] * words] if carry else [2**31 - 1, *[2**32 - 1] * words]
    stream = coder_oracle.Decoder([*edge, *rng.integers(0, 2**32, 8).tolist()])
    row = coder_oracle.rows_of(tables)[0]
    symbols = [stream.decode(row) for _ in range(9 * (words + 4))]
    encoder = agree(np.array([symbols], np.int32), tables)
    held, came = encoder.settled[0]
    assert held >= words
    assert came == bool(carry)


def test_frequencies_less_one_are_what_makes_the_library_exact(monkeypatch):
    """The comparison with the oracle notices frequencies that are passed as they are."""
    rng = np.random.default_rng(5)
    tables = random_tables(rng, 3, 60)
    symbols, _ = to_symbols(random_latents(rng, tables, (20, 20)), tables)
    right = rangecoder.encode(symbols, tables)
    exact = stream.model.Categorical
    monkeypatch.setattr(stream.model, "Categorical", lambda f, **options: exact(f + 1, **options))
    assert rangecoder.encode(symbols, tables) != right
    with pytest.raises(AssertionError):
        agree(symbols, tables)


def test_the_library_prints_nothing(capfd):
    rangecoder.encode(np.zeros((1, 9), np.int32), table(1, 65535))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("symbol", [-1, 3, 2**31 - 1])
def test_a_symbol_outside_its_table_is_refused_before_any_is_coded(symbol):
    symbols = np.array([[0, 1, symbol]], np.int32)
    with pytest.raises(FnnError, match=f"^channel 0: symbol {symbol} is not below 3$"):
        rangecoder.encode(symbols, table(1, 2, 65533))


@pytest.mark.parametrize("wrong", [np.zeros((1, 3)), np.zeros(3, np.int32), np.zeros((2, 3), "i4")])
def test_symbols_of_another_kind_are_refused(wrong):
    with pytest.raises(FnnError, match=r"they must be int32 \(1, n\)$"):
        rangecoder.encode(wrong, table(1, 2, 65533))


@pytest.mark.parametrize("skew", [0.2, 1, 4])
def test_size_is_that_of_the_tables(skew):
    rng = np.random.default_rng(int(skew))
    for most, shape in ((3, (40, 50)), (64, (16, 24)), (300, (1, 1)), (300, (5, 3))):
        tables = random_tables(rng, 12, most, skew=skew)
        latents = random_latents(rng, tables, shape)
        symbols, escaped = to_symbols(latents, tables)
        payload, values = rangecoder.encode(symbols, tables), escapes.pack(escaped)
        ideal = ideal_bits(latents, tables) / 8
        assert 48 + len(payload) + len(values) <= 1.01 * ideal + 64
        assert len(payload) + len(values) - ideal <= 5


def test_overhead_of_short_messages_is_five_bytes_at_most():
    rng = np.random.default_rng(8)
    for _ in range(500):
        tables = random_tables(rng, 1, 20, skew=rng.uniform(0.2, 4))
        latents = random_latents(rng, tables, (1, int(rng.integers(1, 30))), escapes=0)
        symbols, escaped = to_symbols(latents, tables)
        ideal = ideal_bits(latents, tables) / 8 - len(escapes.pack(escaped))
        assert len(rangecoder.encode(symbols, tables)) <= ideal + 5


def test_ideal_bits_are_the_sum_of_logarithms_and_of_escape_bytes():
    tables = laplace_tables(2, 8)
    latents = np.array([[[0, 1], [-1, 5000]]], np.int32)
    p = [[f / 65536 for f in row] for row in tables.freq.tolist()]
    at = -tables.start
    expected = np.log2(p[0][at[0]]) + np.log2(p[0][at[0] - 1]) + np.log2(p[1][at[1] + 1])
    expected += np.log2(p[1][tables.size[1] - 1])
    assert ideal_bits(latents, tables) == pytest.approx(16 - expected)
