"""An image's latents as a ``.fnn`` file and back, exactly, on every machine.

`Model` identifies the model that a file belongs to; ``experiments.fnn.container`` defines the
layout of the bytes.
"""

import io
import math
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from experiments.fnn import container, escapes, rangecoder
from experiments.fnn.container import Header
from experiments.fnn.errors import FnnError, require
from experiments.fnn.frequencies import Tables
from experiments.fnn.symbols import to_latents, to_symbols


@dataclass(frozen=True, eq=False)
class Model:
    """The parts of a model that reading its files needs."""

    digest: bytes
    """The 8 bytes by which a file names it, of a hash that covers the tables."""
    tables: tuple[Tables, ...]
    """The tables of each rate."""
    latent_shape: Callable[[int, int], tuple[int, int, int]]
    """``width, height -> (h, w, C)``"""


@dataclass(frozen=True)
class Encoded:
    """A file's bytes, its number of symbols, and how many of these are escapes."""

    data: bytes
    escapes: int
    symbols: int


def encode(latents, tables, *, width, height, channels, rate, model):
    """Encode latents as the bytes of a file; many escapes show that the tables fit other images.

    Parameters
    ----------
    latents : (h, w, C) int32
    tables : Tables
        Those of this rate.
    width, height, channels : int
        Of the image, before padding.
    rate : int
        Index of the model's rate.
    model : bytes
        The model's 8-byte digest.

    Raises
    ------
    FnnError
        If the format allows no such image, rate or digest, or the tables no such channels.
    """
    container.check_image(channels, width, height)
    require(0 <= rate <= 255, f"rate {rate} must be from 0 to 255")
    require(len(model) == 8, f"a model digest has 8 bytes, not {len(model)}")
    symbols, escaped = to_symbols(latents, tables)
    payload, values = rangecoder.encode(symbols, tables), escapes.pack(escaped)
    header = Header(
        *(channels, rate, model, width, height, symbols.size, len(payload), len(values))
    )
    return Encoded(container.pack(header, payload + values), len(escaped), symbols.size)


def read(source, model, *, name="the bytes"):
    """Read a file, given as a path or as bytes, that may be damaged or hostile.

    Memory beyond the file's own length is allocated only once its digest has been verified. Returns
    its `Header` and (h, w, C) int32 latents, of which `encode` writes the same file, to the byte.
    Raises `FnnError` in one sentence that begins with the path or, for bytes, with `name`; also if
    another model than `model` wrote the file.
    """
    name = name if isinstance(source, bytes) else source
    try:
        with _open(source) as file:
            return _read(file, model)
    except FnnError as error:
        raise FnnError(f"{name}: {error}") from None
    except FileNotFoundError as error:
        raise FnnError(f"{name}: does not exist") from error
    except OSError as error:
        cause = error.strerror or str(error)
        raise FnnError(f"{name}: could not be read: {cause}") from error


def _open(source):
    if isinstance(source, bytes):
        return io.BytesIO(source)
    mode = os.stat(source).st_mode
    require(not stat.S_ISDIR(mode), "is a folder, not a .fnn file")
    require(stat.S_ISREG(mode), "is not a regular file")  # opening a pipe would wait for ever
    return open(source, "rb")


def _read(file, model):
    head = file.read(container.LENGTH)
    header = container.parse(head)
    shape = _check_model(header, model)
    container.check_lengths(header, file.seek(0, os.SEEK_END))
    file.seek(container.LENGTH)
    body = file.read(header.payload + header.escapes)
    container.check_digest(head, body)
    return header, _decode(header, body, model.tables[header.rate], shape)


def _check_model(header, model):
    """Check a header against the model; return the shape of the latents."""
    require(
        header.model == model.digest,
        f"made by another model: file {header.model.hex()}, this run {model.digest.hex()}",
    )
    rates = len(model.tables)
    require(header.rate < rates, f"rate {header.rate} must be below {rates}, the model's rates")
    shape = model.latent_shape(header.width, header.height)
    expected = math.prod(shape)
    size = f"{header.width} x {header.height} pixels"
    require(
        header.symbols == expected,
        f"{header.symbols} symbols; {size} of this model have {expected}",
    )
    return shape


def _decode(header, body, tables, shape):
    payload, values = body[: header.payload], body[header.payload :]
    symbols = rangecoder.decode(payload, tables, shape[0] * shape[1])
    # Nothing else detects surplus words and other encodings of the same symbols.
    require(rangecoder.encode(symbols, tables) == payload, "payload not canonical")
    count = int((symbols == tables.size[:, None] - 1).sum())
    return to_latents(symbols, escapes.unpack(values, count), tables, shape)
