"""Checkpoints come back bit for bit, and damaged or foreign files are rejected."""

import os
import stat
import struct
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from checkpoint_builders import (
    Moments,
    assert_same_bits,
    fail_at,
    leftovers,
    posix,
    refusal,
    small_tree,
)

from fnnet import checkpoint, trees

ARRAYS = {
    "float32": np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4),
    "float64": np.array([np.pi, -0.0, 5e-324]),
    "float16": np.array([1.5, np.inf], np.float16),
    "bfloat16": np.asarray([1.0, -2.5, np.nan], jnp.bfloat16),
    "nan_payloads": np.array([0x7FC01234, 0xFFC00001, 0x7F800001], np.uint32).view(np.float32),
    "bfloat16_payloads": np.array([0x7FC5, 0xFF81], np.uint16).view(jnp.bfloat16),
    "int8": np.array([-128, 127], np.int8),
    "int32": np.arange(-3, 3, dtype=np.int32),
    "int64": np.array([-(2**63), 2**63 - 1]),
    "uint8": np.arange(256, dtype=np.uint8),
    "uint64": np.array([2**64 - 1], np.uint64),
    "bool": np.array([[True, False]]),
    "complex64": np.array([1 - 2j], np.complex64),
    "scalar": np.array(7, np.int32),
    "numpy_scalar": np.float32(0.1),
    "bfloat16_scalar": np.array(3, jnp.bfloat16),
    "empty": np.zeros((0, 5), np.float32),
    "empty_last": np.zeros((3, 0), bool),
    "fortran": np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
    "sliced": np.arange(40, dtype=np.int16).reshape(5, 8)[::2, 1::3],
    "reversed": np.arange(6, dtype=np.float32)[::-1],
    "transposed": np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1),
    "broadcast": np.broadcast_to(np.float32(2), (3, 3)),
    "big_endian": np.arange(5, dtype=">i4"),
}


# Round trips


@pytest.mark.parametrize("name", ARRAYS)
def test_every_kind_of_array_comes_back_bit_for_bit(name, tmp_path):
    array = ARRAYS[name]
    checkpoint.save(tmp_path / "a.safetensors", {"x": array})
    loaded = checkpoint.load(tmp_path / "a.safetensors")[0]["x"]
    assert loaded.dtype == array.dtype.newbyteorder("=")
    assert loaded.shape == array.shape
    assert loaded.tobytes() == array.astype(loaded.dtype).tobytes()


def test_a_training_state_comes_back_in_its_structure(tmp_path):
    path, tree = tmp_path / "a.safetensors", small_tree(3)
    checkpoint.save(path, tree, {"width": 3})
    restored, config = checkpoint.restore(path, jax.eval_shape(small_tree))
    assert_same_bits(restored, tree)
    assert config == {"width": 3}
    assert isinstance(restored["opt"], Moments)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(restored))


def test_nan_payloads_survive_the_way_to_the_device(tmp_path):
    tree = {name: ARRAYS[name] for name in ("nan_payloads", "bfloat16_payloads", "scalar")}
    checkpoint.save(tmp_path / "a.safetensors", tree)
    assert_same_bits(checkpoint.restore(tmp_path / "a.safetensors", tree)[0], tree)


def test_names_and_metadata_are_as_documented(tmp_path):
    path, tree = tmp_path / "a.safetensors", small_tree()
    checkpoint.save(path, tree, {"b": 1, "a": [2]})
    with safetensors.safe_open(path, framework="np") as file:
        names, metadata = set(file.keys()), file.metadata()
    assert names == {
        "params/encoder/conv2d_0/kernel",
        "state/0/mean",
        "opt/first",
        "opt/second",
        "step",
    }
    digest = trees.digest(trees.flatten(tree), {"a": [2], "b": 1})
    text = '{"config": {"a": [2], "b": 1}, "digest": "DIGEST", "format": 1}'
    assert metadata == {"fnnet": text.replace("DIGEST", digest)}


def test_the_same_content_makes_the_same_bytes(tmp_path):
    files = [tmp_path / name for name in ("a", "b")]
    checkpoint.save(files[0], {"x": ARRAYS["int32"], "y": ARRAYS["bool"]}, {"p": 1, "q": 2})
    checkpoint.save(files[1], {"y": ARRAYS["bool"], "x": ARRAYS["int32"]}, {"q": 2, "p": 1})
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("config", "comes_back"),
    [
        (None, None),
        ({2: "two", 10: "ten"}, {"2": "two", "10": "ten"}),  # sorted otherwise as texts
        ({"size": (3, 4)}, {"size": [3, 4]}),
        ({"name": "größe 图 \udcff \"'\\"}, {"name": "größe 图 \udcff \"'\\"}),
        ({"rate": 0.1, "limit": float("inf")}, {"rate": 0.1, "limit": float("inf")}),
    ],
)
def test_a_config_comes_back_as_json_has_it(config, comes_back, tmp_path):
    checkpoint.save(tmp_path / "a.safetensors", {}, config)
    assert checkpoint.load(tmp_path / "a.safetensors") == ({}, comes_back)


