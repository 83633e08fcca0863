import numpy as np
import pytest

from kd_core.compress import COMPRESSORS, CompressorSpec, Made, Workshop
from kd_core.config import Chain, CompressStep, DataSettings, ModelSettings, RunSettings
from kd_core.errors import ConfigError
from tests.helpers_data import tiny_data


def workshop(tmp_path) -> Workshop:
    data = tiny_data()
    return Workshop(data=data, mean=data.mean, std=data.std, folder=tmp_path)


def test_images_are_normalised_and_drawn_by_seed(tmp_path):
    shop = workshop(tmp_path)
    part = shop.data.parts["train"].images
    drawn = shop.images("train", 5)
    assert drawn.shape == (5, *part.shape[1:])
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, shop.images("train", 5))
    assert not np.array_equal(drawn, shop.images("train", 5, seed=1))


def test_no_more_images_than_there_are(tmp_path):
    shop = workshop(tmp_path)
    everything = shop.images("val", 10**6)
    rows = shop.data.parts["val"].images
    mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (shop.mean, shop.std))
    np.testing.assert_allclose(everything, (rows.astype(np.float32) / 255 - mean) / std, atol=1e-6)


def test_an_entry_says_what_it_needs_and_refuses_nothing_by_default():
    spec = CompressorSpec(
        apply=lambda subject, shop, params: Made(), family="prune", works_on="network"
    )
    assert spec.refuses(None, {}) is None
    assert (spec.calibrates, spec.tunes) == (False, "no")
    assert COMPRESSORS.kind == "compressor"


def test_a_chain_has_steps():
    with pytest.raises(ConfigError):
        Chain(name="empty", origin="teacher", steps=())


def test_a_chain_belongs_to_the_identity_of_a_run_and_its_absence_does_not():
    run = RunSettings(
        key="a", role="student", data=DataSettings(dataset="d"), model=ModelSettings(name="m")
    )
    chain = Chain(name="c", origin="teacher", steps=(CompressStep(method="fp16"),))
    assert run.change(chain=chain).config_hash({}) != run.config_hash({})
    stored = run.to_json()
    del stored["chain"]  # as a record from before there were chains
    assert RunSettings.from_json(stored).config_hash({}) == run.config_hash({})
