import numpy as np
import pytest
import torch

from kd_core.compress.factorise_ranks import (
    rank_for,
    spectrum,
    svd_factors,
    tucker_factors,
)


def test_svd_of_full_rank_is_the_matrix_and_of_lower_rank_the_best_one():
    weight = torch.randn(6, 4, 3, 3)
    first, second = svd_factors(weight, 6)
    torch.testing.assert_close((second @ first).reshape(weight.shape), weight)
    first, second = svd_factors(weight, 2)
    left = np.linalg.svd(weight.reshape(6, -1).numpy(), compute_uv=False)[2:]
    error = float((second @ first - weight.flatten(1)).norm())
    assert error == pytest.approx(float(np.sqrt((left**2).sum())), rel=1e-4)  # Eckart & Young 1936


def test_tucker_is_the_projection_that_numpy_gives():
    weight = torch.randn(6, 5, 3, 3, dtype=torch.float32)
    inputs, core, outputs = tucker_factors(weight, (3, 2))
    ours = torch.einsum("rskl,or,si->oikl", core, outputs, inputs).numpy()
    kernel = weight.numpy().astype(np.float64)
    u = np.linalg.svd(kernel.reshape(6, -1))[0][:, :3]
    v = np.linalg.svd(kernel.swapaxes(0, 1).reshape(5, -1))[0][:, :2]
    theirs = np.einsum("oikl,op,ij->pjkl", kernel, u @ u.T, v @ v.T)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    full = tucker_factors(weight, (6, 5))
    whole = torch.einsum("rskl,or,si->oikl", full[1], full[2], full[0])
    torch.testing.assert_close(whole, weight, atol=1e-5, rtol=1e-4)


def test_ranks_keep_the_energy_they_are_asked_for():
    values = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert [rank_for(values, energy) for energy in (0.1, 0.4, 0.41, 0.95, 1.0)] == [1, 1, 2, 4, 4]


def test_params_are_those_of_the_factors():
    kernel = spectrum(torch.randn(8, 6, 3, 3), "tucker")
    assert kernel.form == "tucker"
    assert (kernel.params(), kernel.params((4, 3))) == (8 * 6 * 9, 8 * 4 + 4 * 3 * 9 + 3 * 6)
    point = spectrum(torch.randn(8, 6, 1, 1), "tucker")
    assert (point.form, point.params((2,))) == ("svd", 2 * (8 + 6))
    assert point.pays((2,))
    assert not point.pays((4,))
