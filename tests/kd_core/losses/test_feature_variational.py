import pytest
import torch

from kd_core.losses.feature_variational import Guess, gaussian_nll


def test_it_is_the_likelihood_of_a_normal_distribution():
    teacher, mean = torch.randn(2, 3, 4, 5, 5, dtype=torch.float64)
    variance = torch.rand(4, 1, 1, dtype=torch.float64) + 0.1
    normal = torch.distributions.Normal(mean, variance.sqrt().expand_as(mean))
    constant = 0.5 * torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64))
    ours = gaussian_nll(teacher, mean, variance) + constant
    torch.testing.assert_close(ours, -normal.log_prob(teacher).mean())


@pytest.mark.parametrize("variance", [0.5, 5.0, 100.0])
def test_the_first_variance_is_the_one_that_was_asked_for(variance):
    mean, spread = Guess(3, 4, variance)(torch.randn(2, 3, 2, 2))
    assert mean.shape == (2, 4, 2, 2)
    torch.testing.assert_close(spread, torch.full((4, 1, 1), variance))


def test_the_best_variance_is_the_mean_squared_error():
    gap = torch.tensor([1.0, 3.0]).reshape(1, 1, 1, 2)
    at = [gaussian_nll(gap, 0 * gap, torch.full((1, 1, 1), v)).item() for v in (4.0, 5.0, 6.0)]
    assert at[1] == min(at)
