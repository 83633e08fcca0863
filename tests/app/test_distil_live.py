import pandas as pd

from app.live import networks


def test_each_network_of_a_run_has_curves_of_its_own() -> None:
    epochs = pd.DataFrame(
        {"epoch": [1, 2], "val.accuracy": [0.5, 0.6], "peer-1/val.accuracy": [0.4, 0.7]}
    )
    found = networks(epochs)
    assert list(found) == ["", "peer-1"]
    assert list(found[""].columns) == ["epoch", "val.accuracy"]
    assert found["peer-1"]["val.accuracy"].tolist() == [0.4, 0.7]
    assert found["peer-1"]["epoch"].tolist() == [1, 2]
