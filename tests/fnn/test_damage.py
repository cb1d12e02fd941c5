"""Damaged and hostile files are refused in a sentence, at once, and never by anything else."""

import os
import time

import numpy as np
import pytest
from fnn_builders import file_of, laplace_tables, model_of, random_latents, repaired

from experiments.fnn import FnnError, read

TABLES = laplace_tables(6, 40)
MODEL = model_of(TABLES)
DATA = file_of(
    random_latents(np.random.default_rng(2), TABLES, (24, 30), escapes=0.01), TABLES
).data
SMALL = [
    file_of(random_latents(np.random.default_rng(k), TABLES, (1 + k, 2), escapes=0.1), TABLES).data
    for k in range(6)
]


class InPlace:
    """A file whose bytes are changed where it lies."""

    def __init__(self, path, data):
        path.write_bytes(data)
        self.path, self.data = path, data
        self.file = os.open(path, os.O_RDWR)

    def refuses(self, offset, value):
        """Whether the file is refused with one byte changed; the byte is put back."""
        os.pwrite(self.file, bytes([value]), offset)
        try:
            read(self.path, MODEL)
        except FnnError:
            return True
        finally:
            os.pwrite(self.file, self.data[offset : offset + 1], offset)
        return False


@pytest.fixture
def in_place(tmp_path):
    file = InPlace(tmp_path / "flipped.fnn", DATA)
    yield file
    read(file.path, MODEL)  # whole again
    os.close(file.file)


needs_pwrite = pytest.mark.skipif(not hasattr(os, "pwrite"), reason="pwrite is POSIX")


def test_the_file_to_be_damaged_is_of_two_kilobytes():
    assert 1800 < len(DATA) < 2600


@needs_pwrite
def test_every_flipped_bit_is_refused(in_place):
    for offset, byte in enumerate(DATA):
        for bit in range(8):
            assert in_place.refuses(offset, byte ^ 1 << bit), (offset, bit)


@needs_pwrite
def test_changed_bytes_are_refused(in_place):
    rng = np.random.default_rng(6)
    for offset, byte in enumerate(DATA):
        for value in rng.integers(0, 256, 256 if offset < 48 else 3).tolist():
            assert value == byte or in_place.refuses(offset, value), (offset, value)


@pytest.mark.slow
@needs_pwrite
def test_every_other_value_of_every_byte_is_refused(in_place):
    for offset, byte in enumerate(DATA):
        for value in range(256):
            assert value == byte or in_place.refuses(offset, value), (offset, value)


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "short.fnn"
    path.write_bytes(DATA)
    for length in reversed(range(len(DATA))):
        os.truncate(path, length)
        with pytest.raises(FnnError):
            read(path, MODEL)


# Mutants whose checksums are right: the digest lets them through to the checks behind it


def mutant(rng):
    """A file with some bytes changed, cut, added or exchanged, and lengths that often fit."""
    data = bytearray(SMALL[rng.integers(len(SMALL))])
    for _ in range(rng.integers(1, 5)):
        MUTATIONS[rng.integers(len(MUTATIONS))](rng, data)
    if rng.random() < 0.7 and len(data) >= 48:
        fit_lengths(rng, data)
    return repaired(bytes(data)) if len(data) >= 48 else bytes(data)


def change_header(rng, data):
    offset = int(rng.choice([4, 5, 6, 7, *range(16, 36)]))
    data[offset : offset + 1] = rng.bytes(1) if rng.random() < 0.5 else b"\x00"


def change_size(rng, data):
    """Another image of few symbols; their number is the right one."""
    width, height = (int(side) for side in rng.integers(1, 40, 2))
    h, w, channels = MODEL.latent_shape(width, height)
    for offset, value in ((16, width), (20, height), (24, h * w * channels)):
        data[offset : offset + 4] = value.to_bytes(4, "little")


def change_body(rng, data):
    offset = int(rng.integers(48, max(49, len(data))))
    data[offset : offset + 1] = rng.bytes(1)


def flip_bit(rng, data):
    offset = int(rng.integers(48, max(49, len(data))))
    if offset < len(data):
        data[offset] ^= 1 << int(rng.integers(8))


def cut(rng, data):
    del data[int(rng.integers(40, max(41, len(data)))) :]


def append(rng, data):
    data += rng.bytes(int(rng.integers(1, 20)))


def exchange_body(rng, data):
    data[48:] = rng.bytes(int(rng.integers(0, 80)))


def change_last_byte(rng, data):
    """Mostly within an escaped value: what is left can be a file of other latents."""
    data[-1:] = rng.bytes(1)


MUTATIONS = [
    *(change_header, change_size, change_body, flip_bit, cut, append, exchange_body),
    change_last_byte,
]


def fit_lengths(rng, data):
    """Share the bytes behind the header out to payload and escapes."""
    body = len(data) - 48
    payload = min(body, int.from_bytes(data[28:32], "little"))
    if rng.random() < 0.5:
        payload = 4 * int(rng.integers(0, body // 4 + 1))
    data[28:36] = payload.to_bytes(4, "little") + (body - payload).to_bytes(4, "little")


def meets_mutants(path, count, seed):
    """Read so many; give the sentences, of which one is empty for each valid file."""
    rng = np.random.default_rng(seed)
    said = []
    for _ in range(count):
        data = mutant(rng)
        path.write_bytes(data)
        start = time.thread_time()
        try:
            header, latents = read(path, MODEL)
        except FnnError as error:
            said.append(str(error).removeprefix(f"{path}: "))
        else:
            again = file_of(
                latents,
                TABLES,
                width=header.width,
                height=header.height,
                channels=header.channels,
            )
            assert again.data == data
            said.append("")
        assert time.thread_time() - start < 0.05
    return said


def every_check_was_met(said):
    starts = ["", "payload invalid", "payload not canonical", "escapes invalid", "file has"]
    starts += ["rate", "header damaged", "written by a newer", "payload of", "escapes of"]
    return all(any(s.startswith(start) if start else not s for s in said) for start in starts)


def test_mutants_with_right_checksums_are_refused_or_are_other_files(tmp_path):
    assert every_check_was_met(meets_mutants(tmp_path / "mutant.fnn", 1500, seed=1))


@pytest.mark.slow
def test_ten_thousand_mutants_are_refused_or_are_other_files(tmp_path):
    assert every_check_was_met(meets_mutants(tmp_path / "mutant.fnn", 10_000, seed=2))
