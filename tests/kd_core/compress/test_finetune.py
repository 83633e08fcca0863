from pathlib import Path

from kd_core.compress import COMPRESSORS, Subject
from kd_core.compress.finetune import finetune
from kd_core.config import ModelSettings
from kd_core.models import build_model
from tests.kd_core.compress.test_spec import workshop


def test_the_whole_budget_goes_into_one_training(tmp_path):
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 16, seed=0)
    asked = []

    def tune(network, share):
        asked.append(share)
        return network

    shop = workshop(tmp_path)
    shop = type(shop)(**{**vars(shop), "tune": tune})
    assert finetune(Subject(Path(), model), shop, {}).network is model
    assert asked == [1.0]


def test_a_file_alone_cannot_be_trained():
    spec = COMPRESSORS["finetune"]
    assert spec.refuses(Subject(Path()), {}).id == "refuses.no_network"
    assert spec.tunes == "must"
