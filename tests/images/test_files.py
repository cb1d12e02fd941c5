import errno
import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_builders import NOT_READ, encode, noise, png_by_hand, png_chunk, smooth
from PIL import Image, ImageCms

from experiments.images import (
    PIXEL_LIMIT,
    ImageError,
    StoredImage,
    find_images,
    read_image,
    write_png,
)

PIXELS = noise()
LOSSLESS = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "PPM": {},
    "WEBP": {"lossless": True, "exact": True},
}


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write bytes under a name into an empty working folder, so that sentences are short."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        Path(name).write_bytes(content)
        return name

    return write


def refusal(path, **options):
    with pytest.raises(ImageError) as caught:
        read_image(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("form", LOSSLESS)
def test_lossless_forms_give_the_pixels_back(put, form):
    image = read_image(put("a.b.x", encode(PIXELS, form, **LOSSLESS[form])))
    assert np.array_equal(image.pixels, PIXELS)
    assert image.pixels.dtype == np.uint8
    assert not image.pixels.flags.writeable
    assert (image.name, image.path, image.is_grey) == ("a.b", Path("a.b.x"), False)
    assert image.notices == ()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff_gives_the_pixels_back(put, compression):
    image = read_image(put("a.tif", encode(PIXELS, "TIFF", compression=compression)))
    assert np.array_equal(image.pixels, PIXELS)


def test_jpeg_gives_what_pillow_decodes(put):
    content = encode(PIXELS, "JPEG", quality=30)
    image = read_image(put("a.jpg", content))
    assert np.array_equal(image.pixels, np.array(Image.open(io.BytesIO(content))))
    assert image.notices == ()


def test_grey_has_three_equal_channels_and_says_that_it_had_one(put):
    grey = PIXELS[..., 0]
    image = read_image(put("a.png", encode(grey, "PNG")))
    assert image.is_grey
    assert image.notices == ()
    assert np.array_equal(image.pixels, np.stack([grey] * 3, axis=-1))


def test_sha256_is_of_the_pixels_in_row_major_order(put):
    image = read_image(put("a.png", encode(PIXELS, "PNG")))
    assert image.sha256 == hashlib.sha256(PIXELS.tobytes()).hexdigest()
    turned = StoredImage.of(np.asfortranarray(PIXELS), "a")
    assert turned.sha256 == image.sha256


def test_real_images_have_their_published_hashes(data_root):
    folder = data_root / "live1"
    lines = (folder / "SHA256.txt").read_text().splitlines()[:3]
    for digest, name, size in (line.split() for line in lines):
        image = read_image(folder / "originals" / f"{name}.png")
        height, width, _ = image.pixels.shape
        assert (image.sha256, f"{width}x{height}") == (digest, size)


# Every row of what can be wrong with an image.


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.png", b"", f"empty.png: empty, {NOT_READ}"),
        ("notes.txt", b"Nothing but words.\n" * 9, f"notes.txt: {NOT_READ}"),
        ("short.txt", b"?", f"short.txt: {NOT_READ}"),
        ("bm.txt", b"BM is no image, it is a text of some length.", f"bm.txt: {NOT_READ}"),
        ("p.txt", b"P5 - notes for the fifth part, none of them long", f"p.txt: {NOT_READ}"),
        ("a.gif", encode(PIXELS, "GIF"), f"a.gif: {NOT_READ}"),
        ("a.png", encode(PIXELS, "GIF"), f"a.png: {NOT_READ}"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", f"a.svg: {NOT_READ}"),
        ("a.eps", encode(PIXELS, "EPS"), f"a.eps: {NOT_READ}"),
        ("a.jp2", encode(PIXELS, "JPEG2000"), f"a.jp2: {NOT_READ}"),
    ],
)
def test_what_is_no_image_is_refused(put, name, content, sentence):
    assert refusal(put(name, content)) == sentence


