import json

import numpy as np
import pytest

from kd_core.errors import ExportError
from kd_core.export.contract import VERSION, FileContract


def test_metadata_gives_the_contract_back(contract):
    full = contract(
        classes=("größer", "b", "c"),
        calibration={"method": "temperature", "T": 1.3},
        threshold=(0.5, 0.4, 0.3),
        run="r0123",
        task="multilabel",
    )
    metadata = full.to_metadata()
    assert all(key.startswith("kdlab.") for key in metadata)
    assert all(isinstance(value, str) for value in metadata.values())
    assert json.loads(metadata["kdlab.schema"]) == VERSION
    assert FileContract.from_metadata(metadata) == full
    assert FileContract.from_metadata({**metadata, "author": "someone"}) == full


def test_a_file_from_elsewhere_has_none():
    assert FileContract.from_metadata({"author": "someone"}) is None


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("kdlab.classes", "[", "contract_unreadable"),
        ("kdlab.size", '"big"', "contract_unreadable"),
        ("kdlab.schema", "99", "contract_newer"),
        ("kdlab.std", "[0.0]", "contract_channels"),
        ("kdlab.mean", "[0.1, 0.2]", "contract_channels"),
    ],
)
def test_damaged_metadata_is_refused(contract, key, value, code):
    with pytest.raises(ExportError) as caught:
        FileContract.from_metadata({**contract().to_metadata(), key: value})
    assert caught.value.code == code


def test_normalising_is_what_it_says(contract):
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 5), np.uint8)
    three = contract(mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), channels=3)
    result = three.normalise(images)
    assert result.dtype == np.float32
    for channel in range(3):
        wanted = (images[:, channel] / 255.0 - three.mean[channel]) / three.std[channel]
        np.testing.assert_allclose(result[:, channel], wanted, rtol=1e-5, atol=1e-6)
