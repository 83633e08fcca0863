import numpy as np
import pytest
import torch

from kd_core.compress.qat_fake import FakeQuantNet, LearnedRange, fake_quantised
from kd_core.compress.quantise_calibrate import calibrate
from kd_core.compress.quantise_graph import keep, prepare
from kd_core.compress.quantise_qdq import Scheme, write_qdq
from kd_core.export import OnnxModel
from kd_core.models import load_checkpoint, save_checkpoint
from kd_core.models.task_model import NetworkSpec
from tests.helpers_onnx import small_file, small_shop

SPEC = NetworkSpec(name="tiny_cnn", n_outputs=3, channels=3, size=16)


@pytest.fixture
def case(tmp_path):
    shop = small_shop(tmp_path)
    file = small_file(tmp_path / "model.onnx", shop.data)
    model, images = prepare(file), shop.images("train", 24)
    return file, model, images, calibrate(model, images)


@pytest.mark.parametrize("scheme", [Scheme(weight_bits=7), Scheme(symmetric=True, weight_bits=7)])
@pytest.mark.parametrize("learned", [False, True])
def test_it_rounds_as_the_written_file_does(case, tmp_path, scheme, learned):
    file, model, images, ranges = case
    network = FakeQuantNet(model, ranges, scheme, learned).eval()
    path = keep(write_qdq(model, ranges, scheme), file, tmp_path / "int8.onnx")
    wanted = OnnxModel(path).predict(images)["logits"]
    with torch.no_grad():
        given = network(torch.from_numpy(images)).numpy()
    plain = OnnxModel(file).predict(images)["logits"]
    # far nearer to the INT8 file than INT8 is to float
    assert np.abs(given - wanted).mean() < 0.35 * np.abs(plain - wanted).mean()


def test_ranges_follow_training_images_only(case):
    _, model, images, ranges = case
    network = FakeQuantNet(model, ranges, Scheme())
    x = torch.from_numpy(images) * 3
    before = network.ranges()
    network.eval()(x)
    assert network.ranges() == before
    network.train()(x)
    after = network.ranges()["images"]
    assert after[1] > before["images"][1]
    assert after[1] < 1.2 * before["images"][1]  # it follows slowly


def test_a_learned_range_is_the_rounding_of_onnx_and_has_gradients():
    grid = LearnedRange(0.1, zero_point=10, low=0, high=255)
    x = torch.tensor([-5.0, -0.84, 0.0, 0.26, 3.0, 99.0], requires_grad=True)
    y = grid(x)
    wanted = torch.tensor([-1.0, -0.8, 0.0, 0.3, 3.0, 24.5])  # (q − 10) · 0.1, q in 0 … 255
    torch.testing.assert_close(y, wanted)
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0]  # what is cut off cannot be moved
    # d/d growth of (255 − 10) · scale is 24.5, of (0 − 10) · scale is −1; inside, q · s − x
    inside = (-0.8 + 0.84) + 0 + (0.3 - 0.26) + 0
    assert grid.growth.grad.item() == pytest.approx(24.5 - 1.0 + inside, abs=1e-4)


@pytest.mark.parametrize("learned", [False, True])
def test_a_checkpoint_holds_it(case, tmp_path, learned):
    _, model, images, ranges = case
    network = fake_quantised(SPEC, model, ranges, Scheme(), learned)
    network.train()(torch.from_numpy(images))
    save_checkpoint(tmp_path / "model.pt", network)
    again = load_checkpoint(tmp_path / "model.pt")
    x = torch.from_numpy(images)
    with torch.no_grad():
        torch.testing.assert_close(again(x), network.eval()(x), rtol=0, atol=0)