def test_what_is_no_file_is_refused(put, tmp_path):
    (tmp_path / "photos.png").mkdir()
    assert refusal("photos.png") == f"photos.png: a folder, {NOT_READ}"
    assert refusal("photo.png") == "photo.png: no such file"
    Path("link.png").symlink_to("nowhere.png")
    assert refusal("link.png") == "link.png: no such file"
    os.mkfifo("pipe.png")
    assert refusal("pipe.png") == ("pipe.png: a device or pipe, not an image that fnnet reads")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_refused(put):
    Path(put("a.png", encode(PIXELS, "PNG"))).chmod(0)
    assert refusal("a.png") == "a.png: cannot be read: Permission denied"


def test_a_failing_disk_is_named(put, monkeypatch):
    put("a.png", encode(PIXELS, "PNG"))

    def fail(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Image, "open", fail)
    assert refusal("a.png") == "a.png: cannot be read: Input/output error"


def test_no_memory_is_named(put, monkeypatch):
    put("a.png", encode(PIXELS, "PNG"))

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    assert refusal("a.png") == "a.png: not enough memory for this image"


@pytest.mark.parametrize(("width", "height"), [(8192, 8193), (10_000, 9_000), (32_768, 32_768)])
def test_too_many_pixels_are_refused_before_they_are_decoded(put, width, height):
    put("huge.png", png_by_hand(width, height, bits=8, kind=2, rows=[]))
    assert refusal("huge.png") == (
        f"huge.png: {width * height} pixels is over the limit of 67108864 pixels"
    )


def test_the_pixel_limit_itself_is_allowed(put, monkeypatch):
    assert PIXEL_LIMIT == 2**26
    put("a.png", encode(PIXELS, "PNG"))
    monkeypatch.setattr("experiments.images.files.PIXEL_LIMIT", 2000)
    assert read_image("a.png").pixels.shape == (40, 50, 3)
    monkeypatch.setattr("experiments.images.files.PIXEL_LIMIT", 1999)
    assert refusal("a.png") == "a.png: 2000 pixels is over the limit of 1999 pixels"


