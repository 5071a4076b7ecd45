"""DICOM slides of every kind, read by the decoder that the server and ``ml`` share."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from ml.contracts import Bounds
from ml.slides import SlideError, find_channels, open_slide
from ml.slides.dicom import read_series
from tests import dicom_material as make


def whole(path):
    with open_slide(path) as reader:
        return reader.read(Bounds(0, 0, reader.width, reader.height), (reader.width, reader.height))


def far(one, other):
    return float(np.abs(one.astype(np.float64) - other).mean())


@pytest.mark.parametrize(
    "syntax",
    [make.NATIVE, make.IMPLICIT, make.BIG, make.JPEG, make.JPEG_LS, make.J2K, make.J2K_LOSSLESS, make.HTJ2K,
     make.RLE, make.JPEG_LOSSLESS],
)  # fmt: skip
def test_each_transfer_syntax_is_read(tmp_path, syntax):
    picture = make.tissue()
    path = make.write_colour(tmp_path / "a.dcm", picture, syntax=syntax)
    assert far(whole(path), picture) < (4 if syntax == make.JPEG else 0.01)
    with open_slide(path) as reader:
        assert (reader.width, reader.height) == (420, 300)


@pytest.mark.parametrize("syntax", [make.NATIVE, make.JPEG, make.J2K, make.JPEG_LS, make.RLE])
@pytest.mark.parametrize("samples_are", ["RGB", "YCBCR"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("bare", [False, True])
def test_a_wrong_colour_model_is_noticed(tmp_path, syntax, samples_are, photometric, bare):
    if bare and syntax != make.JPEG:
        pytest.skip("only JPEG has markers")
    picture = make.tissue()
    path = make.write_colour(
        tmp_path / "a.dcm",
        picture,
        syntax=syntax,
        samples_are=samples_are,
        photometric=photometric,
        bare=bare,
    )
    assert far(whole(path), picture) < 4


def test_several_optical_paths_are_channels(tmp_path):
    planes = [make.grey(seed=seed) for seed in range(3)]
    path = make.write_grey(tmp_path / "a.dcm", planes, paths=["DAPI", "FITC", ""], syntax=make.JPEG)
    reader = find_channels(path)
    assert reader.names == ("DAPI", "FITC", "Path 3")
    reader.channels = tuple(type(c)(c.name, 0, 255) for c in reader.channels)
    pixels = reader.read(Bounds(0, 0, 420, 300), (420, 300))
    for index, plane in enumerate(planes):
        assert far(pixels[..., index], plane) < 2
    with pytest.raises(SlideError) as refused:
        open_slide(path)
    assert refused.value.code == "several_channels"


def test_optical_paths_in_files_of_their_own_are_channels_too(tmp_path):
    planes = [make.grey(seed=seed) for seed in range(2)]
    for number, (name, plane) in enumerate(zip(("DAPI", "Cy5"), planes, strict=True), start=1):
        path = make.write_grey(tmp_path / f"{number}.dcm", [plane], paths=[name], series="1.2.3")
        data = pydicom.dcmread(path)
        data.OpticalPathSequence[0].OpticalPathIdentifier = str(number)
        data.save_as(path)
    assert find_channels(tmp_path / "1.dcm").names == ("DAPI", "Cy5")


@pytest.mark.parametrize("syntax", [make.NATIVE, make.BIG, make.JPEG_LS, make.J2K, make.RLE])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_grey_is_scaled_by_the_bits_in_use(tmp_path, syntax, bits):
    deep = make.grey(bits=bits)
    path = make.write_grey(tmp_path / "a.dcm", [deep], syntax=syntax, bits=bits)
    assert far(whole(path)[..., 0], make.grey()) < 1
    # A header that claims all 16 bits does not darken the picture.
    path = make.write_grey(
        tmp_path / "b.dcm", [deep], syntax=make.NATIVE, bits=bits, BitsStored=16, HighBit=15
    )
    assert far(whole(path)[..., 0], make.grey()) < 1


def test_inverted_and_signed_grey(tmp_path):
    picture = make.grey()
    path = make.write_grey(tmp_path / "a.dcm", [255 - picture], photometric="MONOCHROME1")
    assert far(whole(path)[..., 0], picture) == 0
    path = make.write_grey(tmp_path / "b.dcm", [(picture ^ 0x80)], PixelRepresentation=1)
    assert far(whole(path)[..., 0], picture) == 0


def test_a_palette_is_applied(tmp_path):
    index = (make.grey() // 8).astype(np.uint8)
    colours = [np.arange(32, dtype=np.uint16) * step for step in (2048, 1024, 512)]
    lut = {
        f"{name}PaletteColorLookupTable{part}": value
        for name, column in zip(("Red", "Green", "Blue"), colours, strict=True)
        for part, value in (("Descriptor", [32, 0, 16]), ("Data", column.tobytes()))
    }
    path = make.write_grey(tmp_path / "a.dcm", [index], photometric="PALETTE COLOR", **lut)
    expected = np.stack([column[index] >> 8 for column in colours], axis=-1)
    assert far(whole(path), expected) == 0


@pytest.mark.parametrize("organisation", ["TILED_SPARSE", None, ""])
def test_frames_that_name_their_places(tmp_path, organisation):
    picture = make.tissue()
    path = make.write_sparse(tmp_path / "a.dcm", picture, organisation=organisation)
    assert far(whole(path), picture) == 0
    path = make.write_sparse(tmp_path / "b.dcm", picture, keep={0, 5, 6}, organisation=organisation)
    expected = np.full_like(picture, 255)
    for number in (0, 5, 6):
        part = np.s_[number // 4 * 128 : number // 4 * 128 + 128, number % 4 * 128 : number % 4 * 128 + 128]
        expected[part] = picture[part]
    assert far(whole(path), expected) == 0


def test_levels_in_one_folder_are_one_slide(tmp_path):
    picture = make.tissue(512, 768)
    for number, step in enumerate((4, 1, 2)):
        make.write_colour(
            tmp_path / f"{number}.dcm", picture[::step, ::step], syntax=make.J2K, series="1.2.3"
        )
    make.write_colour(
        tmp_path / "label.dcm",
        make.tissue(100, 100),
        series="1.2.3",
        ImageType=["ORIGINAL", "PRIMARY", "LABEL", "NONE"],
    )
    make.write_colour(tmp_path / "other.dcm", make.tissue(900, 900), series="1.2.4")
    for opened in (tmp_path / "0.dcm", tmp_path / "1.dcm"):
        series = read_series(opened)
        assert series.sizes == [(768, 512), (384, 256), (192, 128)]
        assert far(series.fetch(1, (0, 0, 384, 256)), picture[::2, ::2]) < 0.01


def test_a_level_in_several_files(tmp_path):
    picture = make.tissue(256, 256)
    tiles = [make.encode(one, make.NATIVE) for one in make.cut(picture, 128)]
    for number, part in enumerate((tiles[:3], tiles[3:])):
        make.write_frames(
            tmp_path / f"{number}.dcm", part, size=(256, 256), tile=128, photometric="RGB",
            syntax=make.NATIVE,
            series="1.2.3", ConcatenationUID="1.2.9", ConcatenationFrameOffsetNumber=3 * number,
            InConcatenationNumber=number + 1,
        )  # fmt: skip
    assert far(whole(tmp_path / "1.dcm"), picture) == 0


@pytest.mark.parametrize(
    "missing",
    ["ImageType", "FrameOfReferenceUID", "DimensionOrganizationType", "SeriesInstanceUID", "NumberOfFrames",
     "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration", "SamplesPerPixel", "SOPClassUID",
     "SharedFunctionalGroupsSequence", "StudyInstanceUID", "Modality"],
)  # fmt: skip
@pytest.mark.parametrize("value", [None, ""])
def test_an_optional_attribute_may_be_absent_or_empty(tmp_path, missing, value):
    picture = make.tissue()
    path = make.write_colour(tmp_path / "a.dcm", picture, **{missing: value})
    assert far(whole(path), picture) < 4


@pytest.mark.parametrize(
    "missing", ["Rows", "Columns", "BitsAllocated", "TotalPixelMatrixRows", "TotalPixelMatrixColumns"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_an_attribute_that_is_needed_is_named(tmp_path, missing, value):
    path = make.write_colour(tmp_path / "a.dcm", make.tissue(), **{missing: value})
    with pytest.raises(SlideError, match=missing) as refused:
        open_slide(path)
    assert refused.value.code == "unsupported"


def test_a_transfer_syntax_that_is_not_read_is_named(tmp_path):
    path = make.write_colour(tmp_path / "a.dcm", make.tissue(), syntax=make.MPEG, photometric="RGB")
    with pytest.raises(
        SlideError, match=r"MPEG2 Main Profile .*\(1\.2\.840\.10008\.1\.2\.4\.100\), which is not supported"
    ) as refused:
        open_slide(path)
    assert "again" not in str(refused.value.detail)


def test_a_cut_file_is_damaged_and_a_header_is_not_believed(tmp_path):
    path = make.write_colour(tmp_path / "a.dcm", make.tissue(), syntax=make.J2K)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(SlideError, match=r"damaged or cut off. Copy the file again"):
        whole(path)
    path = make.write_colour(
        tmp_path / "b.dcm",
        make.tissue(),
        TotalPixelMatrixColumns=4_000_000_000,
        TotalPixelMatrixRows=4_000_000_000,
    )
    with pytest.raises(SlideError, match="too many"):
        open_slide(path)
    # A frame that declares more than the header does is not decoded.
    tiles = [make.encode(one, make.J2K) for one in make.cut(make.tissue(), 128)]
    tiles[0] = make.encode(make.tissue(1024, 1024), make.J2K)
    path = make.write_frames(
        tmp_path / "c.dcm", tiles, size=(420, 300), tile=128, photometric="RGB", syntax=make.J2K
    )
    with pytest.raises(SlideError, match="Frame 1 of"):
        whole(path)


@pytest.mark.parametrize("planes", [1, 2, 3, 5])
def test_a_z_stack_opens_in_its_middle_plane(tmp_path, planes):
    pictures = [make.tissue(seed=seed) for seed in range(planes)]
    path = make.write_planes(tmp_path / "a.dcm", pictures)
    series = read_series(path)
    assert series.planes == planes
    assert far(whole(path), pictures[(planes - 1) // 2]) < 4
    for number, picture in enumerate(pictures):
        assert far(series.fetch(0, (0, 0, 420, 300), plane=number), picture) < 4
