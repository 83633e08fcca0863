import numpy as np

from app.demo_many import Many, as_predictions
from kd_core.export import FileContract
from kd_core.slides.answers import answers_of


def test_confusion_and_table_are_at_the_same_operating_point() -> None:
    contract = FileContract(
        classes=("healthy", "ill"),
        mean=(0,),
        std=(1,),
        size=8,
        channels=1,
        threshold=0.2,
        calibration={"method": "temperature", "T": 2.0},
    )
    logits = [np.array([0.0, z], np.float32) for z in (-3.0, -2.0, 0.5)]
    found = Many(names=["a", "b", "c"], labels=[0, 1, -1], logits={"one": logits})
    p = as_predictions(found, np.array([0, 1]), "one", contract)
    table = answers_of(np.stack(logits).astype(np.float64), contract)
    assert [contract.classes[k] for k in p.predicted()] == table.names()[:2] == ["healthy", "ill"]
    assert p.targets.tolist() == [0, 1]