TRUNCATED = {  # form, options, share that is kept, sentence with the sizes put in
    "a.png": ("PNG", {}, 0.5, "ends after {:,} bytes, before its image does; a truncated PNG"),
    "a.jpg": ("JPEG", {}, 0.5, "ends after {:,} bytes, before its image does; a truncated JPEG"),
    "end.jpg": (
        *("JPEG", {}, -2),
        "ends after {:,} bytes, before its image does; a truncated JPEG",
    ),
    "progressive.jpg": (
        *("JPEG", {"progressive": True}, 0.9),
        "ends after {:,} bytes, before its image does; a truncated JPEG",
    ),
    "a.bmp": ("BMP", {}, 0.5, "ends after {:,} of {:,} bytes; a truncated BMP"),
    "a.tif": ("TIFF", {}, 0.9, "ends after {:,} bytes, before its image does; a truncated TIFF"),
    "a.webp": ("WEBP", {"lossless": True}, 0.5, "ends after {:,} of {:,} bytes; a truncated WebP"),
    "end.webp": ("WEBP", {}, -1, "ends after {:,} of {:,} bytes; a truncated WebP"),
    "a.ppm": ("PPM", {}, 0.5, "ends after {:,} bytes, before its image does; a truncated PPM"),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_truncated_files_are_refused(put, name):
    form, options, kept, sentence = TRUNCATED[name]
    whole = encode(PIXELS, form, **options)
    part = whole[: int(len(whole) * kept)] if 0 < kept < 1 else whole[:kept]
    expected = sentence.format(len(part), len(whole))
    assert refusal(put(name, part)) == f"{name}: {expected} is not read"


def test_a_tiff_that_lost_its_directory_at_the_end_is_refused(put):
    whole = encode(PIXELS, "TIFF", compression="tiff_lzw")
    assert refusal(put("a.tif", whole[:-200])) == (
        "a.tif: begins like a TIFF but is none; the file is cut short or damaged"
    )


CUT = {
    "PNG": encode(smooth(9, 11), "PNG"),
    "JPEG": encode(smooth(9, 11), "JPEG"),
    "BMP": encode(smooth(9, 11), "BMP"),
    "TIFF": encode(smooth(9, 11), "TIFF"),
    "WEBP": encode(smooth(9, 11), "WEBP"),
    "PPM": encode(smooth(9, 11), "PPM"),
}


@pytest.mark.parametrize("form", CUT)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_cut_anywhere_is_refused_or_lost_no_pixel(tmp_path, form, data):
    whole, path = CUT[form], tmp_path / "a"
    path.write_bytes(whole)
    pixels = read_image(path).pixels
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    try:
        assert np.array_equal(read_image(path).pixels, pixels)
    except ImageError as error:
        assert str(error).startswith(f"{path}: ")


def test_a_png_without_its_last_chunk_is_refused_though_its_pixels_are_there(put):
    whole = encode(PIXELS, "PNG")
    assert refusal(put("a.png", whole[:-12])) == (
        f"a.png: ends after {len(whole) - 12:,} bytes, before its image does; "
        "a truncated PNG is not read"
    )
    assert read_image(put("b.png", whole + b"trailing bytes")).notices == ()


def test_one_changed_byte_in_a_png_is_found(put):
    content = bytearray(encode(PIXELS, "PNG"))
    content[len(content) // 2] ^= 1
    sentence = refusal(put("a.png", bytes(content)))
    assert sentence == (
        "a.png: a damaged PNG is not read (broken data stream when reading image file)"
    )


def test_a_damaged_file_of_full_length_is_not_called_truncated(put):
    content = bytearray(encode(PIXELS, "WEBP", lossless=True))
    content[20] ^= 0xFF  # the signature of the bit stream
    assert refusal(put("a.webp", bytes(content))) == (
        "a.webp: a damaged WebP is not read (could not create decoder object)"
    )


def test_16_bit_grey_is_divided_by_257(put):
    values = np.arange(0, 65536, dtype=np.uint16).reshape(256, 256)
    expected = np.round(values / 257).astype(np.uint8)
    notice = "16-bit grey, divided by 257 and rounded to 8 bits"
    rows = [row.astype(">u2").tobytes() for row in values]
    put("a.png", png_by_hand(256, 256, bits=16, kind=0, rows=rows))
    put("a.tif", encode(values, "TIFF"))
    put("lzw.tif", encode(values, "TIFF", compression="tiff_lzw"))
    put("a.pgm", b"P5\n256 256\n65535\n" + b"".join(rows))
    for name in ("a.png", "a.tif", "lzw.tif", "a.pgm"):
        image = read_image(name)
        assert np.array_equal(image.pixels, np.stack([expected] * 3, axis=-1)), name
        assert image.is_grey
        assert image.notices == (f"{name}: {notice}",)


def test_pgm_of_10_bits_is_scaled_to_8(put):
    values = np.arange(1024, dtype=">u2")
    image = read_image(put("a.pgm", b"P5\n32 32\n1023\n" + values.tobytes()))
    difference = image.pixels[..., 0].astype(float).ravel() - values.astype(float) * 255 / 1023
    assert np.abs(difference).max() <= 0.51
    assert image.notices == ("a.pgm: 16-bit grey, divided by 257 and rounded to 8 bits",)


def test_16_bit_grey_with_a_transparent_value_is_laid_over_white(put):
    rows = [np.array([0, 1000, 65535], ">u2").tobytes()]
    extra = png_chunk(b"tRNS", struct.pack(">H", 1000))
    image = read_image(put("a.png", png_by_hand(3, 1, bits=16, kind=0, rows=rows, extra=extra)))
    assert image.pixels[0, :, 0].tolist() == [0, 255, 255]
    assert image.notices == (
        "a.png: 16-bit grey, divided by 257 and rounded to 8 bits",
        "a.png: partly transparent, laid over white",
    )


def test_16_bit_color_is_read_as_8_with_a_notice(put):
    values = np.random.default_rng(1).integers(0, 65536, (4, 5, 3)).astype(">u2")
    rows = [row.tobytes() for row in values]
    put("a.png", png_by_hand(5, 4, bits=16, kind=2, rows=rows))
    put("a.ppm", b"P6\n5 4\n65535\n" + values.tobytes())
    for name in ("a.png", "a.ppm"):
        image = read_image(name)
        assert np.abs(image.pixels - values / 257).max() <= 1
        assert image.notices == (f"{name}: 16 bits per sample, read as 8",)
        assert not image.is_grey


def test_samples_without_a_faithful_8_bit_form_are_refused(put):
    ramp = np.arange(2000).reshape(40, 50)
    put("float.tif", encode(ramp.astype(np.float32), "TIFF"))
    assert refusal("float.tif") == (
        "float.tif: floating-point samples have no fixed white; "
        "save it with 8 bits per sample first"
    )
    put("a.pfm", b"Pf\n4 4\n-1.0\n" + np.zeros(16, "<f4").tobytes())
    assert refusal("a.pfm") == (
        "a.pfm: floating-point samples have no fixed white; save it with 8 bits per sample first"
    )
    put("int.tif", encode(ramp.astype(np.int32), "TIFF"))
    assert refusal("int.tif") == (
        "int.tif: 32-bit or signed samples have no fixed white; "
        "save it with 8 bits per sample first"
    )
    put("lab.tif", encode(Image.frombytes("LAB", (50, 40), PIXELS.tobytes()), "TIFF"))
    assert refusal("lab.tif") == ("lab.tif: the LAB colour space is not read; save it as RGB first")


def over_white(rgba):
    """The formula, pixel by pixel in float64."""
    alpha = rgba[..., 3:] / 255.0
    return np.round(rgba[..., :3] * alpha + 255.0 * (1 - alpha)).astype(np.uint8)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_over_white(put, form):
    rgba = noise(channels=4)
    content = encode(rgba, form, **LOSSLESS[form])
    image = read_image(put("a.x", content))
    assert np.array_equal(image.pixels, over_white(rgba))
    assert image.notices == ("a.x: partly transparent, laid over white",)
    assert not image.is_grey


def test_grey_with_transparency_stays_grey(put):
    pixels = noise(channels=2)
    image = read_image(put("a.png", encode(pixels, "PNG")))
    grey = np.repeat(pixels[..., :1], 3, axis=-1)
    assert np.array_equal(
        image.pixels, over_white(np.concatenate([grey, pixels[..., 1:]], axis=-1))
    )
    assert image.is_grey
    assert image.notices == ("a.png: partly transparent, laid over white",)
    rows = [bytes([10, 0, 255, 255, 20, 0, 0, 0])]
    image = read_image(put("16.png", png_by_hand(2, 1, bits=16, kind=4, rows=rows)))
    assert image.is_grey
    assert image.pixels[0].tolist() == [[10] * 3, [255] * 3]
    assert image.notices == (
        "16.png: 16 bits per sample, read as 8",
        "16.png: partly transparent, laid over white",
    )


def test_a_transparent_color_or_palette_entry_is_laid_over_white(put):
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (1, 2, 3)
    put("rgb.png", encode(pixels, "PNG", transparency=(1, 2, 3)))
    put("l.png", encode(pixels[..., 0], "PNG", transparency=1))
    palette = Image.fromarray(pixels[..., 0], "L").convert("P")
    put("p.png", encode(palette, "PNG", transparency=1))
    for name in ("rgb.png", "l.png", "p.png"):
        image = read_image(name)
        assert image.pixels[0, 0].tolist() == [255, 255, 255], name
        assert image.pixels[1, 1].tolist() == [0, 0, 0], name
        assert image.notices == (f"{name}: partly transparent, laid over white",)
        assert image.is_grey == (name == "l.png")


def test_opaque_alpha_and_plain_palettes_need_no_notice(put):
    opaque = np.concatenate([PIXELS, np.full((40, 50, 1), 255, np.uint8)], axis=-1)
    image = read_image(put("a.png", encode(opaque, "PNG")))
    assert np.array_equal(image.pixels, PIXELS)
    assert image.notices == ()
    palette = Image.fromarray(PIXELS).quantize(200)
    image = read_image(put("p.png", encode(palette, "PNG")))
    assert np.array_equal(image.pixels, np.array(palette.convert("RGB")))
    assert image.notices == ()


def test_1_bit_images_become_black_and_white(put):
    bits = PIXELS[..., 0] > 127
    image = read_image(put("a.png", encode(bits, "PNG")))
    assert np.array_equal(image.pixels, np.stack([bits] * 3, axis=-1) * np.uint8(255))
    assert image.is_grey
    assert image.notices == ()


@pytest.mark.parametrize(("name", "form"), [("a.jpg", "JPEG"), ("a.tif", "TIFF")])
def test_cmyk_is_converted_with_a_notice_or_refused(put, name, form):
    content = encode(smooth(), form, mode="CMYK")
    image = read_image(put(name, content))
    assert np.abs(image.pixels.astype(int) - smooth()).mean() < 6
    assert image.notices == (f"{name}: CMYK, converted to RGB without a colour profile",)
    assert refusal(name, allow_cmyk=False) == f"{name}: CMYK is not read here; save it as RGB first"


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "MPO"])
def test_of_several_frames_the_first_is_read(put, form):
    second = Image.fromarray(noise(seed=1))
    third = Image.fromarray(noise(seed=2))
    options = LOSSLESS.get(form, {}) | {"save_all": True, "append_images": [second, third]}
    content = encode(PIXELS, form, **options)
    image = read_image(put("a.x", content))
    first = np.array(Image.open(io.BytesIO(content)).convert("RGB"))
    assert np.array_equal(image.pixels, first)
    assert image.notices == ("a.x: 3 frames, of which only the first is read",)


