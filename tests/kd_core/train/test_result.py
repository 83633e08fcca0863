import dataclasses

from kd_core.study.records import TrainingRecord
from kd_core.train import FitResult


def test_all_that_training_cost_is_recorded():
    given = {field.name for field in dataclasses.fields(FitResult)}
    assert set(TrainingRecord.model_fields) <= given
    assert given - set(TrainingRecord.model_fields) == {"network", "history", "others"}
