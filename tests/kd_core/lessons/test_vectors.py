import numpy as np
import pytest
import torch

from kd_core.lessons.vectors import BATCH, batch_of, cosines, huber, kinds, relations, vectors
from tests.helpers_lessons import sample_material


def test_the_batch_is_even_over_the_classes_and_sorted():
    material = sample_material()
    batch = batch_of(material)
    targets = material.targets[batch]
    assert len(set(batch.tolist())) == BATCH
    assert (np.diff(targets) >= 0).all()
    assert set(np.bincount(targets, minlength=5).tolist()) <= {4, 5}
    assert batch.tolist() == batch_of(material).tolist()


def test_vectors_are_what_torch_gives_to_the_last_layer():
    material = sample_material()
    rows = batch_of(material)[:6]
    for role in ("teacher", "student"):
        network, heard = material.network(material.voice(role)), []
        last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
        handle = last.register_forward_pre_hook(lambda module, given, to=heard: to.append(given[0]))
        with torch.no_grad():
            network(material.batch(rows))
        handle.remove()
        found = vectors(material, material.voice(role), rows)
        np.testing.assert_allclose(found, heard[0].numpy(), atol=1e-4)


def test_similarities_by_loops():
    x = np.random.default_rng(0).normal(size=(5, 3))
    targets = np.array([0, 0, 1, 1, 2])
    by_hand = [[a @ b / np.sqrt((a @ a) * (b @ b)) for b in x] for a in x]
    np.testing.assert_allclose(cosines(x), by_hand)
    same = [by_hand[0][1], by_hand[2][3]]
    other = [by_hand[i][j] for i in range(5) for j in range(5) if targets[i] != targets[j]]
    assert kinds(cosines(x), targets) == pytest.approx((np.mean(same), np.mean(other)))


def test_three_images_by_hand():
    """A right triangle with the sides 3, 4 and 5, and one with three equal sides."""
    teacher = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    student = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    found = relations(teacher, student)
    np.testing.assert_allclose(found.distances, [[0.75, 1.0, 1.25], [1, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(found.cosines, [[0.0, 0.6, 0.8], [0.5, 0.5, 0.5]], atol=1e-6)
    assert found.rkd_distance == pytest.approx(2 * (0.5 * 0.25**2 * 2) / 9, abs=1e-6)
    angle = 2 * (0.5 * 0.5**2 + 0.5 * 0.1**2 + 0.5 * 0.3**2) / 27
    assert found.rkd_angle == pytest.approx(angle, abs=1e-6)


def test_huber_is_that_of_torch():
    x = np.array([-3.0, -0.4, 0.0, 0.9, 1.0, 2.5])
    ours = torch.nn.functional.smooth_l1_loss(
        torch.tensor(x), torch.zeros(6, dtype=torch.float64), reduction="none"
    )
    np.testing.assert_allclose(huber(x), ours)
