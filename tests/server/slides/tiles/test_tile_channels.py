"""Fluorescence and near-infrared slides: recognised at import, composed from checked parameters."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.server.slides.tiles.tile_material import ask, store

pytestmark = pytest.mark.one_database

NAMES = ["DAPI", "CD3 & <b>", "CD8", "PanCK", "Sox10"]


def planes(count: int = 5, dtype=np.uint16, height: int = 700, width: int = 900) -> np.ndarray:
    """Return (count, height, width): a ramp of different direction and depth in each channel."""
    y, x = np.mgrid[:height, :width]
    top = 250 if dtype == np.uint8 else 4000
    ramps = [x / width, y / height, (x + y) / (width + height), 1 - x / width, 1 - y / height]
    return np.stack([(ramp * top).astype(dtype) for ramp in ramps[:count]])


def write_ome(path, pixels: np.ndarray) -> None:
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options = {"tile": (256, 256), "photometric": "minisblack", "compression": "deflate"}
        told = {
            "axes": "CYX", "Channel": {"Name": NAMES[: len(pixels)]},
            "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
        }  # fmt: skip
        tiff.write(pixels, subifds=1, metadata=told, **options)
        half = pixels.reshape(len(pixels), 350, 2, 450, 2).mean(axis=(2, 4)).astype(pixels.dtype)
        tiff.write(half, subfiletype=1, **options)


def write_kind(path, kind: str, pixels: np.ndarray) -> None:
    last = np.moveaxis(pixels, 0, -1)
    tiled = {"tile": (256, 256), "compression": "deflate"}
    if kind == "ome":
        write_ome(path, pixels)
    elif kind == "pages":
        tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None)
    elif kind == "samples":
        tifffile.imwrite(path, last, photometric="minisblack", planarconfig="contig", metadata=None, **tiled)
    elif kind == "planes":
        tifffile.imwrite(
            path, pixels, photometric="minisblack", planarconfig="separate", metadata=None, **tiled
        )
    elif kind == "near infrared":
        tifffile.imwrite(path, last, photometric="rgb", extrasamples=[0], metadata=None, **tiled)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("kind", "count"), [("ome", 5), ("pages", 4), ("samples", 5), ("planes", 4), ("near infrared", 4)]
)
def test_every_layout_gives_each_channel_exactly(tmp_path, settings, kind, count, dtype):
    from server.slides.imports.reading import open_pixels, read_facts

    path = tmp_path / "slide.tif"
    pixels = planes(count, dtype)
    write_kind(path, kind, pixels)
    facts = read_facts(path)
    assert facts.source == "channels"
    assert [channel.bits for channel in facts.channels] == [np.dtype(dtype).itemsize * 8] * count
    source = open_pixels(path, facts)[0]._decoder()
    for index in range(count):
        np.testing.assert_array_equal(source.read(index, (0, 0, 900, 700), (900, 700)), pixels[index])
    names = [channel.name for channel in facts.channels]
    if kind == "ome":
        assert names == NAMES
        assert facts.mpp_x == 0.5
    elif kind == "near infrared":
        assert names == ["Red", "Green", "Blue", "Channel 4"]
        assert [channel.visible for channel in facts.channels] == [True, True, True, False]
    else:
        assert names == [f"Channel {number + 1}" for number in range(count)]


@pytest.mark.parametrize("pixels", [np.zeros((600, 600, 3), np.uint8), np.zeros((600, 600), np.uint8)])
def test_ordinary_images_have_no_channels(tmp_path, settings, pixels):
    from server.slides.imports.reading import read_facts

    path = tmp_path / "slide.tif"
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric=photometric)
    assert read_facts(path).channels == ()


def test_real_slides_have_no_channels(data, settings):
    from server.slides.tiles.channel_source import ChannelSource

    for name in ("cmu-1-small-region.svs", "colorectal-mosaic.tif"):
        with pytest.raises(ValueError, match="not a multi-channel"):
            ChannelSource(data / "slides" / name)


def test_files_that_a_header_names_are_not_opened(tmp_path, settings, monkeypatch):
    from server.slides.imports.reading import read_facts

    secret = np.full((3, 64, 64), 9999, np.uint16)
    tifffile.imwrite(tmp_path / "secret.tif", secret, photometric="minisblack", metadata=None)
    uuid = '<UUID FileName="secret.tif">urn:uuid:2</UUID>'
    elsewhere = "".join(
        f'<TiffData FirstC="{c}" IFD="{c}" PlaneCount="1">{uuid}</TiffData>' for c in range(3)
    )
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'UUID="urn:uuid:1"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
        'SizeX="64" SizeY="64" SizeC="3" SizeZ="1" SizeT="1"><Channel ID="Channel:0:0"/>'
        f"{elsewhere}</Pixels></Image></OME>"
    )
    path = tmp_path / "slide.ome.tif"
    own = np.zeros((3, 64, 64), np.uint16)
    tifffile.imwrite(path, own, description=text, photometric="minisblack", metadata=None)
    opened = []
    open_handle = tifffile.FileHandle.open

    def spy(self):
        opened.append(str(self._file))
        return open_handle(self)

    monkeypatch.setattr(tifffile.FileHandle, "open", spy)
    read_facts(path)
    assert opened
    assert not [name for name in opened if "secret" in name]


def decoded(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(np.int16)


@pytest.fixture
def fluorescence(settings, tmp_path):
    from server.slides.tiles.application import TileApplication
    from server.slides.tiles.grants import issue_grant

    path = tmp_path / "slide.ome.tif"
    write_ome(path, planes())
    manifest = store(path, tmp_path / "drawn")
    application = TileApplication(slides=1, memory=1 << 20, threads=1)
    grant = issue_grant(manifest.sha256)[0]

    def fetch(place: str, channels: str | None):
        query = f"?grant={grant}" + ("" if channels is None else f"&channels={channels}")
        return ask(application, f"/tiles/{manifest.sha256}/{place}{query}")

    return fetch


def test_channels_are_composed_in_their_colours_and_ranges(fluorescence):
    tile = decoded(fluorescence("2/1/0.jpg", "0:ff0000:1000:3000,1:0000ff:0:4000").body)
    pixels = planes()[:, 0:256, 256:512].astype(np.float64)
    red = np.clip((pixels[0] - 1000) / 2000, 0, 1) * 255
    blue = np.clip(pixels[1] / 4000, 0, 1) * 255
    expected = np.stack([red, np.zeros_like(red), blue], axis=-1)
    assert np.abs(tile - expected).mean() < 3


def test_a_level_that_the_file_lacks_is_made_by_area(fluorescence):
    tile = decoded(fluorescence("0/0/0.jpg", "0:ffffff:0:4000").body)
    assert tile.shape == (175, 225, 3)
    expected = planes()[0].reshape(175, 4, 225, 4).mean(axis=(1, 3)) / 4000 * 255
    assert np.abs(tile[..., 0] - expected).mean() < 2


def test_edges_and_crops_of_channels(fluorescence):
    assert decoded(fluorescence("2/3/2.jpg", "0:ffffff:0:4000").body).shape == (188, 132, 3)
    crop = fluorescence("region.jpg", "3:00ff00:0:4000").status
    assert crop == 400


def test_no_channel_is_black_and_what_is_left_out_is_the_first_look(fluorescence):
    assert decoded(fluorescence("1/0/0.jpg", "").body).max() == 0
    assert decoded(fluorescence("1/0/0.jpg", None).body).max() > 50
    tags = {
        fluorescence("1/0/0.jpg", text).headers["etag"] for text in (None, "", "0:ff0000:0:9", "1:ff0000:0:9")
    }
    assert len(tags) == 4


@pytest.mark.parametrize(
    "channels",
    [
        "0", "0:red:0:1", "0:ff0000:5:5", "0:ff0000:9:5", "0:ff0000:0:65536", "-1:ff0000:0:9", "0:FF0000:0:9",
        "0:ff0000:0:9,0:00ff00:0:9", "0:ff0000:0:9,", "0:ff0000:0:9;1:ff0000:0:9", "{}", "0:ff0000:0:9:eval",
        ",".join(f"{index}:ff0000:0:9" for index in range(33)), "٣:ff0000:0:9",
    ],
)  # fmt: skip
def test_channels_that_are_refused(fluorescence, channels):
    answer = fluorescence("1/0/0.jpg", channels)
    assert answer.status == 400
    assert b"invalid_channels" in answer.body


def test_a_channel_that_the_slide_lacks(fluorescence):
    assert fluorescence("1/0/0.jpg", "7:ff0000:0:9").status == 422


def test_a_long_address_is_refused(fluorescence):
    assert fluorescence("1/0/0.jpg", "0" * 2000).status == 414


def test_import_recognises_channels_and_the_viewer_tells(
    tmp_path, api, user_factory, project_factory, real_slide
):
    path = tmp_path / "five.ome.tif"
    write_ome(path, planes())
    project = project_factory(annotator="anna")
    slide = real_slide(project, path)
    assert slide.state == "ready", slide.failure
    told = api(user_factory("anna")).get(f"/api/v1/slides/{slide.pk}/viewer").json()
    assert told["colour_profile"] == "none"
    assert [channel["name"] for channel in told["channels"]] == NAMES
    assert {channel["bits"] for channel in told["channels"]} == {16}
    assert all(0 <= channel["low"] < channel["high"] <= channel["top"] for channel in told["channels"])
    assert told["slide"]["mpp_x"] == 0.5
    assert told["slide"]["format"] == "OME-TIFF"
    picture = api(user_factory("anna")).get(f"/api/v1/slides/{slide.pk}/thumbnail.jpg")
    assert decoded(picture.content).max() > 100


def test_a_slide_with_a_profile_is_told_as_converted(
    tmp_path, api, user_factory, project_factory, real_slide
):
    from tests.server.slides.tiles.tile_material import colourful, other_profile, write_jpeg_tiff

    path = tmp_path / "profiled.tif"
    write_jpeg_tiff(path, colourful(600, 600), photometric="ycbcr", profile=other_profile())
    slide = real_slide(project_factory(annotator="anna"), path)
    told = api(user_factory("anna")).get(f"/api/v1/slides/{slide.pk}/viewer").json()
    assert (told["colour_profile"], told["channels"]) == ("converted", [])