# EXIF says where the stored first row and column belong; each entry brings them back there.
UPRIGHT = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_rotation_is_applied(put, form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = LOSSLESS.get(form, {})
    stored = np.array(Image.open(io.BytesIO(encode(PIXELS, form, **options))))
    image = read_image(put("a.x", encode(PIXELS, form, exif=exif, **options)))
    assert np.array_equal(image.pixels, UPRIGHT[orientation](stored))
    assert image.pixels.flags.c_contiguous
    assert image.notices == ()


def test_impossible_exif_rotation_is_ignored(put):
    exif = Image.Exif()
    exif[0x0112] = 99
    image = read_image(put("a.png", encode(PIXELS, "PNG", exif=exif)))
    assert np.array_equal(image.pixels, PIXELS)


@pytest.mark.filterwarnings("ignore:::PIL")
def test_broken_exif_is_taken_as_upright(put):
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\1" * 7
    image = read_image(put("a.jpg", encode(PIXELS, "JPEG", exif=broken)))
    assert image.pixels.shape == PIXELS.shape
    for name, exif in (("b.png", b"nonsense"), ("c.png", b"II*\0")):
        image = read_image(put(name, encode(PIXELS, "PNG", exif=exif)))
        assert np.array_equal(image.pixels, PIXELS)
        assert image.notices == (f"{name}: its EXIF data cannot be read; taken as upright",)


def test_an_icc_profile_is_dropped_with_a_notice(put):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = read_image(put("a.png", encode(PIXELS, "PNG", icc_profile=profile)))
    assert np.array_equal(image.pixels, PIXELS)
    assert image.notices == ("a.png: its ICC colour profile is dropped",)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_a_text_chunk_that_unpacks_to_200_megabytes_is_refused(put, name):
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(bytes(10**6)) for _ in range(200)) + packed.flush()
    head = b"Comment\0\0" if name == b"zTXt" else b"Comment\0\1\0\0\0"
    extra = png_chunk(name, head + body)
    put("bomb.png", png_by_hand(3, 1, bits=8, kind=2, rows=[bytes(9)], extra=extra))
    assert refusal("bomb.png") == (
        "bomb.png: a text chunk of this PNG unpacks to more than an image's text may hold"
    )


