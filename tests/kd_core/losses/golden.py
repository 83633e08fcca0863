"""The golden table: for each loss, another implementation that it must agree with.

``python -m tests.kd_core.losses.golden`` writes it into the README.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torchdistill.losses import mid_level

from kd_core.losses import LOSSES
from kd_core.registry import Registry
from tests.helpers_readme import README
from tests.kd_core.losses import golden_loops as loops

LOOPS = "derived again in NumPy"


@dataclass(frozen=True)
class Golden:
    """One agreement.

    Attributes:
        reference: What the loss is held against, as the README says it.
        torch: (inputs, parameters) to a tensor with a gradient of its own.
        loops: A function of ``golden_loops``, whose slope is measured.
    """

    reference: str
    torch: Callable | None = None
    loops: Callable | None = None


def again(function) -> Golden:
    return Golden(LOOPS, loops=function)


def io(**tensors):
    return {name: {"output": tensor} for name, tensor in tensors.items()}


def both(inputs, last=False):
    """What torchdistill's losses take, of the logits or of the pooled last features."""
    if not last:
        return io(x=inputs.student["logits"]), io(x=inputs.teacher["logits"])
    return [io(x=f[-1].mean((2, 3))) for f in (inputs.student_features, inputs.teacher_features)]


def pairs(inputs):
    """Features of each pair, with the larger of the two pooled to the smaller."""
    for s, t in zip(inputs.student_features, inputs.teacher_features, strict=True):
        size = min(s.shape[2], t.shape[2])
        yield F.adaptive_avg_pool2d(s, size), F.adaptive_avg_pool2d(t, size)


def kd(inputs, p):
    library = mid_level.KDLoss("x", "output", "x", "output", p["T"], alpha=1e-30, beta=1.0)
    return library(*both(inputs), inputs.targets)


def logit_std(inputs, p):
    library = mid_level.LogitStdKDLoss(
        "x", "output", "x", "output", temperature=p["T"], alpha=1e-30, beta=1.0
    )
    return library(*both(inputs), inputs.targets)


def dist(inputs, p):
    library = mid_level.DISTLoss(
        "x", "output", "x", "output", beta=p["inter"], gamma=p["intra"], tau=p["T"]
    )
    return library(*both(inputs))


def smoothing(inputs, p):
    z = inputs.student["logits"]
    smoothed = F.cross_entropy(z, inputs.targets, label_smoothing=1.0)
    return smoothed - torch.tensor(float(z.shape[1]), dtype=z.dtype).log()


def attention(inputs, p):
    config = {f"p{i}": {s: {"io": "output", "path": f"l{i}"} for s in ("student", "teacher")}
              for i in range(len(inputs.student_features))}  # fmt: skip
    sides = zip(*pairs(inputs), strict=True)
    ios = [io(**{f"l{i}": f for i, f in enumerate(side)}) for side in sides]
    return mid_level.ATLoss(config)(*ios)


def vid(inputs, p):
    total = 0
    for guess, (s, t) in zip(inputs.helper, pairs(inputs), strict=True):
        first, second, third = (m.weight for m in guess.mean if hasattr(m, "weight"))
        made = F.conv2d(F.conv2d(F.conv2d(s, first).relu(), second).relu(), third)
        spread = (torch.log(1 + guess.scale.exp()) + 1e-5).view(1, -1, 1, 1)
        where = {"io": "output", "path": "x"}
        library = mid_level.VIDLoss({"p": {"student": where, "teacher": where}})
        total = total + library(io(x=(made, spread)), io(x=t))
    return total


def crd(inputs, p):
    memory, n = inputs.helper, len(inputs.helper.order)
    library = mid_level.CRDLoss("x", "e", "x", p["width"], n, p["negatives"], n).double()
    library.params[1], library.params[4] = p["temperature"], p["momentum"]
    library.memory_v1.copy_(memory.student_bank)
    library.memory_v2.copy_(memory.teacher_bank)
    sides = (inputs.student_features, memory.student), (inputs.teacher_features, memory.teacher)
    vectors = [
        io(x=F.normalize(F.linear(f[-1].mean((2, 3)), module.weight, module.bias), dim=1))
        for f, module in sides
    ]
    drawn = torch.cat([inputs.index[:, None], memory.others(inputs.index)], 1)
    vectors[0]["e"] = {"input": {"pos_idx": inputs.index, "contrast_idx": drawn}}
    return library(*vectors).squeeze()


def rkd(distance, angle):
    def reference(inputs, p):
        library = mid_level.RKDLoss("x", "x", distance, angle, reduction="mean")
        return library(*both(inputs, last=True))

    return reference


