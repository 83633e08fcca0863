import pytest

from kd_core.errors import StoreError
from kd_core.study import mlflow_export
from kd_core.study.mlflow_export import available, export_mlflow
from tests.helpers_sample import sample_frame, sample_store, sample_study

needs_mlflow = pytest.mark.skipif(not available(), reason="the extra kd-lab[mlflow] is not here")


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(mlflow_export, "available", lambda: False)
    with pytest.raises(StoreError, match="mlflow_missing"):
        export_mlflow(sample_store(), sample_study(), tmp_path)


@needs_mlflow
@pytest.mark.filterwarnings("ignore")  # of libraries behind MLflow
def test_a_study_can_be_read_with_mlflow(tmp_path) -> None:
    assert export_mlflow(sample_store(), sample_study(), tmp_path) == 7
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = (e for e in client.search_experiments() if "synthetic" in e.name)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    row = sample_frame().set_index("key").loc["distilled-s0"]
    made = runs["distilled-s0"]
    assert made.data.metrics["val.macro_auc"] == pytest.approx(row["value.macro_auc"])
    assert made.data.params["train.lr"] == "0.004"
    assert made.data.tags["kdlab.sha256"] == row["sha256"]
    files = {f.path for f in client.list_artifacts(made.info.run_id)}
    assert files == {"model.onnx", "record.json"}
    assert not any("test" in name for name in made.data.metrics)
    epochs = client.get_metric_history(made.info.run_id, "epoch.val.balanced_accuracy")
    assert len(epochs) == 12
