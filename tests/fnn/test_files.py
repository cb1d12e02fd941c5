"""Files come back exactly, whole ones only, and refuse in the sentences that are promised."""

import os
import tracemalloc

import coder_oracle
import numpy as np
import pytest
from fnn_builders import (
    DIGEST,
    file_of,
    laplace_tables,
    model_of,
    random_latents,
    random_tables,
    repaired,
    with_field,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.fnn import FnnError, Header, Model, Tables, encode, escapes, ideal_bits, read
from experiments.fnn.symbols import to_symbols

posix = pytest.mark.skipif(os.name == "nt", reason="special files are POSIX")
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)

TABLES = laplace_tables(3, 12)
LATENTS = random_latents(np.random.default_rng(1), TABLES, (4, 5), escapes=0.05)
MODEL = model_of(TABLES)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "image.fnn"


def refusal(path, data, model=MODEL):
    """The sentence with which a file of these bytes is refused, after its path."""
    path.write_bytes(data)
    with pytest.raises(FnnError) as caught:
        read(path, model)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert sentence.startswith(f"{path}: ")
    return sentence.removeprefix(f"{path}: ")


def body_changed(data, payload, values):
    """A file with another body; lengths and checksums fit it."""
    data = data[:28] + len(payload).to_bytes(4, "little") + len(values).to_bytes(4, "little")
    return repaired(data + bytes(12) + payload + values)


def parts(data):
    end = 48 + int.from_bytes(data[28:32], "little")
    return data[48:end], data[end:]


DATA = file_of(LATENTS, TABLES).data
assert len(parts(DATA)[1]) > 4  # the tests below want escapes


# Whole files


@FEW
@given(SEEDS, st.integers(1, 70), st.integers(1, 70), st.sampled_from([0, 0.01, 0.5, 1]))
def test_latents_come_back_at_every_size(tmp_path_factory, seed, width, height, share):
    rng = np.random.default_rng(seed)
    tables = random_tables(rng, int(rng.integers(1, 7)), int(rng.integers(2, 300)))
    model = model_of(laplace_tables(tables.channels), tables)
    latents = random_latents(rng, tables, model.latent_shape(width, height)[:2], escapes=share)
    channels = int(rng.choice([1, 3]))
    made = file_of(latents, tables, width=width, height=height, channels=channels, rate=1)
    path = tmp_path_factory.getbasetemp() / "any.fnn"
    path.write_bytes(made.data)
    header, back = read(path, model)
    assert back.dtype == np.int32
    assert back.flags.c_contiguous
    assert (back == latents).all()
    assert made.symbols == latents.size
    symbols, escaped = to_symbols(latents, tables)
    assert made.escapes == len(escaped)
    payload, values = parts(made.data)
    assert header == Header(
        channels, 1, DIGEST, width, height, latents.size, len(payload), len(values)
    )
    assert payload == coder_oracle.encoded(symbols, tables)[0]
    assert values == escapes.pack(escaped)


@pytest.mark.parametrize("value", [-(2**31), 2**31 - 1, 0])
def test_one_pixel_of_any_value_comes_back(value, path):
    latents = np.full((1, 1, 3), value, np.int32)
    path.write_bytes(file_of(latents, TABLES, width=1, height=1).data)
    assert (read(path, MODEL)[1] == latents).all()


def test_latents_that_do_not_lie_in_order_make_the_same_file():
    lying = np.asfortranarray(LATENTS)
    assert file_of(lying, TABLES).data == DATA
    assert file_of(LATENTS[::-1][::-1], TABLES).data == DATA


def test_overhead_is_53_bytes_and_what_escapes_take():
    rng = np.random.default_rng(3)
    for _ in range(200):
        latents = random_latents(rng, TABLES, tuple(rng.integers(1, 12, 2)))
        made = file_of(latents, TABLES)
        ideal = ideal_bits(latents, TABLES) / 8
        assert len(made.data) <= ideal + 53
        assert len(made.data) <= 1.01 * ideal + 64


