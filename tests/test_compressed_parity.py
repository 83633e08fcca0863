"""A pruned, distilled and quantised chain: its file alone gives what its record says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from kd_core.evaluate.predictions import read_predictions
from kd_core.study.pipeline import load_data
from kd_core.study.results import results
from kd_core.study.store import Store
from tests.helpers_compressed import compressed_study  # noqa: F401  a fixture

ALONE = """
import json, sys
import numpy as np, onnxruntime
assert not {"torch", "kd_core", "onnx"} & set(sys.modules)
session = onnxruntime.InferenceSession(sys.argv[1])
said = session.get_modelmeta().custom_metadata_map
def column(name):
    return np.array(json.loads(said[f"kdlab.{name}"]), np.float32)[:, None, None]
mean, std = column("mean"), column("std")
images = (np.load(sys.argv[2]).astype(np.float32) / 255 - mean) / std
np.save(sys.argv[3], session.run(["logits"], {"images": images})[0])
"""


def test_the_file_of_a_chain_gives_the_recorded_predictions_in_a_process_of_its_own(
    compressed_study,  # noqa: F811
    tmp_path,
):
    store = Store(compressed_study)
    study = store.studies()[0]
    data = load_data(study.settings.data, compressed_study)
    np.save(tmp_path / "images.npy", data.parts["val"].images)
    chain = [result for result in results(store, study.id) if result.arm.startswith("pdq/")]
    store.close()
    assert [r.model.precision for r in chain] == ["fp32", "fp32", "int8"]
    for result in chain:
        out = tmp_path / f"{result.model.name}.npy"
        subprocess.run(
            [sys.executable, "-I", "-c", ALONE, result.file, tmp_path / "images.npy", out],
            check=True,
        )
        stored = read_predictions(
            result.folder / "predictions" / f"{result.model.name}-val.parquet"
        )
        given = np.load(out)
        np.testing.assert_allclose(given, stored.logits, atol=1e-3)
        np.testing.assert_array_equal(given.argmax(1), stored.predicted())


def test_each_step_leaves_what_it_promised_and_the_truth_about_it(compressed_study):  # noqa: F811
    store = Store(compressed_study)
    found = {r.arm: r for r in results(store, store.studies()[0].id)}
    first, tuned, last = (found[f"pdq/{n}"] for n in ("1-prune-l1", "2-finetune", "3-int8"))
    assert first.model.macs < 0.8 * found["distilled"].model.macs
    assert tuned.model.macs == first.model.macs
    assert last.model.precision == "int8"
    record = store.record(last.run.id)
    store.close()
    told = {finding.msg["id"] for finding in record.models[2].truth.findings}
    # So small a network grows by its tables of scales, and that is said.
    assert "truth.size_unchanged" in told
    assert record.models[1].training.steps > 0
    assert record.parents.keys() == {"origin", "teacher"}
    facts = json.loads((last.folder / "models" / "3-int8" / "facts.json").read_text())
    assert facts["params"]["images"] == 16
    assert (Path(last.folder) / "models" / "3-int8" / "float.pt").is_file()
