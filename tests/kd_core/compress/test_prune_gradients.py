import torch

from kd_core.compress.prune_gradients import (
    labelled_images,
    mean_gradients,
    recalibrate,
    squared_gradients,
)
from kd_core.tasks import TASKS, Weighting
from tests.helpers_compress import small_resnet, tiny_shop


def test_gradients_are_those_of_the_mean_loss(tmp_path):
    model, shop = small_resnet(), tiny_shop(tmp_path)
    images, targets = labelled_images(shop, "train", 6)
    loss = TASKS["classification"].loss(model(images), targets, Weighting())
    loss.backward()
    found = mean_gradients(model, shop, 6)
    for name, parameter in model.network.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_squares_are_taken_image_by_image(tmp_path):
    model, shop = small_resnet(), tiny_shop(tmp_path)
    images, targets = labelled_images(shop, "train", 3)
    squares = []
    for row in range(3):
        outputs = model(images[row : row + 1])
        loss = TASKS["classification"].loss(outputs, targets[row : row + 1], Weighting())
        squares.append(torch.autograd.grad(loss, [model.network.fc.weight])[0].square())
    found = squared_gradients(model, shop, 3)
    torch.testing.assert_close(found["fc.weight"], torch.stack(squares).mean(0))


def test_images_come_with_their_own_targets(tmp_path):
    shop = tiny_shop(tmp_path)
    images, targets = labelled_images(shop, "train", 10)
    part = shop.data.parts["train"]
    every, labels = labelled_images(shop, "train", 10**6)
    assert labels.tolist() == part.targets.tolist()
    rows = [int((every == image).flatten(1).all(1).nonzero()[0]) for image in images]
    assert targets.tolist() == labels[rows].tolist()


def test_recalibrated_norms_have_the_statistics_of_the_training_images(tmp_path):
    model, shop = small_resnet(), tiny_shop(tmp_path)
    assert recalibrate(model, shop, 48)
    images, _ = labelled_images(shop, "train", 48)
    seen = model.network.conv1(images)
    torch.testing.assert_close(
        model.network.bn1.running_mean, seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-5
    )
    assert model.network.bn1.momentum == 0.1
    assert not model.training
