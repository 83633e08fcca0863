import pytest
import torch
from torch import nn

from kd_core.config import DistilSettings, LossTerm, Ramp
from kd_core.errors import ConfigError, ModelError
from kd_core.losses import LOSSES, LossSpec
from kd_core.tasks import TASKS
from kd_core.train.batch import Batch
from kd_core.train.modes import Setup
from kd_core.train.teaching import Knowledge, Teaching, look
from tests.helpers_data import tiny_data
from tests.helpers_hint import hint_spec
from tests.helpers_train import TinyNet, tiny_run

CPU = torch.device("cpu")
HINT = LossTerm(name="hint", weight=100.0)
TARGETS = torch.arange(48) % 3


@pytest.fixture(autouse=True)
def hints(monkeypatch):
    monkeypatch.setitem(LOSSES._entries, "hint", hint_spec())
    monkeypatch.setitem(LOSSES._entries, "embedding", hint_spec(pooled=True))
    constant = LossSpec(
        family="response",
        forms={"classification": lambda i, p: i.student["logits"].square().mean()},
        needs="labels",
    )
    monkeypatch.setitem(LOSSES._entries, "shrink", constant)


def teaching(*losses, teacher=True, **settings):
    distil = DistilSettings(losses=losses, **settings)
    data = tiny_data()
    other = TinyNet(width=16, seed=9) if teacher else None
    run = tiny_run(distil=distil)
    student = TinyNet()
    setup = Setup(run, data, TASKS[data.task], student, other, CPU, None, lambda *a: None)
    return Teaching(distil, setup, TARGETS, 18), student, other


def batch(n=8):
    return Batch(torch.randn(n, 3, 16, 16), TARGETS[:n], torch.arange(n), 0)


def parts_of(made, seen, step=0):
    teaching_, student, teacher = made
    with torch.no_grad():
        taught = look(teacher.eval(), seen.images, teaching_.teacher_places)
    said = look(student, seen.images, teaching_.student_places)
    return teaching_.parts(step, torch.tensor(0.5), said, taught, seen)


def test_a_look_is_one_pass_with_what_flows_through():
    network, images = TinyNet().eval(), torch.randn(2, 3, 16, 16)
    seen = look(network, images, ["norm", "norm@mean"])
    assert torch.equal(seen.outputs["logits"], network(images)["logits"])
    assert torch.equal(seen.features["norm"], network.norm(network.conv(images)))
    pooled = seen.features["norm@mean"]
    torch.testing.assert_close(pooled, seen.features["norm"].mean((2, 3), keepdim=True))
    assert not network.norm._forward_hooks
    assert not seen.detached().features["norm"].requires_grad
    with pytest.raises(ModelError, match="layer_unknown"):
        look(network, images, ["conv7"])


def test_half_precision_is_read_as_32_bits():
    class Half(nn.Module):
        def forward(self, x):
            return x.bfloat16()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Half()

        def forward(self, x):
            return {"logits": self.layer(x).float().mean((2, 3))}

    assert (
        look(Network(), torch.zeros(2, 3, 4, 4), ["layer"]).features["layer"].dtype == torch.float32
    )


def test_a_response_loss_needs_nothing_inside():
    made, _, _ = teaching(LossTerm(name="kd"))
    assert (made.student_places, made.teacher_places, len(made.helpers)) == ((), (), 0)


def test_layers_are_proposed_or_a_persons_own():
    made, _, _ = teaching(HINT)
    assert (made.student_places, made.teacher_places) == (("norm",), ("norm",))
    made, _, _ = teaching(HINT.change(layers=(("conv", "norm"),)))
    assert (made.student_places, made.teacher_places) == (("norm",), ("conv",))
    with pytest.raises(ModelError) as caught:
        teaching(HINT.change(layers=(("conv", "con"),)))
    assert caught.value.code == "student_layer_unknown"


def test_a_loss_on_the_embedding_gets_the_mean_over_places():
    made = teaching(LossTerm(name="embedding", weight=1.0))
    assert made[0].teacher_places == ("norm@mean",)
    assert made[0].helpers["embedding"].layers[0].weight.shape[:2] == (16, 8)
    assert parts_of(made, batch())["embedding"].isfinite()


def test_the_total_is_the_exact_sum_of_task_and_hint():
    # RepDistiller: 1 · CE + 100 · hint
    parts = parts_of(teaching(HINT), batch())
    assert list(parts) == ["task", "hint", "total"]
    torch.testing.assert_close(parts["total"], 0.5 + 100 * parts["hint"])


def test_helpers_take_nothing_from_the_students_draws():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    made = teaching(HINT)
    seen = batch()
    torch.manual_seed(3)
    parts_of((made[0], made[1].eval(), made[2]), seen)
    assert torch.equal(torch.rand(4), expected)


def test_equal_seeds_have_equal_helpers_whatever_stands_beside_them():
    one, _, _ = teaching(HINT)
    two, _, _ = teaching(LossTerm(name="embedding", weight=1.0), HINT)
    three, student, teacher = teaching(HINT)
    weights = [made.helpers["hint"].layers[0].weight for made in (one, two)]
    assert torch.equal(*weights)
    setup = three._setup
    peer = Teaching(three.distil, setup, TARGETS, 18, student=teacher, teacher=student, who="peer")
    assert peer.helpers["hint"].layers[0].weight.shape[:2] == (8, 16)


def test_noise_of_a_step_follows_from_the_step():
    made, seen = teaching(HINT), batch()
    made[1].eval()

    def value(step):
        made[0].helpers["hint"].memory.zero_()
        return parts_of(made, seen, step)["hint"].item()

    assert value(4) == value(4) != value(5)


def test_what_changes_over_the_budget_reaches_the_step():
    made = teaching(LossTerm(name="kd"), alpha=0.2, ramps=(Ramp(of="alpha", end=1.0),), warmup=0.5)
    assert made[0].moving(17) == {"set.alpha": 1.0, "set.kd.weight": 0.0}
    assert made[0].at(0).weights == {"task": 0.2, "kd": 0.0}
    assert made[0].at(17).weights == {"task": 1.0, "kd": 0.0}
    assert made[0].objective.weights == {"task": 0.2, "kd": 0.8}


def test_only_losses_of_the_labels_do_without_a_teacher():
    made, student, _ = teaching(LossTerm(name="shrink", weight=0.1), teacher=False)
    seen = batch()
    said = look(student, seen.images)
    parts = made.parts(0, torch.tensor(0.5), said, Knowledge(), seen)
    assert list(parts) == ["task", "shrink", "total"]
    for term in (LossTerm(name="kd"), HINT):
        with pytest.raises(ConfigError) as caught:
            teaching(term, teacher=False)
        assert caught.value.code == "loss_needs_teacher"


def test_a_loss_may_look_inside_the_student_alone(monkeypatch):
    own = LossSpec(
        family="feature",
        forms={"classification": lambda i, p: i.student_features[0].square().mean()},
        needs="own",
    )
    monkeypatch.setitem(LOSSES._entries, "own", own)
    made, student, _ = teaching(LossTerm(name="own", weight=1.0), teacher=False)
    assert (made.student_places, made.teacher_places) == (("norm",), ())
    seen = batch()
    parts = made.parts(0, None, look(student, seen.images, ["norm"]), Knowledge(), seen)
    assert parts["own"] > 0
    with pytest.raises(ModelError):
        teaching(LossTerm(name="own", weight=1.0, layers=(("", "con"),)), teacher=False)
