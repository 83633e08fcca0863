"""Whether a chain makes sense, said before anything is queued."""

from __future__ import annotations

from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Subject
from kd_core.config import Chain, CompressStep
from kd_core.errors import ConfigError
from kd_core.text import Msg


def leaves_file(spec: CompressorSpec) -> bool:
    """Whether only methods for files can follow: the step changed a file, or the number format."""
    return spec.works_on == "file" or spec.family == "quantise"


def check_chain(chain: Chain, *, has_network: bool = True) -> None:
    """Raise the first thing that cannot be.

    Args:
        chain: The steps.
        has_network: ``False`` where the origin is an ONNX file of a person's own, or a model that
            was made by changing a file.

    Raises:
        ConfigError: ``chain_network_after_file``, ``chain_needs_network``,
            ``chain_step_cannot_tune``, ``chain_step_must_tune``, ``chain_distil_without_tune``,
            and those of the registry.
    """
    network = has_network
    for number, step in enumerate(chain.steps, start=1):
        spec = COMPRESSORS[step.method]
        spec.check(step.params)
        _check_tuning(chain.name, number, step, spec)
        if spec.works_on == "network" and not network:
            fields = {"chain": chain.name, "step": number, "method": title(step.method)}
            if has_network:
                raise ConfigError("chain_network_after_file", **fields)
            raise ConfigError("chain_needs_network", **fields)
        network = network and not leaves_file(spec)


def _check_tuning(chain: str, number: int, step: CompressStep, spec: CompressorSpec) -> None:
    fields = {"chain": chain, "step": number, "method": title(step.method)}
    if step.tune is not None and spec.tunes == "no":
        raise ConfigError("chain_step_cannot_tune", **fields)
    if step.tune is None and spec.tunes == "must":
        raise ConfigError("chain_step_must_tune", **fields)
    if step.distil is not None and step.tune is None:
        raise ConfigError("chain_distil_without_tune", **fields)


def title(method: str) -> dict[str, object]:
    """A method's title as a message in JSON, for the fields of an error."""
    return Msg(COMPRESSORS.text_id(method, "title")).to_json()


def check_step(number: int, step: CompressStep, subject: Subject) -> None:
    """Raise why a step cannot be applied to this very model.

    Raises:
        ConfigError: ``step_refused`` with the method's own reason.
    """
    spec = COMPRESSORS[step.method]
    why = spec.refuses(subject, spec.check(step.params))
    if why is not None:
        raise ConfigError("step_refused", step=number, method=title(step.method), why=why.to_json())
