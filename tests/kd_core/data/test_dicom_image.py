import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_windowing

from kd_core.data.dicom_image import decode_dicom, is_dicom, patient_id
from kd_core.data.images import read_image
from kd_core.data.windows import Window
from kd_core.errors import DataError
from tests.helpers_data import write_dicom

RNG = np.random.default_rng(0)
FILM = RNG.integers(0, 4096, (10, 14)).astype(np.uint16)
LIMIT = 40_000_000


def decoded(path):
    return decode_dicom(path.read_bytes(), path.name, LIMIT)


def test_values_are_rescaled_to_hounsfield_units(tmp_path):
    path = write_dicom(tmp_path / "ct", FILM, RescaleSlope=2, RescaleIntercept=-1024)
    raw = decoded(path)
    assert (raw.values[..., 0] == FILM * 2.0 - 1024).all()
    assert raw.windowed
    assert raw.bits == 16


def test_the_stored_window_is_pydicoms(tmp_path):
    path = write_dicom(tmp_path / "film.dcm", FILM, WindowCenter=[1500, 9], WindowWidth=[800, 9])
    image = read_image(path, Window(kind="stored"))
    header = pydicom.dcmread(path)
    expected = apply_windowing(FILM, header)  # of all that 16 bits can hold
    assert np.abs(image[..., 0] - expected * (255 / 65535)).max() <= 0.51


def test_monochrome1_is_inverted(tmp_path):
    plain = write_dicom(tmp_path / "a.dcm", FILM)
    film = write_dicom(tmp_path / "b.dcm", FILM, PhotometricInterpretation="MONOCHROME1")
    assert (read_image(film) == 255 - read_image(plain)).all()


def test_padding_takes_no_part_in_the_window(tmp_path):
    padded = FILM.astype(np.int16) + 100
    padded[:5] = -2000
    path = write_dicom(tmp_path / "ct.dcm", padded, RescaleSlope=1, RescaleIntercept=0)
    header = pydicom.dcmread(path)
    header.add_new("PixelPaddingValue", "SS", -2000)
    header.save_as(path)
    low, high = Window(kind="full").bounds(decoded(path).known_values())
    assert (low, high) == (padded[5:].min(), padded[5:].max())


def test_colour_stays_as_it_is(tmp_path):
    colour = RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    path = write_dicom(tmp_path / "photo.dcm", colour)
    assert (read_image(path) == colour).all()


@pytest.mark.parametrize(
    ("code", "tags"),
    [
        ("dicom_frames", {"NumberOfFrames": 3}),
        ("dicom_no_image", {"PixelData": None}),
        ("image_too_large", {"Rows": 60_000, "Columns": 60_000}),
        ("image_broken", {"Rows": 500}),
        ("image_broken", {"BitsAllocated": None}),
    ],
)
def test_bad_files_get_a_code(tmp_path, code, tags):
    path = write_dicom(tmp_path / "bad.dcm", FILM, **tags)
    with pytest.raises(DataError, match=code):
        decoded(path)


def test_an_unknown_compression_is_named(tmp_path):
    path = write_dicom(tmp_path / "film.dcm", FILM)
    header = pydicom.dcmread(path)
    header.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    header.PixelData = pydicom.encaps.encapsulate([b"\0" * 8])
    header["PixelData"].VR = "OB"
    header.save_as(path)
    with pytest.raises(DataError, match="dicom_compressed") as caught:
        decoded(path)
    assert "MPEG2" in caught.value.fields["syntax"]


def test_content_tells_dicom_and_patients(tmp_path):
    path = write_dicom(tmp_path / "IM0001", FILM, PatientID=" P7 ")
    assert is_dicom(path.read_bytes())
    assert not is_dicom(b"II*\0" + b"\0" * 200)
    assert patient_id(path) == "P7"
    assert patient_id(write_dicom(tmp_path / "IM0002", FILM)) == ""
    assert patient_id(tmp_path / "gone") == ""
