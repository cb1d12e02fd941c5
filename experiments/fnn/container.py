"""The ``.fnn`` format, version 1: a header of 48 bytes, the payload, the escapes, nothing more.

Numbers are little-endian and unsigned.

====== ===== ======================================== =============================================
offset bytes field                                    rule
====== ===== ======================================== =============================================
0      4     magic                                    ``89 46 4E 4E``
4      1     version                                  1
5      1     header length                            48
6      1     image channels                         1 or 3
7      1     rate: index of the model's rate          below the model's number of rates
8      8     model digest                             the model's
16     4     image width before padding             1 to 65,535
20     4     image height before padding            1 to 65,535; width x height at most 2**26
24     4     number of symbols                        as model and size imply
28     4     payload bytes, P                         multiple of 4, at most 2 x symbols + 8
32     4     escape bytes, E                          at most 5 x symbols
36     4     CRC-32 of bytes 0 to 35
40     8     first 8 bytes of the SHA-256 of bytes 0
             to 39 followed by all from 48 on
48     P     payload: words of 4 bytes of the range   equal to its symbols encoded again
             coder; all symbols of channel 0 row by
             row, then of channel 1, ...
48 + P E     escapes: a value for each escape symbol  shortest form; no latent of its channel's
             in order, zigzag, 7 bits per byte,       table; 32 bits with sign
             low bits first, top bit: continued
====== ===== ======================================== =============================================

A reader checks in the order of cost, and uses no field before its check: at least 48 bytes; magic;
version; header length; CRC; image; model; rate; symbols; lengths; length of the file; digest. Only
then it decodes, encodes again and compares, and reads the escapes.

The payload is the output of constriction 0.5's ``RangeEncoder`` for the tables' frequencies times
256; ``tests/support/coder_oracle.py`` is the same coder in sixty lines of integers. The last entry
of a table is its escape symbol.

CRC and digest detect accidents. They are no signature: anyone can write a valid file that decodes
to another image.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass

from experiments.fnn.errors import FnnError, require

MAGIC = b"\x89FNN"
VERSION = 1
LENGTH = 48  # bytes of a header
SIDE_LIMIT = 2**16 - 1
PIXEL_LIMIT = 2**26
_FIELDS = struct.Struct("<4sBBBB8s5I")
_CHECKED = _FIELDS.size + 4  # bytes of the header that the digest covers


@dataclass(frozen=True)
class Header:
    """The fields of a header: lengths in bytes, `model` as the first 8 bytes of its digest."""

    channels: int
    rate: int
    model: bytes
    width: int
    height: int
    symbols: int
    payload: int
    escapes: int

    @property
    def file_length(self):
        """Bytes of the whole file."""
        return LENGTH + self.payload + self.escapes


def check_image(channels, width, height):
    """Raise unless the format allows such an image, in writing and in reading."""
    require(channels in (1, 3), f"{channels} channels; an image has 1 or 3")
    sides = f"{width} x {height} pixels"
    fits = 1 <= width <= SIDE_LIMIT and 1 <= height <= SIDE_LIMIT
    require(fits, f"{sides}: a side must be from 1 to {SIDE_LIMIT}")
    require(width * height <= PIXEL_LIMIT, f"{sides} is over the limit of {PIXEL_LIMIT}")


def pack(header, body):
    """Build a file from a header and its body: the payload followed by the escapes."""
    h = header
    fields = _FIELDS.pack(
        *(MAGIC, VERSION, LENGTH, h.channels, h.rate, h.model),
        *(h.width, h.height, h.symbols, h.payload, h.escapes),
    )
    head = fields + struct.pack("<I", zlib.crc32(fields))
    return head + _digest(head, body) + body


def parse(head):
    """Read a header from at most the first 48 bytes of a file, with all checks that need no model.

    Raises `FnnError` for the first rule that is broken, in the order of the format.
    """
    require(len(head) == LENGTH, f"{len(head)} bytes is shorter than a header")
    magic, version, length, channels, rate, *rest = _FIELDS.unpack_from(head)
    require(magic == MAGIC, "not a .fnn file")
    if version > VERSION:
        raise FnnError(f"written by a newer fnnet (version {version}); this one reads {VERSION}")
    crc = zlib.crc32(head[: _FIELDS.size]).to_bytes(4, "little")
    intact = version == VERSION and length == LENGTH and head[_FIELDS.size : _CHECKED] == crc
    require(intact, "header damaged")
    header = Header(channels, rate, *rest)
    check_image(channels, header.width, header.height)
    return header


def check_lengths(header, file_length):
    """Raise unless lengths are possible for the number of symbols and match the file's."""
    h = header
    require(h.payload % 4 == 0, f"payload of {h.payload} bytes: 4 must divide it")
    # No symbol of a table of 16 bits takes more than 2 bytes, no value of 32 bits more than 5.
    for name, length, limit in (
        ("payload", h.payload, 2 * h.symbols + 8),
        ("escapes", h.escapes, 5 * h.symbols),
    ):
        require(length <= limit, f"{name} of {length} bytes: {h.symbols} symbols take {limit}")
    surplus = file_length - h.file_length
    fault = "truncated" if surplus < 0 else f"{surplus} bytes too many"
    sentence = f"file has {file_length} bytes, its header states {h.file_length}: {fault}"
    require(surplus == 0, sentence)


def check_digest(head, body):
    """Raise unless the digest matches: no byte has changed."""
    require(_digest(head[:_CHECKED], body) == head[_CHECKED:], "content damaged")


def _digest(head, body):
    sha = hashlib.sha256(head)
    sha.update(body)
    return sha.digest()[: LENGTH - _CHECKED]
