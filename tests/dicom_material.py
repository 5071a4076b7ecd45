"""Small DICOM whole slide images of every kind, written with pydicom and imagecodecs."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, generate_uid

WSI = "1.2.840.10008.5.1.4.1.1.77.1.6"
NATIVE, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
JPEG, JPEG_12, JPEG_LOSSLESS = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 70))
JPEG_LS, J2K_LOSSLESS, J2K, HTJ2K = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 90, 91, 201))
RLE, MPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.100"
VOLUME = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def tissue(height=300, width=420, seed=0):
    """Return a stained picture (h, w, 3) uint8: pink and purple on near white, no symmetry, no repeat."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    blob = np.exp(-(((x - width * 0.35) / (width * 0.2)) ** 2 + ((y - height * 0.6) / (height * 0.25)) ** 2))
    texture = np.kron(random.random((height // 12 + 1, width // 12 + 1)), np.ones((12, 12)))[:height, :width]
    depth = blob * (0.6 + 0.4 * texture)
    colour = 244 - depth[..., None] * np.array([60.0, 170.0, 90.0])
    return np.clip(colour + random.normal(0, 1.5, colour.shape), 0, 255).astype(np.uint8)


def grey(height=300, width=420, bits=8, seed=0):
    """Return a grey picture (h, w) that uses all ``bits``."""
    picture = tissue(height, width, seed)[..., 1].astype(np.float32)
    return np.rint(picture / 255 * ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def ycbcr(pixels):
    """Return full-range YCbCr (JPEG) of RGB."""
    red, green, blue = (pixels[..., i].astype(np.float64) for i in range(3))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    out = np.stack([light, 128 + (blue - light) / 1.772, 128 + (red - light) / 1.402], axis=-1)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def cut(pixels, tile):
    """Return tiles (tile, tile, ...) row by row, padded by the last pixel."""
    height, width = pixels.shape[:2]
    pad = ((0, -height % tile), (0, -width % tile)) + ((0, 0),) * (pixels.ndim - 2)
    whole = np.pad(pixels, pad, mode="edge")
    rows, columns = whole.shape[0] // tile, whole.shape[1] // tile
    return [
        np.ascontiguousarray(whole[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile])
        for r in range(rows)
        for c in range(columns)
    ]


def encode(tile, syntax, *, samples_are="RGB", bits=8):  # noqa: PLR0911 - one return a transfer syntax
    """Return one frame in a transfer syntax, with the samples of the tile unchanged."""
    if syntax in (NATIVE, IMPLICIT, MPEG):
        return tile.astype(tile.dtype.newbyteorder("<")).tobytes()
    if syntax == BIG:
        return tile.astype(tile.dtype.newbyteorder(">")).tobytes()
    if syntax == RLE:
        return _rle(tile)
    if syntax == JPEG_LS:
        return imagecodecs.jpegls_encode(tile)
    if syntax in (J2K, J2K_LOSSLESS):
        return imagecodecs.jpeg2k_encode(tile, level=0, codecformat="j2k", mct=False, bitspersample=bits)
    if syntax == HTJ2K:
        return imagecodecs.htj2k_encode(tile)
    if syntax == JPEG_LOSSLESS:
        return imagecodecs.jpeg8_encode(tile, lossless=True, colorspace="RGB", outcolorspace="RGB")
    if tile.ndim == 2:
        return imagecodecs.jpeg8_encode(tile, level=95, bitspersample=bits if bits > 8 else None)
    if samples_are == "RGB":
        return imagecodecs.jpeg8_encode(tile, level=95, colorspace="RGB", outcolorspace="RGB")
    return imagecodecs.jpeg8_encode(tile, level=95, colorspace="YCBCR", outcolorspace="YCBCR")


def without_markers(jpeg):
    """Return a JPEG without its JFIF and Adobe segments, which state the colours, as some scanners do."""
    out, at = bytearray(jpeg[:2]), 2
    while jpeg[at + 1] != 0xDA:
        length = 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] not in (0xE0, 0xEE):
            out += jpeg[at : at + length]
        at += length
    return bytes(out + jpeg[at:])


def _rle(tile):
    encoder = pydicom.pixels.get_encoder(UID(RLE))
    return encoder.encode(
        tile,
        rows=tile.shape[0],
        columns=tile.shape[1],
        number_of_frames=1,
        samples_per_pixel=1 if tile.ndim == 2 else 3,
        bits_allocated=tile.dtype.itemsize * 8,
        bits_stored=tile.dtype.itemsize * 8,
        pixel_representation=0,
        planar_configuration=0,
        photometric_interpretation="MONOCHROME2" if tile.ndim == 2 else "RGB",
        encoding_plugin="pydicom",
    )


def write_frames(path, frames, *, size, tile, photometric, syntax, samples=3, bits=8, series=None, **changes):
    """Write one instance. ``size`` is (width, height); ``changes`` set attributes, None deletes one.

    A value of "" leaves the attribute empty.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = WSI, generate_uid()
    meta.TransferSyntaxUID = UID(syntax)
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    allocated = 8 if bits <= 8 else 16
    values = {
        "SOPClassUID": WSI,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "SeriesInstanceUID": series or generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "ImageType": VOLUME,
        "Modality": "SM",
        "FrameOfReferenceUID": generate_uid(),
        "DimensionOrganizationType": "TILED_FULL",
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": photometric,
        "PlanarConfiguration": 0 if samples > 1 else None,
        "NumberOfFrames": len(frames),
        "Rows": tile,
        "Columns": tile,
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "TotalPixelMatrixColumns": size[0],
        "TotalPixelMatrixRows": size[1],
        "SharedFunctionalGroupsSequence": Sequence([_measures(0.0005)]),
        **changes,
    }
    for name, value in values.items():
        if value is not None:
            setattr(data, name, value if value != "" else None)
    if syntax in (NATIVE, IMPLICIT, BIG):
        body = b"".join(frames)
        data.PixelData = body + b"\0" * (len(body) % 2)
    else:
        data.PixelData = encapsulate(list(frames))
        data["PixelData"].is_undefined_length = True
    data["PixelData"].VR = "OB" if allocated == 8 or syntax not in (NATIVE, IMPLICIT, BIG) else "OW"
    pydicom.dcmwrite(
        path, data, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG, enforce_file_format=False
    )
    return path


def _measures(millimetres, **more):
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [millimetres, millimetres]
    for name, value in more.items():
        setattr(measures, name, value)
    group.PixelMeasuresSequence = Sequence([measures])
    return group


def write_colour(
    path, pixels, *, syntax=JPEG, photometric=None, tile=128, samples_are=None, bare=False, **changes
):
    """Write a colour picture: ``samples_are`` is the stored model, ``photometric`` the stated one."""
    samples_are = samples_are or ("YCBCR" if syntax == JPEG else "RGB")
    photometric = (
        photometric or {"YCBCR": "YBR_FULL_422" if syntax == JPEG else "YBR_FULL", "RGB": "RGB"}[samples_are]
    )
    stored = pixels if samples_are == "RGB" else ycbcr(pixels)
    frames = [encode(one, syntax, samples_are=samples_are) for one in cut(stored, tile)]
    if bare:
        frames = [without_markers(one) for one in frames]
    size = (pixels.shape[1], pixels.shape[0])
    return write_frames(path, frames, size=size, tile=tile, photometric=photometric, syntax=syntax, **changes)


def write_grey(
    path, planes, *, syntax=NATIVE, tile=128, bits=8, paths=None, photometric="MONOCHROME2", **changes
):
    """Write grey pictures (h, w) of one place: optical paths called ``paths``, else focal planes."""
    frames = [encode(one, syntax, bits=bits) for plane in planes for one in cut(plane, tile)]
    if paths:
        changes["OpticalPathSequence"] = Sequence(
            [optical_path(n, name) for n, name in enumerate(paths, start=1)]
        )
        changes["NumberOfOpticalPaths"] = len(paths)
    height, width = planes[0].shape
    return write_frames(
        path, frames, size=(width, height), tile=tile, photometric=photometric, syntax=syntax, samples=1,
        bits=bits, **changes,
    )  # fmt: skip


def optical_path(number, name):
    path = Dataset()
    path.OpticalPathIdentifier = str(number)
    path.OpticalPathDescription = name
    return path


def write_planes(path, planes, *, tile=128, syntax=JPEG, samples_are="YCBCR", **changes):
    """Write colour pictures as the focal planes of one slide, the lowest first."""
    stored = [one if samples_are == "RGB" else ycbcr(one) for one in planes]
    frames = [encode(one, syntax, samples_are=samples_are) for plane in stored for one in cut(plane, tile)]
    changes = {"TotalPixelMatrixFocalPlanes": len(planes), **changes}
    size = (planes[0].shape[1], planes[0].shape[0])
    return write_frames(
        path, frames, size=size, tile=tile, photometric="YBR_FULL_422", syntax=syntax, **changes
    )


def write_sparse(path, pixels, *, tile=128, keep=None, shuffle=True, organisation="TILED_SPARSE", **changes):
    """Write a colour picture whose frames name their places, in disorder, those of ``keep`` only."""
    across = -(-pixels.shape[1] // tile)
    tiles = list(enumerate(cut(pixels, tile)))
    tiles = [one for one in tiles if keep is None or one[0] in keep]
    if shuffle:
        tiles = tiles[::-1]
    groups = []
    for number, _ in tiles:
        position, group = Dataset(), Dataset()
        position.ColumnPositionInTotalImagePixelMatrix = number % across * tile + 1
        position.RowPositionInTotalImagePixelMatrix = number // across * tile + 1
        position.XOffsetInSlideCoordinateSystem = position.YOffsetInSlideCoordinateSystem = 0.0
        position.ZOffsetInSlideCoordinateSystem = 0.0
        group.PlanePositionSlideSequence = Sequence([position])
        groups.append(group)
    changes = {
        "DimensionOrganizationType": organisation,
        "PerFrameFunctionalGroupsSequence": Sequence(groups),
        **changes,
    }  # fmt: skip
    frames = [encode(one, NATIVE) for _, one in tiles]
    size = (pixels.shape[1], pixels.shape[0])
    return write_frames(path, frames, size=size, tile=tile, photometric="RGB", syntax=NATIVE, **changes)
