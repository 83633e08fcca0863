"""Pictures, files and models for the tests of slides."""

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
import tifffile
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from kd_core.export import FileContract, OnnxModel
from kd_core.export.onnx_file import write_metadata

FIELDS = Path(__file__).parents[3] / "sample_data" / "fields"
PINK, GLASS = (200, 120, 150), (225, 220, 230)


def drawn_field(width=400, height=300, radius=14, gap=50, seed=0):
    """Round cells on a grid, with a little noise: uint8 (H, W, 3) and their middles (n, 2)."""
    rng = np.random.default_rng(seed)
    image = np.empty((height, width, 3), np.float64)
    image[:] = GLASS
    y, x = np.mgrid[:height, :width] + 0.5
    middles = [(u, v) for v in range(gap, height - gap // 2, gap) for u in range(gap, width, gap)]
    for u, v in middles:
        image[(x - u) ** 2 + (y - v) ** 2 < radius**2] = PINK
    return (image + rng.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8), np.array(middles)


@pytest.fixture(scope="session")
def field():
    return drawn_field()


@pytest.fixture(scope="session")
def embedded():
    """The second embedded field as pixels and the text of its truth."""
    image = np.asarray(Image.open(FIELDS / "field_2.jpg"))
    return image, (FIELDS / "field_2.json").read_text()


def encoded(array, kind="PNG", **options) -> bytes:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pyramid(image, levels=1, tile=64, big=False, subifds=True, **options) -> bytes:
    """A tiled TIFF with smaller levels, each half of the one before."""
    options = {"photometric": "rgb" if image.ndim == 3 else "minisblack", **options}
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=big) as writer:
        inner = {"subifds": levels} if subifds and levels else {}
        writer.write(image, tile=(tile, tile), **inner, **options)
        for level in range(1, levels + 1):
            smaller = image[:: 2**level, :: 2**level]
            writer.write(smaller, tile=(tile, tile), subfiletype=1, **options)
    return file.getvalue()


def made_model(folder: Path, name="model", brightest=0, **contract) -> OnnxModel:
    """A file whose logits are the mean of the red, green and blue channel, turned by ``brightest``.

    Class 0 is likeliest for images that are red, or another colour as ``brightest`` says.
    """
    weight = np.roll(np.eye(3, dtype=np.float32), brightest, axis=1)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["images"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "w"], ["logits"]),
        ],
        "toy",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    values = {
        "classes": ("healthy", "ring", "debris"),
        "mean": (0.5,) * 3,
        "std": (0.25,) * 3,
        "size": 8,
        "channels": 3,
    }
    write_metadata(model, FileContract(**{**values, **contract}))
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return OnnxModel(path)


@pytest.fixture
def models(tmp_path):
    """Two models that agree on nothing but equal channels."""
    return {
        "teacher": made_model(tmp_path, "teacher"),
        "student": made_model(tmp_path, "student", brightest=1),
    }


@pytest.fixture
def a_model(tmp_path):
    return lambda **options: made_model(tmp_path, **options)


@pytest.fixture
def save():
    return encoded


@pytest.fixture
def tiled():
    return pyramid


@pytest.fixture
def drawn():
    return drawn_field