# A file that must read the same on every machine, Python and version

GOLDEN = (
    "89464e4e0130030091bc0102030405ff3300000025000000690000008400000040000000c3de11c9968cf905"
    "8f9731a30ff6ffff6475da9b2d53c0af47b912ec641bc1abffd75ea8ffffffffffffffff59d7ffffff3fa6e8"
    "ffffffffffffffffffffffffffffffffa6e859d7ffffff3fffffffffffffffffffffffff59d7ffffff3fa6e8"
    "ffffffffaaffffffffffd7e37a289affad064247ffdf64f978b648ff779f0475ff5f0a0e237cf8ffc8e7ecac"
    "00bcb37dffffffff0f04050504020a06060a0204050504020aa006060a0204050504020a06060a0204050a06"
    "09060a05050a0609060a05050a0609060a0505feffffff0f"
)


def golden_latents():
    k = np.arange(5 * 7 * 3)
    latents = (k * k * 7 % 11 - 5).reshape(5, 7, 3).astype(np.int32)
    latents[0, 0, 0], latents[4, 6, 2], latents[2, 3, 1] = -(2**31), 2**31 - 1, 400
    return latents


def golden_tables():
    freq = np.zeros((3, 12), np.uint16)
    freq[0] = [1000, 2000, 4000, 8000, 10000, 16000, 10000, 8000, 4000, 2000, 535, 1]
    freq[1, :3] = [1, 65534, 1]
    freq[2, :6] = [30000, 20000, 10000, 5000, 500, 36]
    return Tables(freq, np.array([12, 3, 6], np.int32), np.array([-5, -5, -2], np.int32))


# Refusals


@pytest.mark.parametrize("length", [0, 1, 40, 47])
def test_less_than_a_header_is_refused(length, path):
    assert refusal(path, DATA[:length]) == f"{length} bytes is shorter than a header"


def test_a_truncated_file_is_refused(path):
    whole = len(DATA)
    for length in range(48, whole):
        assert refusal(path, DATA[:length]) == (
            f"file has {length} bytes, its header states {whole}: truncated"
        )


def test_a_file_with_bytes_appended_is_refused(path):
    whole = len(DATA)
    for more in range(1, 201):
        assert refusal(path, DATA + bytes(more)) == (
            f"file has {whole + more} bytes, its header states {whole}: {more} bytes too many"
        )


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"some text\n", bytes(8), b"\x89FNM"])
def test_another_format_is_refused(start, path):
    assert refusal(path, start + DATA[len(start) :]) == "not a .fnn file"


def test_a_newer_version_is_named_whatever_follows(path):
    sentence = "written by a newer fnnet (version 2); this one reads 1"
    newer = DATA[:4] + b"\x02" + DATA[5:]
    assert refusal(path, newer) == sentence
    assert refusal(path, newer[:5] + os.urandom(90)) == sentence
    assert refusal(path, repaired(newer)) == sentence


@pytest.mark.parametrize(
    ("offset", "value"), [(4, 0), (5, 47), (5, 49), (6, 2), (7, 1), (8, 0), (20, 9), (36, 1)]
)
def test_a_damaged_header_is_refused(offset, value, path):
    damaged = DATA[:offset] + bytes([value]) + DATA[offset + 1 :]
    assert damaged != DATA
    assert refusal(path, damaged) == "header damaged"


@pytest.mark.parametrize(("offset", "value"), [(4, 0), (5, 47), (5, 52)])
def test_a_version_or_header_length_that_never_was_is_refused(offset, value, path):
    assert refusal(path, with_field(DATA, offset, value, 1)) == "header damaged"


def test_damaged_content_is_refused(path):
    for offset in (40, 47, 48, len(DATA) - 1):
        damaged = bytearray(DATA)
        damaged[offset] ^= 1
        assert refusal(path, bytes(damaged)) == "content damaged"


