import numpy as np
import torch

from kd_core.export.onnx_teacher import OnnxTeacher

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8), np.uint8)


def test_it_answers_like_a_network(ours, contract, by_hand):
    teacher = OnnxTeacher(ours).eval().requires_grad_(False)
    images = torch.from_numpy(contract().normalise(PIXELS)).requires_grad_()
    outputs = teacher(images)
    np.testing.assert_allclose(outputs["logits"], by_hand(images.detach().numpy()), rtol=1e-5)
    assert not outputs["logits"].requires_grad
    assert list(teacher.parameters()) == []


def test_images_with_another_normalisation_are_converted(ours, contract):
    theirs = contract(mean=(0.1,), std=(0.7,))
    plain = OnnxTeacher(ours)(torch.from_numpy(contract().normalise(PIXELS)))
    teacher = OnnxTeacher(ours, mean=theirs.mean, std=theirs.std)
    converted = teacher(torch.from_numpy(theirs.normalise(PIXELS)))
    torch.testing.assert_close(converted["logits"], plain["logits"], rtol=1e-4, atol=1e-5)


def test_what_is_printed_tells_files_apart(ours, tmp_path):
    other = tmp_path / "other.onnx"
    content = ours.read_bytes()
    other.write_bytes(content)
    assert repr(OnnxTeacher(ours)) == repr(OnnxTeacher(other))
    other.write_bytes(content.replace(b"[0.4]", b"[0.3]"))
    assert repr(OnnxTeacher(ours)) != repr(OnnxTeacher(other))
