import pytest
import requests
import torch
import torchvision
from safetensors.torch import save_file

from kd_core.config import ModelSettings, WeightSettings
from kd_core.errors import DownloadError, ModelError
from kd_core.models.build import build_model, get_spec
from kd_core.models.checkpoint import save_checkpoint
from kd_core.models.weights import fetch_imagenet, take_over

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def settings(name="mobilenet_v3_small", kind="file", head="replace", **more):
    weights = WeightSettings(kind=kind, source="w", head=head)
    return ModelSettings(name=name, weights=weights, **more)


def saved(tmp_path, name="mobilenet_v3_small", classes=5, channels=3, size=64, **more):
    model = build_model(ModelSettings(name=name, **more), classes, channels, size, seed=7).eval()
    save_file(model.network.state_dict(), tmp_path / "w.safetensors")
    return model, tmp_path / "w.safetensors"


def test_a_file_gives_the_same_network(tmp_path):
    model, path = saved(tmp_path)
    again = build_model(settings(), 5, 3, 64, seed=0, weights_path=path).eval()
    with torch.no_grad():
        assert torch.equal(again(IMAGES)["logits"], model(IMAGES)["logits"])


def test_all_but_the_head_when_the_classes_differ(tmp_path):
    model, path = saved(tmp_path)
    again = build_model(settings(), 3, 3, 64, seed=0, weights_path=path)
    fresh = build_model(ModelSettings(name="mobilenet_v3_small"), 3, 3, 64, seed=0)
    for name, tensor in again.network.state_dict().items():
        expected = fresh if name.startswith("classifier.3") else model
        assert torch.equal(tensor, expected.network.state_dict()[name]), name


def test_a_strict_head_is_refused_with_both_numbers(tmp_path):
    _, path = saved(tmp_path)
    with pytest.raises(ModelError) as caught:
        build_model(settings(head="strict"), 3, 3, 64, seed=0, weights_path=path)
    assert caught.value.code == "head_differs"
    assert caught.value.fields == {"file": path.name, "outputs": 5, "expected": 3}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("squeezenet1_1", "mobilenet_v2"),
        ("resnet_narrow", "resnet18"),
        ("shufflenet_v2_x0_5", "shufflenet_v2_x1_0"),
        ("mobilenet_v3_small", "mobilenet_v3_large"),
    ],
)
def test_another_architecture_is_refused_with_counts(tmp_path, theirs, ours):
    model, path = saved(tmp_path, theirs)
    before = build_model(ModelSettings(name=ours), 5, 3, 64, seed=0)
    with pytest.raises(ModelError) as caught:
        build_model(settings(ours), 5, 3, 64, seed=0, weights_path=path)
    fields = caught.value.fields
    assert caught.value.code == "checkpoint_other_architecture"
    assert fields["expected"] == len(before.network.state_dict())
    assert fields["matching"] < fields["expected"]
    assert fields["missing"] + fields["different"] + fields["extra"] > 0
    with pytest.raises(ModelError):
        take_over(before, get_spec(ours), model.network.state_dict(), "w")
    fresh = build_model(ModelSettings(name=ours), 5, 3, 64, seed=0).network.state_dict()
    for name, tensor in before.network.state_dict().items():
        assert torch.equal(tensor, fresh[name])  # a refused file changes nothing


def test_deeper_network_of_the_same_family_is_refused(tmp_path):
    torch.save(torchvision.models.resnet34(num_classes=5).state_dict(), tmp_path / "w.pt")
    with pytest.raises(ModelError) as caught:
        build_model(settings("resnet18"), 5, 3, 64, seed=0, weights_path=tmp_path / "w.pt")
    assert caught.value.fields["missing"] == 0
    assert caught.value.fields["extra"] > 0


def test_grey_images_get_the_sum_of_the_first_kernel(tmp_path):
    model, path = saved(tmp_path)
    grey = build_model(settings(), 5, 1, 64, seed=0, weights_path=path).eval()
    one = IMAGES[:, :1]
    with torch.no_grad():
        expected = model(one.expand(-1, 3, -1, -1))["logits"]
        torch.testing.assert_close(grey(one)["logits"], expected)


def test_colour_images_get_a_third_of_a_grey_kernel_each(tmp_path):
    model, path = saved(tmp_path, channels=1)
    colour = build_model(settings(), 5, 3, 64, seed=0, weights_path=path).eval()
    one = IMAGES[:, :1]
    with torch.no_grad():
        result = colour(one.expand(-1, 3, -1, -1))["logits"]
        torch.testing.assert_close(result, model(one)["logits"])


def test_a_large_first_kernel_is_resampled_for_the_small_stem(tmp_path):
    model, path = saved(tmp_path, "resnet18", size=224)
    small = build_model(settings("resnet18"), 5, 3, 28, seed=0, weights_path=path)
    kernel, original = small.network.conv1.weight, model.network.conv1.weight
    assert kernel.shape[-1] == 3
    # On a constant image both give about the same answer: the sum of the kernel is kept.
    assert torch.corrcoef(torch.stack([kernel.sum((1, 2, 3)), original.sum((1, 2, 3))]))[0, 1] > 0.9