def test_another_models_file_is_refused(path):
    other = model_of(TABLES, digest=bytes.fromhex("3f2a000000000001"))
    assert refusal(path, DATA, other) == (
        "made by another model: file 91bc0102030405ff, this run 3f2a000000000001"
    )


def test_a_rate_that_the_model_does_not_have_is_refused(path):
    data = file_of(LATENTS, TABLES, rate=2).data
    assert refusal(path, data) == "rate 2 must be below 1, the model's rates"
    assert refusal(path, data, model_of(TABLES, TABLES)) == (
        "rate 2 must be below 2, the model's rates"
    )
    path.write_bytes(data)
    assert read(path, model_of(TABLES, TABLES, TABLES))[0].rate == 2


HOSTILE = [
    (6, 1, 0, "0 channels; an image has 1 or 3"),
    (6, 1, 2, "2 channels; an image has 1 or 3"),
    (6, 1, 255, "255 channels; an image has 1 or 3"),
    (16, 4, 0, "0 x 32 pixels: a side must be from 1 to 65535"),
    (20, 4, 0, "40 x 0 pixels: a side must be from 1 to 65535"),
    (16, 4, 65536, "65536 x 32 pixels: a side must be from 1 to 65535"),
    (20, 4, 2**32 - 1, "40 x 4294967295 pixels: a side must be from 1 to 65535"),
    (16, 8, (2**32 - 1) * (2**32 + 1), "4294967295 x 4294967295 pixels: a side must be from 1"),
    (16, 8, 32768 * (2**32 + 1), "32768 x 32768 pixels is over the limit of 67108864"),
    (16, 8, 65535 + 2**32 * 1025, "65535 x 1025 pixels is over the limit of 67108864"),
    (16, 4, 65535, "60 symbols; 65535 x 32 pixels of this model have 98304"),
    (24, 4, 0, "0 symbols; 40 x 32 pixels of this model have 60"),
    (24, 4, 2**32 - 1, "4294967295 symbols; 40 x 32 pixels of this model have 60"),
    (28, 4, 2**32 - 1, "payload of 4294967295 bytes: 4 must divide it"),
    (28, 4, 2**32 - 4, "payload of 4294967292 bytes: 60 symbols take 128"),
    (28, 4, 132, "payload of 132 bytes: 60 symbols take 128"),
    (32, 4, 2**32 - 1, "escapes of 4294967295 bytes: 60 symbols take 300"),
    (32, 4, 301, "escapes of 301 bytes: 60 symbols take 300"),
]