def test_a_transfer_guard_lets_checkpoints_pass(tmp_path):
    tree = small_tree()
    with jax.transfer_guard("disallow"):
        checkpoint.save(tmp_path / "a.safetensors", tree)
        restored, _ = checkpoint.restore(tmp_path / "a.safetensors", tree)
    assert_same_bits(restored, tree)


@posix
def test_the_file_has_the_mode_of_any_other_file(tmp_path):
    before = os.umask(0o027)
    try:
        checkpoint.save(tmp_path / "a.safetensors", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o640


# What save refuses


@pytest.mark.parametrize(
    ("leaf", "sentence"),
    [
        (3, "opt/x: int is not an array"),
        ("text", "opt/x: str is not an array"),
        (np.array(["a"]), "opt/x: str32 cannot be stored in a checkpoint"),
        (np.array([1 + 1j]), "opt/x: complex128 cannot be stored in a checkpoint"),
        (np.zeros(2, jnp.float8_e4m3fn), "opt/x: float8_e4m3fn cannot be stored in a checkpoint"),
    ],
)
def test_leaves_that_would_not_come_back_are_refused(leaf, sentence, tmp_path):
    with pytest.raises(TypeError) as caught:
        checkpoint.save(tmp_path / "a.safetensors", {"opt": {"x": leaf}})
    assert str(caught.value) == sentence
    assert not list(tmp_path.iterdir())


def test_typed_keys_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(TypeError) as caught:
        checkpoint.save(tmp_path / "a.safetensors", {"key": jax.random.key(0)})
    assert str(caught.value) == (
        "key: key<fry> cannot be stored in a checkpoint; save jax.random.key_data of it"
    )


def test_names_that_would_get_lost_are_refused(tmp_path):
    x = np.zeros(1)
    with pytest.raises(ValueError) as caught:
        checkpoint.save(tmp_path / "a", {"a": {"b": x}, "a/b": x})
    assert str(caught.value) == "two leaves have the same name: a '/' in a key looks like a level"
    with pytest.raises(ValueError) as caught:
        checkpoint.save(tmp_path / "a", {"__metadata__": x})
    assert str(caught.value) == ("a leaf is called '__metadata__', which safetensors reserves")


def test_a_config_that_is_not_json_is_refused(tmp_path):
    with pytest.raises(TypeError) as caught:
        checkpoint.save(tmp_path / "a", {}, {"path": Path("x")})
    assert str(caught.value).startswith("config cannot be written as JSON: Object of type ")
    assert not list(tmp_path.iterdir())


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SIZE_LIMIT", 1000)
    path = tmp_path / "a"
    sentence = refusal(checkpoint.save, path, {"x": np.zeros(1000, np.uint8)})
    assert sentence == f"{path}: 1216 bytes is over the limit of 1000"


# Writing


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file_and_nothing_else(function, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, small_tree(1))
    old = path.read_bytes()
    fail_at(monkeypatch, function, OSError(28, "No space left on device"))
    assert refusal(checkpoint.save, path, small_tree(2)) == (
        f"{path}: could not be saved: No space left on device; the file that was there is unchanged"
    )
    other = tmp_path / "b.safetensors"
    assert refusal(checkpoint.save, other, small_tree(2)) == (
        f"{other}: could not be saved: No space left on device"
    )
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, small_tree(1))
    fail_at(monkeypatch, "replace", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, small_tree(2))
    assert list(tmp_path.iterdir()) == [path]
    assert_same_bits(checkpoint.restore(path, small_tree())[0], small_tree(1))


def test_places_that_cannot_be_written_get_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    places = {
        "absent/a": "No such file or directory",
        "file/a": "Not a directory",
        "folder": "Is a directory",
    }
    for place, reason in places.items():
        path = tmp_path / place
        assert refusal(checkpoint.save, path, {}) == f"{path}: could not be saved: {reason}"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


@posix
def test_a_left_over_link_is_not_written_through(tmp_path):
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "a.tmp").symlink_to(tmp_path / "precious")
    checkpoint.save(tmp_path / "a", {})
    assert (tmp_path / "precious").read_text() == "keep"
    assert checkpoint.load(tmp_path / "a") == ({}, None)


