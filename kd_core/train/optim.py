"""One network with its optimiser, its learning rate and its mixed precision."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.config import TrainSettings

MEMORY_SHARE = 40
"""The memory of a batch norm is at most one part in this many of the budget."""


def lr_at(step: int, total: int, train: TrainSettings) -> float:
    """Learning rate of a step (from 0) of a budget of ``total`` steps.

    Grows linearly to ``lr`` over the warm-up, then stays or falls to zero along a half cosine,
    ``lr · (1 + cos(π x)) / 2`` with x the share of the remaining budget that is used
    (Loshchilov & Hutter 2017).

    >>> recipe = TrainSettings(lr=1.0, warmup=0.5)
    >>> [round(lr_at(step, 4, recipe), 3) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    warm = round(train.warmup * total)
    if step < warm:
        return train.lr * (step + 1) / warm
    if train.schedule == "constant":
        return train.lr
    used = (step - warm) / max(1, total - warm)
    return train.lr * (1 + math.cos(math.pi * used)) / 2


def make_optimizer(
    network: nn.Module, train: TrainSettings, helpers: nn.Module | None = None
) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov momentum; no decay for biases and norm parameters.

    Those are the tensors with one dimension: decaying a scale or an offset toward zero shrinks
    the function without making it simpler. Parameters of helpers come after the network's own.
    """
    modules = [network] if helpers is None else [network, helpers]
    trained = [p for module in modules for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": train.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if train.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=train.lr)
    nesterov = train.momentum > 0
    return torch.optim.SGD(groups, lr=train.lr, momentum=train.momentum, nesterov=nesterov)


def shorten_memory(network: nn.Module, total: int) -> None:
    """Let batch norms forget soon enough for a budget of ``total`` steps.

    Some networks are published with a momentum for hundreds of thousands of steps (MobileNetV3
    0.01, MNASNet 0.0003). In a run of a few hundred steps their running statistics would still be
    those of the random start, and a network that has learnt well would fail in evaluation. So the
    memory, 1 / momentum steps, is at most a fortieth of the budget, and 10 steps at the least.

    >>> norm = nn.BatchNorm2d(3, momentum=0.01)
    >>> shorten_memory(norm, 400), norm.momentum
    (None, 0.1)
    """
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.momentum is not None:
            module.momentum = max(module.momentum, min(0.1, MEMORY_SHARE / total))


def amp_type(train: TrainSettings, device: torch.device) -> torch.dtype | None:
    """Half precision where the device gains from it: CUDA, bfloat16 where the card has it.

    A CPU without matrix units is slower in bfloat16, and MPS gains little, so both stay at 32
    bits.
    """
    if train.amp == "off" or device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


class Learner:
    """A network that is being trained, and what helps it to learn.

    Helpers (projections, memories) share the network's optimiser and checkpoint and nothing else:
    they are never deployed, and their gradient is clipped apart, so that the network's own steps
    are as long as they would be without them.

    Attributes:
        network: The network, on the device.
        helpers: Modules of the distillation losses, on the device, always in training mode.
        step: Optimiser steps taken.
    """

    def __init__(
        self,
        network: nn.Module,
        train: TrainSettings,
        total: int,
        device: torch.device,
        helpers: nn.Module | None = None,
    ) -> None:
        # Convolutions are a sixth to a quarter faster with the channels last, on CPUs and GPUs.
        self.network = network.to(device).to(memory_format=torch.channels_last)
        shorten_memory(self.network, total)
        self.step = 0
        self._train, self._total, self._device = train, total, device
        self.helpers = (nn.ModuleDict() if helpers is None else helpers).to(device).train()
        self._optimizer = make_optimizer(self.network, train, self.helpers)
        self._amp = amp_type(train, device)
        # float16 has so small a range that gradients must be scaled up; bfloat16 has none to lose
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._amp == torch.float16)

    @property
    def lr(self) -> float:
        """Learning rate of the next step, or of the last one when there is no next."""
        return lr_at(min(self.step, self._total - 1), self._total, self._train)

    def autocast(self) -> AbstractContextManager[Any]:
        """Context in which the forward pass runs in mixed precision, if it does at all."""
        if self._amp is None:
            return nullcontext()
        return torch.autocast(self._device.type, self._amp)

    def update(self, loss: Tensor) -> None:
        """One optimiser step down the gradient of a scalar loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.lr
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        if self._train.grad_clip:
            self._scaler.unscale_(self._optimizer)
            for module in (self.network, self.helpers):
                if parameters := list(module.parameters()):
                    nn.utils.clip_grad_norm_(parameters, self._train.grad_clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self.step += 1

    def state_dict(self) -> dict[str, Any]:
        """Network, helpers, optimiser, scaler and position in the schedule."""
        return {
            "network": self.network.state_dict(),
            "helpers": self.helpers.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "step": self.step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where :meth:`state_dict` was taken."""
        self.network.load_state_dict(state["network"])
        self.helpers.load_state_dict(state.get("helpers", {}))  # absent in older checkpoints
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self.step = state["step"]
