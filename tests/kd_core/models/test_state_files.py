import io
import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kd_core.errors import ModelError
from kd_core.models.state_files import read_tensors


def state() -> dict[str, torch.Tensor]:
    return nn.Linear(3, 2).state_dict()


def code(path) -> str:
    with pytest.raises(ModelError) as caught:
        read_tensors(path)
    return caught.value.code


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.module."])
@pytest.mark.parametrize("container", [None, "state_dict", "model"])
def test_state_dict_is_found_in_what_scripts_save(tmp_path, prefix, container):
    tensors = {prefix + name: value for name, value in state().items()}
    data = tensors if container is None else {"epoch": 3, container: tensors, "note": "text"}
    torch.save(data, tmp_path / "w.pt")
    assert set(read_tensors(tmp_path / "w.pt")) == {"weight", "bias"}


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_safetensors_is_known_by_its_content(tmp_path, name):
    tensors = state()
    save_file(tensors, tmp_path / name)
    assert torch.equal(read_tensors(tmp_path / name)["weight"], tensors["weight"])


def test_old_torch_format_is_read(tmp_path):
    torch.save(state(), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert set(read_tensors(tmp_path / "w.pth")) == {"weight", "bias"}


class Attack:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("writer", ["torch", "pickle", "pickle 2"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, writer):
    target, path = tmp_path / "owned", tmp_path / "w.pt"
    if writer == "torch":
        torch.save({"state_dict": Attack(target)}, path)
    else:
        path.write_bytes(pickle.dumps(Attack(target), protocol=2 if writer[-1] == "2" else 4))
    assert code(path) == "checkpoint_has_code"
    assert not target.exists()


def test_a_whole_pickled_module_names_its_class(tmp_path):
    torch.save(nn.Linear(3, 2), tmp_path / "w.pt")
    with pytest.raises(ModelError) as caught:
        read_tensors(tmp_path / "w.pt")
    assert caught.value.fields["found"] == "torch.nn.modules.linear.Linear"


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"\x80", b"\x80\x02K\x01", b"PK"])
def test_rubbish_is_refused(tmp_path, content, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    assert code(path) in ("checkpoint_unreadable", "checkpoint_has_code", "checkpoint_empty")


def test_cut_files_are_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save(state(), buffer)
    path = tmp_path / "w.pt"
    for size in (100, len(buffer.getvalue()) // 2, len(buffer.getvalue()) - 10):
        path.write_bytes(buffer.getvalue()[:size])
        assert code(path) == "checkpoint_unreadable"
    save_file(state(), tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(whole[:-3])
    assert code(tmp_path / "w.safetensors") == "checkpoint_unreadable"


def test_other_zip_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("a.txt", "text")
    assert code(tmp_path / "w.pt") == "checkpoint_unreadable"


def test_files_without_tensors_and_missing_files(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    assert code(tmp_path / "w.pt") == "checkpoint_empty"
    torch.save([1, 2], tmp_path / "w.pt")
    assert code(tmp_path / "w.pt") == "checkpoint_empty"
    assert code(tmp_path / "none.pt") == "checkpoint_missing"


def test_a_mapping_that_contains_itself_ends(tmp_path):
    endless: dict[str, object] = {}
    endless["state_dict"] = endless
    torch.save(endless, tmp_path / "w.pt")
    assert code(tmp_path / "w.pt") == "checkpoint_empty"