def correlation(inputs, p):
    kernel = {"type": "gaussian", "gamma": p["gamma"], "max_p": p["order"]}
    library = mid_level.CCKDLoss("x", "x", kernel, reduction="sum")
    units = [io(x=F.normalize(side["x"]["output"], dim=1)) for side in both(inputs, last=True)]
    return library(*units) ** 2 / len(inputs.index) ** 2  # the library forgets the square


def pkt(inputs, p):
    library = mid_level.PKTLoss("x", "output", "x", "output")
    return library(*both(inputs, last=True))


def logit_mse(inputs, p):
    return F.mse_loss(inputs.student["logits"], inputs.teacher["logits"])


CLASSES, LABELS = "classification", "multilabel"
GOLDEN = {
    ("kd", CLASSES): Golden("torchdistill KDLoss", kd),
    ("kd", LABELS): again(loops.kd_labels),
    ("dkd", CLASSES): again(loops.dkd),
    ("nkd", CLASSES): again(loops.nkd),
    ("smoothing", CLASSES): Golden("torch cross_entropy with label_smoothing", smoothing),
    ("smoothing", LABELS): again(loops.smoothing_labels),
    ("teacher_free", CLASSES): again(loops.teacher_free),
    ("teacher_free", LABELS): again(loops.teacher_free_labels),
    ("uskd", CLASSES): again(loops.uskd),
    ("dist", CLASSES): Golden("torchdistill DISTLoss", dist),
    ("dist", LABELS): Golden("NumPy corrcoef", loops=loops.dist_labels),
    ("mlkd", CLASSES): again(loops.mlkd),
    ("mlkd", LABELS): again(loops.mlkd_labels),
    ("logit_mse", CLASSES): Golden("torch mse_loss", logit_mse),
    ("prob_mse", CLASSES): again(loops.prob_mse),
    ("prob_mse", LABELS): again(loops.prob_mse_labels),
    ("logit_std", CLASSES): Golden("torchdistill LogitStdKDLoss", logit_std),
    ("hint", CLASSES): again(loops.hint),
    ("attention", CLASSES): Golden("torchdistill ATLoss", attention),
    ("ickd", CLASSES): again(loops.ickd),
    ("nst", CLASSES): again(loops.nst),
    ("crd", CLASSES): Golden("torchdistill CRDLoss, with our draws", crd),
    ("semckd", CLASSES): again(loops.semckd),
    ("review", CLASSES): again(loops.review),
    ("vid", CLASSES): Golden("torchdistill VIDLoss", vid),
    ("rkd_distance", CLASSES): Golden("torchdistill RKDLoss", rkd(1.0, 0.0)),
    ("rkd_angle", CLASSES): Golden("torchdistill RKDLoss", rkd(0.0, 1.0)),
    ("correlation", CLASSES): Golden("torchdistill CCKDLoss, squared", correlation),
    ("fsp", CLASSES): again(loops.fsp),
    ("similarity", CLASSES): again(loops.similarity),
    ("pkt", CLASSES): Golden("torchdistill PKTLoss", pkt),
    ("cka", CLASSES): again(loops.cka),
}


def golden_of(name, task) -> Golden | None:
    """The reference for a form; one that is the same function for both tasks has one."""
    return GOLDEN.get((name, task)) or GOLDEN.get((name, CLASSES))


def in_numpy(inputs, moved=()) -> SimpleNamespace:
    """Inputs for ``golden_loops``, with the student's tensors replaced where they were moved."""
    replaced = {id(before): after for before, after in moved}

    def plain(tensor):
        return replaced.get(id(tensor), tensor).detach().numpy()

    teacher = inputs.teacher.get("logits")
    helper = {} if inputs.helper is None else dict(inputs.helper.named_parameters())
    return SimpleNamespace(
        z_s=plain(inputs.student["logits"]),
        z_t=None if teacher is None else plain(teacher),
        y=inputs.targets.numpy(),
        f_s=[plain(f) for f in inputs.student_features],
        f_t=[plain(f) for f in inputs.teacher_features],
        w={name: parameter.detach().numpy() for name, parameter in helper.items()},
    )


BLOCK = re.compile(r"(<!-- golden losses -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(losses: Registry = LOSSES) -> str:
    """The README's table: each loss, for which targets, and what it agrees with."""
    said = {CLASSES: "one class an image", LABELS: "several labels an image"}
    rows = ["| loss | targets | agrees with |", "|---|---|---|"]
    for name, entry in losses.items():
        own = [task for task in entry.forms if (name, task) in GOLDEN]
        for task in own:
            what = said[task] if len(own) > 1 or len(entry.forms) == 1 else "both"
            rows.append(f"| `{name}` | {what} | {GOLDEN[name, task].reference} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(lambda m: m[1] + table() + m[3], text), encoding="utf-8")