@pytest.mark.parametrize(("offset", "length", "value", "sentence"), HOSTILE)
def test_a_hostile_header_is_refused_by_its_rule_and_takes_no_memory(
    offset, length, value, sentence, path
):
    data = with_field(DATA, offset, value, length)[:56]
    refusal(path, data)  # what Python keeps for the first time is not the file's doing
    tracemalloc.start()
    try:
        said = refusal(path, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert said.startswith(sentence)
    assert peak < 2**20


def test_a_size_that_is_allowed_takes_no_memory_before_the_digest(path):
    data = with_field(DATA, 16, 8192 * (2**32 + 1), 8)
    data = with_field(data, 24, 1024 * 1024 * 3)
    data = data[:-1] + bytes([data[-1] ^ 1])
    tracemalloc.start()
    try:
        assert refusal(path, data) == "content damaged"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_noise_with_right_checksums_is_refused(path):
    rng = np.random.default_rng(4)
    said = set()
    for _ in range(300):
        length = 4 * int(rng.integers(0, 30))
        said.add(refusal(path, body_changed(DATA, rng.bytes(length), parts(DATA)[1])))
    assert said == {"payload invalid", "payload not canonical"}


def test_a_payload_that_is_spelt_otherwise_is_refused(path):
    payload, values = parts(DATA)
    for other in (payload + bytes(4), payload[:-4], payload[:-1] + bytes([payload[-1] ^ 1]), b""):
        said = refusal(path, body_changed(DATA, other, values))
        assert said in ("payload not canonical", "payload invalid")


def test_escapes_that_are_not_the_payloads_are_refused(path):
    payload, values = parts(DATA)
    count = file_of(LATENTS, TABLES).escapes
    channel = int((to_symbols(LATENTS, TABLES)[0] == TABLES.size[:, None] - 1).any(1).argmax())
    _, escaped = to_symbols(LATENTS, TABLES)
    known = int(TABLES.start[channel])
    for other, rule in (
        (values + b"\x00", f"{count + 1} values for {count} escapes"),
        (b"", f"0 values for {count} escapes"),
        (values[:-1] + bytes([values[-1] | 0x80]), "the last value has no end"),
        (values[:-1] + bytes([values[-1] | 0x80, 0]), "a value is not in its shortest form"),
        (
            escapes.pack(np.array([known, *escaped[1:]], np.int32)),
            f"{known} is in the table of channel {channel}",
        ),
    ):
        assert refusal(path, body_changed(DATA, payload, other)) == f"escapes invalid: {rule}"


def test_what_is_no_file_is_refused(tmp_path):
    missing = tmp_path / "none.fnn"
    for wrong, sentence in (
        (missing, "does not exist"),
        (tmp_path, "is a folder, not a .fnn file"),
    ):
        with pytest.raises(FnnError) as caught:
            read(wrong, MODEL)
        assert str(caught.value) == f"{wrong}: {sentence}"


def test_bytes_are_read_as_their_file_is_and_errors_name_them_as_asked(path):
    path.write_bytes(DATA)
    header, latents = read(path, MODEL)
    assert header == read(DATA, MODEL)[0]
    np.testing.assert_array_equal(read(DATA, MODEL)[1], latents)
    for data, sentence in (
        (DATA[:-1], f"file has {len(DATA) - 1} bytes, its header states {len(DATA)}: truncated"),
        (b"", "0 bytes is shorter than a header"),
        (DATA[:-1] + bytes([DATA[-1] ^ 1]), "content damaged"),
    ):
        assert refusal(path, data) == sentence
        for names, name in (({"name": "kodim01"}, "kodim01"), ({}, "the bytes")):
            with pytest.raises(FnnError) as caught:
                read(data, MODEL, **names)
            assert str(caught.value) == f"{name}: {sentence}"


@posix
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.fnn"
    os.mkfifo(pipe)
    with pytest.raises(FnnError, match=r"is not a regular file$"):
        read(pipe, MODEL)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read_is_refused(path):
    path.write_bytes(DATA)
    path.chmod(0)
    with pytest.raises(FnnError, match=r"could not be read: Permission denied$"):
        read(path, MODEL)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width": 0}, "0 x 32 pixels: a side must be from 1 to 65535"),
        ({"height": 65536}, "40 x 65536 pixels: a side must be from 1 to 65535"),
        (
            {"width": 65535, "height": 65535},
            "65535 x 65535 pixels is over the limit of 67108864",
        ),
        ({"channels": 4}, "4 channels; an image has 1 or 3"),
        ({"rate": 256}, "rate 256 must be from 0 to 255"),
        ({"rate": -1}, "rate -1 must be from 0 to 255"),
        ({"model": b"1234567"}, "a model digest has 8 bytes, not 7"),
    ],
)
def test_what_the_format_does_not_have_is_not_written(change, sentence):
    good = {"width": 40, "height": 32, "channels": 3, "rate": 0, "model": DIGEST}
    with pytest.raises(FnnError) as caught:
        encode(LATENTS, TABLES, **(good | change))
    assert str(caught.value) == sentence


def test_the_golden_file_is_written_and_read_to_the_byte(path):
    latents, tables = golden_latents(), golden_tables()
    data = bytes.fromhex(GOLDEN)
    assert file_of(latents, tables, width=51, height=37).data == data
    path.write_bytes(data)
    header, back = read(path, Model(DIGEST, (tables,), lambda width, height: (5, 7, 3)))
    assert (back == latents).all()
    assert (header.width, header.height) == (51, 37)
