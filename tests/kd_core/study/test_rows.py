from kd_core.errors import JobError
from kd_core.study.rows import ModelRow, RunRow, StudyRow, columns
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_all, study


def test_every_row_type_names_columns_that_exist():
    store = Store()
    for row, table in ((RunRow, "runs"), (ModelRow, "models")):
        store.db.rows(f"SELECT {columns(row, table)} FROM {table}")


def test_rows_carry_their_json():
    store = Store()
    wanted = study(3, do="nan")
    study_id = submit(store, wanted)
    run_all(store)
    row = store.study(study_id)
    assert isinstance(row, StudyRow)
    assert row.settings == wanted
    failed = store.runs(status=["failed"])[0]
    assert failed.error is not None
    assert failed.error.code == "loss_nan"
    model = store.models(study=study_id)[0]
    assert model.values == {"balanced_accuracy": 0.53}
    assert model.scores["balanced_accuracy"].low == 0.4


def test_a_run_without_error_has_none():
    row = RunRow(*[None] * len(RunRow._fields))
    assert row.error is None
    told = row._replace(error_json='{"family": "JobError", "code": "runner_lost", "fields": {}}')
    assert isinstance(told.error, JobError)