def test_nothing_of_pillows_own_goes_to_stderr(put):
    put("huge.png", png_by_hand(10_000, 9_000, bits=8, kind=2, rows=[]))
    put("cut.tif", encode(PIXELS, "TIFF", compression="tiff_lzw")[:-200])
    put("exif.jpg", encode(PIXELS, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\1\1"))
    samples = struct.pack("<HHI", 277, 3, 1)  # samples a pixel: Pillow logs too many of them
    tiff = encode(PIXELS, "TIFF")
    assert samples + b"\3" in tiff
    put("samples.tif", tiff.replace(samples + b"\3\0", samples + b"\xff\xff"))
    program = (
        "import sys\nfrom experiments.images import ImageError, read_image\n"
        "for path in sys.argv[1:]:\n"
        "    try: read_image(path)\n"
        "    except ImageError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "huge.png", "cut.tif", "exif.jpg", "samples.tif"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


# Writing.


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS[..., 0], PIXELS[:, ::-1], noise(1, 1)])
def test_a_written_png_reads_back(tmp_path, pixels):
    path = tmp_path / "a.png"
    write_png(path, pixels)
    back = read_image(path)
    assert np.array_equal(back.pixels, pixels if pixels.ndim == 3 else np.stack([pixels] * 3, -1))
    assert back.is_grey == (pixels.ndim == 2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_a_written_png_has_the_rights_of_any_new_file(tmp_path):
    write_png(tmp_path / "a.png", PIXELS)
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize(
    "pixels", [PIXELS / 255, PIXELS[..., :2], noise(channels=4), PIXELS[:0], PIXELS[0, 0]]
)
def test_pixels_of_another_kind_are_not_written(tmp_path, monkeypatch, pixels):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError) as caught:
        write_png("a.png", pixels)
    assert str(caught.value) == (
        f"a.png: pixels of shape {pixels.shape} and type {pixels.dtype} cannot be written; "
        "a PNG takes uint8 of shape (H, W) or (H, W, 3)"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("kind", ["full", "interrupt"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call, kind):
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(b"old")

    def fail(*_):
        if kind == "interrupt":
            raise KeyboardInterrupt
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(KeyboardInterrupt if kind == "interrupt" else ImageError) as caught:
        write_png("a.png", PIXELS)
    if kind == "full":
        assert str(caught.value) == "a.png: cannot be written: No space left on device"
    assert Path("a.png").read_bytes() == b"old"
    assert os.listdir() == ["a.png"]


def test_a_disk_that_is_really_full_leaves_nothing_behind(tmp_path):
    program = (
        "import resource, signal, sys\nimport numpy as np\n"
        "from experiments.images import write_png\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)\n"
        "try: write_png('a.png', pixels)\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "a.png: cannot be written: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named_by_the_writer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError) as caught:
        write_png("none/a.png", PIXELS)
    assert str(caught.value) == "none/a.png: cannot be written: No such file or directory"


# Folders.


def test_images_are_found_by_suffix_and_sorted_by_name(tmp_path):
    names = ["b.PNG", "a.jpg", "c.Tiff", "d.webp", "e.ppm", "f.pgm", "g.bmp", "h.jpeg", "i.tif"]
    for name in (*names, ".hidden.png", "._a.png", "Thumbs.db", "notes.txt", "png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "inner.png").touch()
    found = find_images(tmp_path)
    assert [path.name for path in found] == sorted(names)
    assert find_images(str(tmp_path)) == found


def found_fault(folder):
    with pytest.raises(ImageError) as caught:
        find_images(folder)
    return str(caught.value)


def test_folders_without_images_say_what_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert found_fault("none") == "none: no such folder"
    Path("a.png").touch()
    assert found_fault("a.png") == "a.png: a file, not a folder of images"
    Path("empty").mkdir()
    assert found_fault("empty") == "empty: an empty folder"
    Path("notes/inner").mkdir(parents=True)
    Path("notes/a.txt").touch()
    Path("notes/b.txt").touch()
    assert found_fault("notes") == (
        "notes: no image (.png .jpg .jpeg .bmp .tif .tiff .webp .ppm .pgm) among its "
        "2 files and 1 folders"
    )


@pytest.mark.parametrize(("one", "other"), [("a.bmp", "a.png"), ("A.png", "a.png")])
def test_two_images_of_one_name_are_refused(tmp_path, monkeypatch, one, other):
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    Path("set", one).touch()
    Path("set", other).touch()
    if len(os.listdir("set")) == 1:
        pytest.skip("this file system does not tell cases apart")
    assert found_fault("set") == f"set: {one} and {other} share one name; keep one of them"


def test_a_dangling_link_is_found_so_that_reading_names_it(tmp_path):
    (tmp_path / "a.png").symlink_to("nowhere")
    assert [path.name for path in find_images(tmp_path)] == ["a.png"]