def test_not_finite_weights_are_refused(tmp_path):
    model, path = saved(tmp_path, "tiny_cnn")
    tensors = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    tensors["head.weight"][0, 0] = float("nan")
    save_file(tensors, path)
    with pytest.raises(ModelError, match="checkpoint_not_finite"):
        build_model(settings("tiny_cnn"), 5, 3, 64, seed=0, weights_path=path)


def test_an_earlier_run_gives_its_weights(tmp_path):
    model = build_model(ModelSettings(name="tiny_cnn"), 5, 3, 64, seed=7)
    save_checkpoint(tmp_path / "model.pt", model)
    path = tmp_path / "model.pt"
    again = build_model(settings("tiny_cnn", kind="run"), 5, 3, 64, seed=0, weights_path=path)
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))


def test_file_without_a_path_is_an_error():
    with pytest.raises(ModelError, match="weights_path"):
        build_model(settings(), 5, 3, 64, seed=0)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Put tensors where the published weights of an architecture are kept."""

    def write(name, tensors):
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        folder = tmp_path / "hub" / "checkpoints"
        folder.mkdir(parents=True)
        url = torchvision.models.get_weight(get_spec(name).weights).url
        path = folder / url.rpartition("/")[2]
        torch.save(tensors, path)
        digits = path.stem.rpartition("-")[2]
        monkeypatch.setattr("kd_core.models.weights.checksum", lambda path, kind: digits + "0" * 56)
        return path

    return write


def imagenet(name, publish):
    original = torchvision.models.get_model(name, weights=None).eval()
    publish(name, original.state_dict())
    return original


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mnasnet0_5", "squeezenet1_1", "resnet18"])
def test_imagenet_weights_give_torchvisions_network(name, publish):
    original = imagenet(name, publish)
    ours = build_model(settings(name, "imagenet"), 1000, 3, 224, seed=0).eval()
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(images)["logits"], original(images))


def test_imagenet_weights_of_a_transformer_reach_small_images(publish):
    original = imagenet("vit_b_16", publish)
    ours = build_model(settings("vit_b_16", "imagenet"), 2, 1, 32, seed=0).network
    assert torch.equal(ours.encoder.ln.weight, original.encoder.ln.weight)
    assert ours.encoder.pos_embedding.shape == (1, 1 + 8 * 8, 768)  # patches of 4 px
    token = original.encoder.pos_embedding[:, 0]
    assert torch.equal(ours.encoder.pos_embedding[:, 0], token)


def test_imagenet_weights_of_vgg_reach_small_images_without_its_huge_head(publish):
    model = build_model(ModelSettings(name="vgg16_bn"), 2, 3, 64, seed=1).network
    published = {n: t for n, t in model.state_dict().items() if n.startswith("features")}
    published |= {f"classifier.{i}.weight": torch.zeros(9, 9) for i in (0, 3, 6)}
    publish("vgg16_bn", published)
    ours = build_model(settings("vgg16_bn", "imagenet"), 2, 3, 32, seed=0).network
    assert torch.equal(ours.features[40].weight, model.features[40].weight)


def test_published_densenet_has_the_names_of_2017(publish):
    original = torchvision.models.densenet121(weights=None)
    old = {
        name.replace(".norm1.", ".norm.1.")
        .replace(".norm2.", ".norm.2.")
        .replace(".conv1.", ".conv.1.")
        .replace(".conv2.", ".conv.2."): tensor
        for name, tensor in original.state_dict().items()
    }
    publish("densenet121", old)
    ours = build_model(settings("densenet121", "imagenet"), 1000, 3, 224, seed=0)
    for name, tensor in ours.network.state_dict().items():
        assert torch.equal(tensor, original.state_dict()[name])


def test_offline_is_said_clearly(tmp_path, monkeypatch):
    def offline(*args, **more):
        raise requests.ConnectionError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(requests.Session, "get", offline)
    with pytest.raises(DownloadError) as caught:
        build_model(settings(kind="imagenet"), 5, 3, 64, seed=0)
    assert caught.value.code == "download_offline"
    assert caught.value.fields["url"].startswith("https://download.pytorch.org/")


def test_damaged_download_is_refused_and_removed(publish, monkeypatch):
    path = publish("mobilenet_v3_small", {"a": torch.zeros(1)})
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(path.parents[2]))
    with pytest.raises(DownloadError, match="weights_damaged"):
        build_model(settings(kind="imagenet"), 5, 3, 64, seed=0)
    assert not path.exists()


def test_fetched_weights_are_not_fetched_again(publish):
    path = publish("squeezenet1_1", {"a": torch.zeros(1)})
    assert fetch_imagenet("squeezenet1_1", get_spec("squeezenet1_1")) == path


def test_models_without_published_weights_say_so():
    with pytest.raises(ModelError, match="weights_none"):
        build_model(settings("tiny_cnn", "imagenet"), 5, 3, 64, seed=0)
    with pytest.raises(ModelError, match="weights_none"):
        fetch_imagenet("tiny_cnn", get_spec("tiny_cnn"))
