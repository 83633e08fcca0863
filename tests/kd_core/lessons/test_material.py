"""The networks behind the answers, on the images as they saw them."""

import numpy as np
import pytest
import torch

from kd_core.errors import ModelError
from kd_core.models.features import propose_layers
from tests.helpers_lessons import sample_material


def test_networks_answer_what_was_recorded():
    material = sample_material()
    for role in ("teacher", "student"):
        voice = material.voice(role)
        assert material.has_network(voice)
        with torch.no_grad():
            said = material.network(voice)(material.batch([0, 5, 7]))["logits"].numpy()
        np.testing.assert_allclose(said, voice.logits[[0, 5, 7]], atol=1e-3)


def test_a_network_is_loaded_once_and_asks_for_a_layer_that_it_has():
    material = sample_material()
    voice = material.voice("student")
    assert material.network(voice) is material.network(voice)
    (path,) = propose_layers(material.network(voice), 3, material.data.size, n=1)
    caught = material.features(voice, [path], range(2))
    assert caught[path].shape[0] == 2
    assert not caught[path].requires_grad
    with pytest.raises(ModelError, match="layer_unknown"):
        material.features(voice, ["no.layer"], [0])


def test_voices_of_a_role_begin_with_the_first_seed():
    material = sample_material()
    assert [voice.seed for voice in material.of_role("student")] == [0, 1, 2]
    assert material.voice("student") is material.of_role("student")[0]
