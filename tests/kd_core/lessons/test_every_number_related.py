"""As ``test_every_number.py``, of the lesson on relations between images."""

import math
from itertools import product

import numpy as np

from kd_core.lessons.vectors import batch_of, vectors
from tests.helpers_lessons import all_texts, assert_every_number, sample_material

BOTH = ("teacher", "student")


def huber(difference):
    size = np.abs(difference)
    return np.where(size < 1, size**2 / 2, size - 0.5)


def turns(x):
    """Cosines of all angles, (n, n, n): at i between j and k; 0 where two of them are one."""
    e = x[None] - x[:, None]  # (i, j, D)
    length = np.linalg.norm(e, axis=2, keepdims=True)
    e = np.divide(e, length, out=np.zeros_like(e), where=length > 0)
    return np.einsum("ijd,ikd->ijk", e, e)


def sides(x):
    apart = np.linalg.norm(x[None] - x[:, None], axis=2)
    return apart / apart[apart > 0].mean()


def test_relations():
    material = sample_material()
    batch = batch_of(material)
    chosen = dict(zip("abc", (str(batch[place]) for place in (2, 9, 17)), strict=True))
    seen = [vectors(material, material.voice(role), batch) for role in ("teacher", "baseline")]
    of_student = vectors(material, material.voice("student"), batch)
    targets = material.targets[batch]
    cosine = [[[a @ b / math.sqrt((a @ a) * (b @ b)) for b in x] for a in x] for x in seen]
    pairs = [(i, j) for i, j in product(range(len(batch)), repeat=2) if i != j]
    same, other = (
        [np.mean([of[i][j] for i, j in pairs if (targets[i] == targets[j]) == equal])
         for of in cosine]
        for equal in (True, False)
    )  # fmt: skip
    gram = [x @ x.T / np.linalg.norm(x @ x.T, axis=1, keepdims=True) for x in seen]
    three = [x[[2, 9, 17]] for x in seen]
    ab = [sides(x)[[0, 0, 1], [1, 2, 2]] for x in three]
    corner = [turns(x)[[0, 1, 2], [1, 0, 0], [2, 2, 1]] for x in three]
    side_loss, corner_loss = huber(ab[1] - ab[0]), huber(corner[1] - corner[0])
    expected = {
        "fact.three.distance": 2 * side_loss.sum() / 9,
        "fact.three.angle": 2 * corner_loss.sum() / 27,
        "fact.batch.n": len(batch),
        "fact.batch.distance": huber(sides(seen[1]) - sides(seen[0])).mean(),
        "fact.batch.angle": huber(turns(seen[1]) - turns(seen[0])).mean(),
        "fact.batch.similarity": ((gram[1] - gram[0]) ** 2).mean(),
        "alike.words.n": len(batch),
        "alike.words.most": np.abs(np.subtract(*cosine)).max(),
        "note.n": len(batch),
        "step.side.teacher": ab[0],
        "step.side.student": ab[1],
        "step.side.difference": ab[1] - ab[0],
        "step.side.loss": side_loss,
        "step.distance.sum": side_loss.sum(),
        "step.distance.n": 9,
        "step.distance.loss": 2 * side_loss.sum() / 9,
        "step.corner.teacher": corner[0],
        "step.corner.student": corner[1],
        "step.corner.difference": corner[1] - corner[0],
        "step.corner.loss": corner_loss,
        "step.angle.sum": corner_loss.sum(),
        "step.angle.n": 27,
        "step.angle.loss": 2 * corner_loss.sum() / 27,
        "ask.width.teacher_width": seen[0].shape[1],
        "ask.width.student_width": of_student.shape[1],
        "ask.width.why.same": same[0],
        "ask.width.why.other": other[0],
    }
    for text in ("fact.kinds", "alike.words"):
        for place, role in enumerate(BOTH):
            expected |= {f"{text}.{role}_same": same[place], f"{text}.{role}_other": other[place]}
    for place, role in enumerate(BOTH):
        for name, value in zip(("ab", "ac", "bc"), ab[place], strict=True):
            expected[f"triangles.words.{role}_{name}"] = value
    assert_every_number("relations", all_texts("relations", who="baseline", **chosen), expected)
