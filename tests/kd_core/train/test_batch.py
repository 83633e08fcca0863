import torch

from kd_core.train import Batch


def test_length_is_the_number_of_images_with_and_without_labels():
    for targets in (torch.zeros(3), None):
        assert len(Batch(torch.zeros(3, 1, 2, 2), targets, torch.arange(3), view=0)) == 3