def test_two_savers_in_one_folder_do_not_meet(tmp_path):
    def save_often(name):
        for step in range(10):
            checkpoint.save(tmp_path / name, {"x": np.full(20_000, step)}, {"of": name})

    threads = [threading.Thread(target=save_often, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("a", "b"):
        named, config = checkpoint.load(tmp_path / name)
        assert config == {"of": name}
        assert (named["x"] == 9).all()
    assert not leftovers(tmp_path)


# Damaged and hostile files


@pytest.fixture
def small_file(tmp_path):
    path = tmp_path / "a.safetensors"
    tree = {"x": np.array([1.5, -2.0], np.float32), "n": np.array(3, jnp.bfloat16)}
    checkpoint.save(path, tree, {"width": 12})
    return path


def test_every_flipped_bit_is_refused(small_file):
    body = small_file.read_bytes()
    whole = checkpoint.load(small_file)
    for place in range(len(body)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            mutant = bytearray(body)
            mutant[place] ^= mask
            small_file.write_bytes(mutant)
            assert refusal(checkpoint.load, small_file).startswith(f"{small_file}: ")
    small_file.write_bytes(body)
    assert str(checkpoint.load(small_file)) == str(whole)


def test_every_truncation_is_refused(small_file):
    body = small_file.read_bytes()
    for length in range(len(body)):
        small_file.write_bytes(body[:length])
        sentence = refusal(checkpoint.load, small_file)
        if length < 9:
            assert sentence == f"{small_file}: {length} bytes are too few for a checkpoint"
        else:
            # The body's size is known as soon as the header has all its entries.
            assert sentence in [
                f"{small_file}: ends after {length} of at least {known} bytes: truncated"
                for known in (len(body) - 10, len(body))
            ]


def test_appended_bytes_are_refused(small_file):
    body = small_file.read_bytes()
    for extra in (b"\0", b" ", b"\n", bytes(200), body):
        small_file.write_bytes(body + extra)
        assert refusal(checkpoint.load, small_file).startswith(f"{small_file}: damaged: ")


def test_exchanged_contents_are_told_by_the_digest(small_file):
    named, _ = checkpoint.load(small_file)
    with safetensors.safe_open(small_file, framework="np") as file:
        metadata = file.metadata()
    sentence = f"{small_file}: damaged: its contents do not match its digest"
    for other in ({**named, "x": named["x"] + 1}, {**named, "y": named["n"]}, {"x": named["x"]}):
        small_file.write_bytes(safetensors.numpy.save(other, metadata))
        assert refusal(checkpoint.load, small_file) == sentence
    metadata = {"fnnet": metadata["fnnet"].replace("12", "13")}
    small_file.write_bytes(safetensors.numpy.save(named, metadata))
    assert refusal(checkpoint.load, small_file) == sentence


HOSTILE = {
    "empty": (b"", "0 bytes are too few for a checkpoint"),
    "text": (b"This is a text, not a checkpoint.\n", "is not a safetensors file"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a safetensors file"),
    "zeros": (bytes(100), "is not a safetensors file"),
    "header of 2^63 bytes": (
        struct.pack("<Q", 2**63) + b"{}      ",
        "is not a safetensors file",
    ),
    "header over the limit": (
        struct.pack("<Q", 100_000_001) + b"{}      ",
        "is not a safetensors file",
    ),
    "header longer than the file": (
        struct.pack("<Q", 50_000_000) + b"{}      ",
        "ends after 16 of at least 50000008 bytes: truncated",
    ),
    "no entries": (
        struct.pack("<Q", 8) + b"{}      ",
        "is a safetensors file, but not one that fnnet wrote",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_of_other_kinds_are_refused_by_name(name, tmp_path):
    body, reason = HOSTILE[name]
    path = tmp_path / "a.safetensors"
    path.write_bytes(body)
    assert refusal(checkpoint.load, path) == f"{path}: {reason}"


@pytest.mark.parametrize(
    "header",
    [
        b"{" * 5000,
        b'{"a":' * 5000,
        b'{"x":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        b'{"x":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,1e999]}}',
        b'{"__metadata__":{"fnnet":1}}',
        b'{"\xff":1}',
    ],
)
def test_headers_that_lie_are_refused(header, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert refusal(checkpoint.load, path).startswith(f"{path}: ")


def test_a_huge_header_is_refused(tmp_path):
    path, length = tmp_path / "a.safetensors", 20_000_000
    path.write_bytes(struct.pack("<Q", length) + b"{}" + b" " * (length - 2))
    assert refusal(checkpoint.load, path) == (
        f"{path}: is a safetensors file, but not one that fnnet wrote"
    )
    path.write_bytes(struct.pack("<Q", length) + b'{"' + b" " * (length - 2))
    assert refusal(checkpoint.load, path).startswith(f"{path}: damaged: ")


def test_foreign_safetensors_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    sentence = f"{path}: is a safetensors file, but not one that fnnet wrote"
    for metadata in (None, {"format": "pt"}):
        safetensors.numpy.save_file({"x": np.zeros(3)}, path, metadata)
        assert refusal(checkpoint.load, path) == sentence


def test_a_newer_format_is_told_before_anything_else(tmp_path):
    path = tmp_path / "a.safetensors"
    # float8 cannot even be read by the library, but the version is what the reader must know.
    arrays = {"x": np.zeros(3, jnp.float8_e4m3fn)}
    safetensors.numpy.save_file(arrays, path, {"fnnet": '{"format": 2, "news": []}'})
    assert refusal(checkpoint.load, path) == (
        f"{path}: written by a newer fnnet (format 2); this one reads 1"
    )


@pytest.mark.parametrize(
    "entry",
    [
        *("", "{", "[]", '"x"', "1", "null", "{}", "[" * 100_000),
        *('{"format": 0}', '{"format": 1}', '{"format": "2"}', '{"format": NaN}'),
        '{"format": 1, "digest": null}',
    ],
)
def test_a_wrong_fnnet_entry_is_refused(entry, tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file({"x": np.zeros(3)}, path, {"fnnet": entry})
    assert refusal(checkpoint.load, path) == (
        f"{path}: damaged: its fnnet entry is not one that fnnet writes"
    )


def test_absent_files_and_folders_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    assert refusal(checkpoint.load, path) == f"{path}: does not exist"
    assert refusal(checkpoint.load, tmp_path) == f"{tmp_path}: is a folder, not a checkpoint"
    path.touch()
    assert (
        refusal(checkpoint.load, path / "b") == f"{path / 'b'}: could not be read: Not a directory"
    )


@posix
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert refusal(checkpoint.load, tmp_path / "pipe") == (
        f"{tmp_path / 'pipe'}: is not a regular file"
    )


@posix
@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(small_file):
    small_file.chmod(0)
    assert refusal(checkpoint.load, small_file) == (
        f"{small_file}: could not be read: Permission denied"
    )


@posix  # where files with holes are the rule
def test_a_file_over_the_limit_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    with open(path, "wb") as file:
        file.truncate(2**32 + 1)
    assert refusal(checkpoint.load, path) == (
        f"{path}: 4294967297 bytes is over the limit of 4294967296"
    )


# Fitting a model


KERNEL = "decoder/conv_2/kernel"


@pytest.mark.parametrize(
    ("name", "leaf", "difference"),
    [
        (KERNEL, np.zeros((3, 3, 2, 8), np.float32), "file (3, 3, 2, 4), model (3, 3, 2, 8)"),
        (KERNEL, np.zeros((3, 3, 2, 4), jnp.bfloat16), "file float32, model bfloat16"),
        (KERNEL, np.zeros((3, 3, 2, 4), np.int32), "file float32, model int32"),
        ("decoder/scale", np.zeros((4,), np.float32), "missing from the file, model (4,)"),
    ],
)
def test_the_first_difference_to_the_model_is_named(name, leaf, difference, tmp_path):
    path = tmp_path / "a.safetensors"
    tree = {"decoder": {"conv_2": {"kernel": np.zeros((3, 3, 2, 4), np.float32)}}}
    checkpoint.save(path, tree)
    like = {"decoder": {"conv_2": {"kernel": leaf}}}
    if name != KERNEL:
        like = {"decoder": {"scale": leaf, **tree["decoder"]}}
    for template in (like, jax.eval_shape(lambda: jax.tree.map(jnp.asarray, like))):
        assert refusal(checkpoint.restore, path, template) == f"{path}: {name}: {difference}"


def test_what_the_model_lacks_is_named(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, {"a": np.zeros(2, np.float32), "b": {"c": np.zeros((2, 3))}})
    assert refusal(checkpoint.restore, path, {"a": np.zeros(2, np.float32)}) == (
        f"{path}: b/c: file (2, 3), missing from the model"
    )


def test_a_template_of_numbers_is_refused(tmp_path):
    checkpoint.save(tmp_path / "a", {"step": np.int32(3)})
    with pytest.raises(TypeError) as caught:
        checkpoint.restore(tmp_path / "a", {"step": 0})
    assert str(caught.value) == "step: int is not an array"


def test_wide_numbers_are_not_narrowed_silently(tmp_path):
    path, tree = tmp_path / "a.safetensors", {"x": np.array([0.1])}
    checkpoint.save(path, tree)
    with jax.enable_x64(False):
        assert refusal(checkpoint.restore, path, tree) == (
            f"{path}: x: float64 needs jax_enable_x64, which is off"
        )
    with jax.enable_x64(True):
        assert_same_bits(checkpoint.restore(path, tree)[0], tree)
