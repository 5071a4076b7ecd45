"""Every kind of TIFF shows its own pixels: in tiles of all levels, in the thumbnail, and to ``ml``."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from ml.contracts import Bounds
from tests.server.slides.conftest import API, send
from tests.server.slides.imports.tiff_material import (
    Kind,
    as_stored,
    deep,
    grey,
    halved,
    orientation_tag,
    picture,
    plain,
    pyramid,
)
from tests.server.slides.tiles.tile_material import store

pytestmark = pytest.mark.one_database

RGB = picture()
GREY = grey(RGB)
GREY_RGB = np.repeat(GREY[..., None], 3, axis=2)
CMYK = np.asarray(Image.fromarray(RGB).convert("CMYK")).copy()
CMYK[..., 3] = GREY // 2
CMYK_RGB = np.asarray(Image.fromarray(CMYK, "CMYK").convert("RGB"))
TILED = {"tile": (256, 256)}
STRIPS = {"rowsperstrip": 37}
PALETTE = np.stack([np.linspace(0, 65535, 256), np.linspace(65535, 0, 256), np.full(256, 30_000)]).astype(
    np.uint16
)
SEPARATE = {"photometric": "rgb", "planarconfig": "separate"}


def planes(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def kinds() -> list[Kind]:
    made = []
    for layout in (TILED, STRIPS):
        name = next(iter(layout))
        made += [
            plain(deep(GREY, 16), GREY_RGB, f"16-bit grey, {name}", photometric="minisblack", **layout),
            plain(
                deep(RGB, 16), RGB, f"16-bit rgb, predictor, big-endian, {name}",
                photometric="rgb", compression="deflate", predictor=True, byteorder=">", **layout,
            ),
            plain(deep(RGB, 12), RGB, f"12 bits, {name}", photometric="rgb", compression="lzw", **layout),
            plain(deep(GREY, 10), GREY_RGB, f"10 of 16 bits, {name}", photometric="minisblack", **layout),
            plain(deep(GREY, 14), GREY_RGB, f"14 of 16 bits, {name}", photometric="minisblack", **layout),
            plain(deep(GREY, 15, np.int16), GREY_RGB, f"signed, {name}", photometric="minisblack", **layout),
            plain(
                deep(GREY, 31, np.uint32), GREY_RGB, f"32-bit grey, {name}",
                photometric="minisblack", byteorder=">", **layout,
            ),
            plain(
                deep(GREY, 12, np.int32), GREY_RGB, f"12 of 32 bits, signed, {name}",
                photometric="minisblack", compression="deflate", **layout,
            ),
            plain(
                np.where(GREY == 0, np.nan, GREY / np.float32(510) + 0.25).astype(np.float32),
                np.rint(np.where(GREY_RGB == 0, 0, (GREY_RGB / 510 + 0.25) / 0.75 * 255)).astype(np.uint8),
                f"float with holes, {name}", photometric="minisblack", compression="zstd", **layout,
            ),
            plain(
                (RGB / 255).astype(np.float32), RGB, f"float rgb, {name}",
                photometric="rgb", compression="deflate", predictor=3, **layout,
            ),
            plain(CMYK, CMYK_RGB, f"CMYK, {name}", photometric="separated", compression="lzw", **layout),
            plain(
                CMYK.astype(np.uint16) * 257, CMYK_RGB, f"16-bit CMYK, {name}",
                photometric="separated", **layout,
            ),
            plain(255 - GREY, GREY_RGB, f"white is zero, {name}", photometric="miniswhite", **layout),
            plain(
                GREY, np.rint(PALETTE.T[GREY] / 257).astype(np.uint8), f"palette, {name}",
                photometric="palette", colormap=PALETTE, compression="lzw", **layout,
            ),
            plain(planes(RGB), RGB, f"planes, {name}", **SEPARATE, **layout),
            plain(planes(RGB), RGB, f"planes, lzw, {name}", compression="lzw", **SEPARATE, **layout),
            plain(planes(deep(RGB, 16)), RGB, f"16-bit planes, {name}", byteorder=">", **SEPARATE, **layout),
        ]  # fmt: skip
        made += [
            plain(
                as_stored(RGB, number), RGB, f"orientation {number}, {name}",
                photometric="rgb", compression="deflate", extratags=orientation_tag(number), **layout,
            )
            for number in range(2, 9)
        ]  # fmt: skip
    made += [
        plain(RGB, RGB, compression, photometric="rgb", compression=compression, **TILED)
        for compression in ("zstd", "packbits", "lzma")
    ]
    made.append(plain(deep(RGB, 16), RGB, "tile beyond the image", photometric="rgb", tile=(1024, 1024)))
    made += [
        pyramid(
            as_stored(RGB, number), RGB, f"orientation {number}, pyramid, {sub=}, {tagged=}",
            sub=sub, tagged=tagged,
            photometric="rgb", compression="deflate", tile=(128, 128), extratags=orientation_tag(number),
        )
        for number, sub, tagged in [(3, True, True), (6, True, False), (8, False, True), (5, False, False)]
    ]  # fmt: skip
    return made


def decoded(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(np.int16)


def full_resolution(slide) -> np.ndarray:
    """Return the served tiles of the full resolution as one picture."""
    level, side = slide.pyramid.levels[-1], slide.pyramid.tile_size
    out = np.zeros((level.height, level.width, 3), np.int16)
    for y in range(level.rows):
        for x in range(level.columns):
            tile = decoded(slide.tile(level.z, x, y))
            out[y * side : y * side + tile.shape[0], x * side : x * side + tile.shape[1]] = tile
    return out


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_every_kind_of_tiff_shows_its_own_pixels(tmp_path, settings, kind):
    from ml.slides import open_slide
    from server.slides.tiles.opened import OpenedSlide

    path = tmp_path / "slide.tif"
    shown = kind.write(path).astype(np.int16)
    manifest = store(path, tmp_path / "drawn")
    assert (manifest.width, manifest.height) == (shown.shape[1], shown.shape[0])
    slide = OpenedSlide(manifest)
    # Tiles are sent as JPEG, so single pixels at edges of pure colour differ a little.
    assert np.abs(full_resolution(slide) - shown).mean() < 2.5
    small = halved(shown)
    size = (small.shape[1], small.shape[0])
    box = (0, 0, manifest.width, manifest.height)
    assert np.abs(decoded(slide.region(box, max(size))) - small).mean() < 4
    with open_slide(manifest.path) as reader:
        whole = Bounds(*box)
        assert np.abs(reader.read(whole, box[2:]).astype(np.int16) - shown).max() <= 1
        assert np.abs(reader.read(whole, size).astype(np.int16) - small).mean() < 4


def ome(channels: list[dict[str, str]], shape: tuple[int, int], name: str = "Image") -> str:
    attributes = (" ".join(f'{key}="{value}"' for key, value in one.items()) for one in channels)
    text = "".join(
        f'<Channel ID="Channel:0:{n}" SamplesPerPixel="1" {one}/>' for n, one in enumerate(attributes)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" '
        f'SizeX="{shape[1]}" SizeY="{shape[0]}" SizeC="{len(channels)}" SizeZ="1" SizeT="1">{text}'
        f'<TiffData IFD="0" PlaneCount="{len(channels)}"/></Pixels></Image></OME>'
    )


def rgba(red: int, green: int, blue: int) -> str:
    value = red << 24 | green << 16 | blue << 8 | 255
    return str(value - (1 << 32) if value >= 1 << 31 else value)


COLOURS = {"r": rgba(255, 0, 0), "g": rgba(0, 255, 0), "b": rgba(0, 0, 255)}


@pytest.mark.parametrize(
    ("channels", "order"),
    [
        ([{"Name": "Red"}, {"Name": "Green"}, {"Name": "Blue"}], "rgb"),
        ([{"Name": "blue"}, {"Name": "GREEN"}, {"Name": "red"}], "bgr"),
        ([{"Name": "Kanal Rot"}, {"Name": "Kanal Grün"}, {"Name": "Kanal Blau"}], "rgb"),
        ([{"Name": "红色"}, {"Name": "绿色"}, {"Name": "蓝色"}], "rgb"),
        ([{"Color": COLOURS["b"]}, {"Color": COLOURS["r"]}, {"Color": COLOURS["g"]}], "brg"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_channels_of_the_three_colours_are_a_stained_slide(tmp_path, settings, channels, order):
    from server.slides.imports.reading import open_pixels, read_facts

    bright = np.maximum(RGB, 120)
    path = tmp_path / "slide.ome.tif"
    stored = np.stack([bright[..., "rgb".index(letter)] for letter in order])
    description = ome(channels, bright.shape[:2])
    tifffile.imwrite(
        path,
        stored,
        photometric="minisblack",
        tile=(256, 256),
        metadata=None,
        description=description.encode(),
    )
    facts = read_facts(path)
    assert facts.channels == ()
    tile = open_pixels(path, facts)[0].tile(facts.level_count - 1, 0, 0)
    assert np.array_equal(tile, bright[:256, :256])


@pytest.mark.parametrize("dtype", [np.uint32, np.float32], ids=lambda kind: kind.__name__)
def test_channels_of_32_bits_are_shown_by_their_own_range(tmp_path, settings, dtype):
    from ml.slides.channels.reader import ChannelReader
    from server.slides.tiles.opened import OpenedSlide

    # A weak channel beside a strong one keeps its detail.
    top = (1 << 20, 1 << 30) if dtype == np.uint32 else (0.004, 5e7)
    stored = np.stack([GREY / 255 * top[0], GREY[::-1] / 255 * top[1]]).astype(dtype)
    path = tmp_path / "slide.ome.tif"
    description = ome([{"Name": "DAPI"}, {"Name": "CD3"}], GREY.shape).replace("uint8", dtype.__name__)
    tifffile.imwrite(
        path, stored, photometric="minisblack", metadata=None, description=description.encode(), **TILED
    )
    manifest = store(path, tmp_path / "drawn")
    assert [channel.name for channel in manifest.channels] == ["DAPI", "CD3"]
    assert OpenedSlide(manifest).region((0, 0, manifest.width, manifest.height), 300)
    with ChannelReader(manifest.path) as reader:
        pixels = reader.read(Bounds(0, 0, manifest.width, manifest.height), GREY.shape[::-1])
        for number, shown in enumerate((GREY, GREY[::-1])):
            # The brightest 0.3 % are cut, as of every channel.
            assert np.corrcoef(pixels[..., number].ravel(), shown.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("inks", [{"samples": 5}, {"set": 2}], ids=["five inks", "other inks"])
def test_other_inks_than_cmyk_are_named_and_refused(tmp_path, settings, inks):
    from server.slides.errors import UnreadableSlideError
    from server.slides.imports.reading import read_facts

    path = tmp_path / "slide.tif"
    stored = np.concatenate([CMYK, CMYK[..., :1]], axis=2)[..., : inks.get("samples", 4)]
    tags = [(332, "H", 1, inks["set"], True)] if "set" in inks else []
    tifffile.imwrite(path, stored, photometric="separated", metadata=None, extratags=tags, **TILED)
    with pytest.raises(UnreadableSlideError) as caught:
        read_facts(path)
    assert caught.value.specific_code == "unsupported"
    assert f"{stored.shape[2]} inks." in str(caught.value.detail)


def test_channels_of_fluorescence_keep_the_colours_that_the_file_states(tmp_path, settings):
    from server.slides.imports.reading import read_facts

    dark = np.zeros((3, 300, 300), np.uint8)
    dark[:, 100:120, 100:120] = 200
    told = [
        {"Name": "DAPI", "Color": rgba(0, 0, 255)},
        {"Name": "CD3", "Color": rgba(255, 165, 0)},
        {"Name": "Ki67", "Color": rgba(255, 0, 255)},
    ]
    path = tmp_path / "slide.ome.tif"
    description = ome(told, (300, 300)).encode()
    tifffile.imwrite(path, dark, photometric="minisblack", metadata=None, description=description)
    channels = read_facts(path).channels
    assert [(channel.name, channel.colour) for channel in channels] == [
        ("DAPI", "0000ff"), ("CD3", "ffa500"), ("Ki67", "ff00ff"),
    ]  # fmt: skip


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize(
    "name", ["macro image", "Overview", "slide.svs [label image]", "THUMBNAIL", "Übersichtsbild", "宏观图"]
)
def test_label_and_macro_are_never_the_slide(tmp_path, settings, position, name):
    from server.slides.imports.reading import read_facts

    path = tmp_path / "slide.ome.tif"
    # Larger than the slide, so that its name alone decides.
    images = [("section", RGB), ("thumbnail", RGB[:100, :100])]
    images.insert(position, (name, np.full((900, 900, 3), 90, np.uint8)))
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for title, pixels in images:
            tiff.write(pixels, photometric="rgb", tile=(256, 256), metadata={"Name": title})
    facts = read_facts(path)
    assert (facts.width, facts.height) == (RGB.shape[1], RGB.shape[0])


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"dtype": np.complex64}, "unsupported", "complex"),
        ({"dtype": np.uint64}, "unsupported", "64-bit"),
        ({"photometric": "cielab"}, "unsupported", "CIELAB"),
    ],
)
def test_an_unsupported_kind_is_named_and_not_called_damaged(tmp_path, settings, options, code, words):
    from server.slides.errors import UnreadableSlideError
    from server.slides.imports.reading import read_facts

    path = tmp_path / "slide.tif"
    pixels = RGB.astype(options.get("dtype", np.uint8))
    tifffile.imwrite(path, pixels, photometric=options.get("photometric", "rgb"), metadata=None, **TILED)
    with pytest.raises(UnreadableSlideError) as caught:
        read_facts(path)
    assert caught.value.specific_code == code
    assert words in str(caught.value.detail)
    assert "not damaged" in str(caught.value.detail)
    assert "scanner" not in str(caught.value.detail)


def test_a_file_that_ends_early_is_to_be_copied_again(tmp_path, settings):
    from server.slides.errors import UnreadableSlideError
    from server.slides.imports.reading import read_facts

    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, deep(RGB, 16), photometric="rgb", compression="deflate", metadata=None, **STRIPS)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    with pytest.raises(UnreadableSlideError, match="copy it again from the scanner"):
        read_facts(path)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("case", "name", "size", "corners"),
    [
        ("01-grey16-edge-tiles", "grey16.tif", (300, 260), [(85, 85, 85), (67, 67, 67)]),
        ("02-twelve-bit", "grey-10-of-16-bit.tif", (256, 256), [(85, 85, 85), (66, 66, 66)]),
        ("02-twelve-bit", "rgb-12-of-16-bit.tif", (256, 256), [(254, 0, 0), (0, 199, 0)]),
        ("03-channels-red-green-blue", "rgb-as-channels.ome.tif", (300, 260), [(255, 0, 0), (0, 200, 0)]),
        ("04-macro-image-first", "macro-first.ome.tif", (600, 450), [(255, 0, 0), (0, 200, 0)]),
        ("05-orientation-of-strips", "turned-by-90.tif", (150, 200), [(0, 0, 255), (255, 0, 0)]),
        ("05-orientation-of-strips", "turned-by-270.tif", (150, 200), [(0, 200, 0), (243, 241, 243)]),
        ("09-separate-planes-in-strips", "planes.tif", (120, 80), []),
        ("09-separate-planes-in-strips", "planes-lzw.tif", (200, 150), [(255, 0, 0), (0, 200, 0)]),
    ],
)
def test_files_of_the_cases_are_imported_with_their_own_pixels(
    mia, project, gallery, run_jobs, case_file, case, name, size, corners
):
    """``corners`` are the colours near the upper left and upper right."""
    from server.slides.tiles.opened import OpenedSlide

    send(mia, project, case_file(case, name))
    run_jobs()
    [slide] = gallery()
    assert (slide["state"], slide["width"], slide["height"]) == ("ready", *size)
    assert mia.get(f"{API}/slides/{slide['id']}/viewer").json()["channels"] == []
    pixels = full_resolution(OpenedSlide.by_content(slide["sha256"]))
    for (y, x), colour in zip([(5, 5), (5, size[0] - 6)], corners, strict=False):
        assert np.abs(pixels[y, x] - np.array(colour)).max() <= 20
    thumbnail = decoded(mia.get(slide["thumbnail"]).content)
    expected = np.asarray(
        Image.fromarray(pixels.astype(np.uint8)).resize(thumbnail.shape[1::-1], Image.Resampling.BOX)
    )
    assert np.abs(thumbnail - expected).mean() < 4
    if name == "planes.tif":
        assert np.abs(pixels - np.moveaxis(tifffile.imread(case_file(case, name)), 0, -1)).mean() < 6


def test_the_interpretation_is_kept_beside_the_stored_file(tmp_path, settings):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, deep(RGB, 12), photometric="rgb", metadata=None, **TILED)
    manifest = store(path, tmp_path / "drawn")
    kept = json.loads((manifest.path.parent / "slide.tif.interpretation.json").read_bytes())
    assert (kept["reader"], kept["low"], kept["high"]) == ("tiff", 0, 4095)


def write_two_sections(path) -> None:
    """Write an OME-TIFF of two images of similar size and a macro photograph."""
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, pixels in [("macro", RGB[:80, :80]), ("section A", RGB), ("section B", RGB[:300, :640])]:
            tiff.write(pixels, photometric="rgb", tile=(256, 256), metadata={"Name": name})


@pytest.mark.django_db
def test_a_person_chooses_the_slide_among_images_of_similar_size(
    mia, project, gallery, run_jobs, tmp_path, api, user_factory
):
    from server.audit.models import AuditRecord
    from server.slides.tiles.opened import OpenedSlide

    path = tmp_path / "two.ome.tif"
    write_two_sections(path)
    send(mia, project, path)
    run_jobs()
    [waiting] = gallery()
    assert (waiting["state"], waiting["failure_code"]) == ("failed", "several_images")
    assert "2 images" in waiting["failure"]["text"]
    assert [(one["index"], one["name"], one["width"], one["height"]) for one in waiting["images"]] == [
        (1, "section A", 700, 410), (2, "section B", 640, 300),
    ]  # fmt: skip
    address = f"{API}/slides/{waiting['id']}/image"
    assert mia.post(address, {"image": 0}, format="json").json()["code"] == "no_such_image"
    assert api(user_factory("ann")).post(address, {"image": 2}, format="json").status_code == 403
    assert mia.post(address, {"image": 2}, format="json").json()["state"] == "importing"
    run_jobs()
    [slide] = gallery()
    assert (slide["state"], slide["width"], slide["height"], slide["failure"]) == ("ready", 640, 300, None)
    pixels = full_resolution(OpenedSlide.by_content(slide["sha256"]))
    assert np.abs(pixels - RGB[:300, :640]).mean() < 2.5
    assert mia.post(address, {"image": 1}, format="json").json()["code"] == "image_not_chosen"
    assert AuditRecord.objects.filter(action="slide.image_chosen").count() == 1

    # The other section of the same file is a slide of its own.
    send(mia, project, path, filename="other.ome.tif")
    run_jobs()
    other = next(one for one in gallery() if one["state"] == "failed")
    mia.post(f"{API}/slides/{other['id']}/image", {"image": 1}, format="json")
    run_jobs()
    assert sorted((one["state"], one["width"]) for one in gallery()) == [("ready", 640), ("ready", 700)]


def test_a_profile_is_that_of_the_slide_and_not_of_the_macro(tmp_path, settings):
    from server.slides.tiles.colour import find_profile
    from tests.server.slides.tiles.tile_material import other_profile, srgb_profile

    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(RGB[:80, :80], photometric="rgb", iccprofile=other_profile(), metadata={"Name": "macro"})
        tiff.write(
            RGB, photometric="rgb", tile=(256, 256), iccprofile=srgb_profile(), metadata={"Name": "slide"}
        )
    assert find_profile(path) == srgb_profile()
