"""A weight as a product of smaller ones, and how many numbers of each are enough.

``svd``: the weights of one output in a row give a matrix (out, in · k · k), which is nearly
(out, r) · (r, in · k · k): a convolution to r channels, then a 1 × 1 convolution to all.

``tucker``: a kernel (out, in, k, k) ≈ core (r₁, r₂, k, k) with one matrix for the outputs and one
for the inputs: 1 × 1, then k × k between few channels, then 1 × 1 (Kim et al. 2016). For linear
layers and 1 × 1 kernels it is the same as ``svd``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Form = Literal["svd", "tucker"]


@dataclass(frozen=True)
class Spectrum:
    """What a layer's weights look like to a factorisation.

    Attributes:
        form: How it would be factorised.
        shape: Of its weight, (out, in) or (out, in, k, k).
        values: Squared singular values, falling: of the matrix for ``svd``; of the unfolding along
            the outputs and of the one along the inputs for ``tucker``.
    """

    form: Form
    shape: tuple[int, ...]
    values: tuple[Tensor, ...]

    def ranks(self, energy: float) -> tuple[int, ...]:
        """The fewest numbers that keep a share of the sum of squares, one for each spectrum."""
        return tuple(rank_for(values, energy) for values in self.values)

    def params(self, ranks: tuple[int, ...] | None = None) -> int:
        """Weights of the factors, or of the layer as it is."""
        out, inputs, *kernel = self.shape
        k = 1
        for side in kernel:
            k *= side
        if ranks is None:
            return out * inputs * k
        if self.form == "svd":
            return ranks[0] * (out + inputs * k)
        return ranks[0] * out + ranks[0] * ranks[1] * k + ranks[1] * inputs

    def pays(self, ranks: tuple[int, ...]) -> bool:
        """Whether the factors have fewer weights than the layer."""
        return self.params(ranks) < self.params()


def rank_for(values: Tensor, energy: float) -> int:
    """The smallest r with ``Σ_{i≤r} σᵢ² ≥ energy · Σ σᵢ²``.

    >>> rank_for(torch.tensor([4.0, 3.0, 2.0, 1.0]), 0.7)
    2
    """
    shares = values.double().cumsum(0) / values.double().sum().clamp(min=1e-300)
    return min(len(values), int((shares < energy - 1e-9).sum()) + 1)


def spectrum(weight: Tensor, form: Form) -> Spectrum:
    """The spectrum of one weight, (out, in) or (out, in, k, k)."""
    weight = weight.detach().float().cpu()
    large = weight.ndim == 4 and weight.shape[2] * weight.shape[3] > 1
    if form == "tucker" and large:
        unfolded = (weight.flatten(1), weight.transpose(0, 1).flatten(1))
        return Spectrum("tucker", tuple(weight.shape), tuple(_squares(m) for m in unfolded))
    return Spectrum("svd", tuple(weight.shape), (_squares(weight.flatten(1)),))


def _squares(matrix: Tensor) -> Tensor:
    """Squared singular values, falling: the eigenvalues of the smaller product with itself."""
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = small.double() @ small.double().T
    return torch.linalg.eigvalsh(gram).flip(0).clamp(min=0)


def _left(matrix: Tensor, rank: int) -> Tensor:
    """The leading left singular vectors, (rows, rank), from the product ``M Mᵀ``."""
    vectors = torch.linalg.eigh(matrix.double() @ matrix.double().T)[1]
    return vectors.flip(1)[:, :rank]


def svd_factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """(first, second) with ``second @ first ≈ weight`` as a matrix: (r, in·k·k) and (out, r).

    Both get the square root of each singular value, so that neither is much larger.

    >>> w = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    >>> first, second = svd_factors(w, 1)
    >>> torch.allclose(second @ first, w, atol=1e-5)
    True
    """
    matrix = weight.detach().double().flatten(1)  # (out, in·k·k)
    if matrix.shape[0] <= matrix.shape[1]:
        u = _left(matrix, rank)
        first, second = u.T @ matrix, u
        root = first.norm(dim=1).clamp(min=1e-12).sqrt()
        return (first / root[:, None]).float(), (second * root).float()
    v = _left(matrix.T, rank)
    first, second = v.T, matrix @ v
    root = second.norm(dim=0).clamp(min=1e-12).sqrt()
    return (first * root[:, None]).float(), (second / root).float()


def tucker_factors(weight: Tensor, ranks: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """(inputs (r₂, in), core (r₁, r₂, k, k), outputs (out, r₁)) of a kernel (out, in, k, k).

    By higher-order SVD: the leading singular vectors of both unfoldings, and the kernel seen
    through them (De Lathauwer et al. 2000).
    """
    kernel = weight.detach().double()
    outputs = _left(kernel.flatten(1), ranks[0])  # (out, r₁)
    inputs = _left(kernel.transpose(0, 1).flatten(1), ranks[1])  # (in, r₂)
    core = torch.einsum("oikl,or,is->rskl", kernel, outputs, inputs)  # (r₁, r₂, k, k)
    return inputs.T.float(), core.float(), outputs.float()
