"""Losses derived again in NumPy, number by number, from the papers' formulas.

Each takes what the networks gave (logits ``z_s``, ``z_t`` and features ``f_s``, ``f_t``), targets
``y`` and the helper's numbers ``w`` by name, then the parameters, and ``at``: all of it as it was
before the student was moved a little, for what has no gradient.
"""

import math

import numpy as np


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def bernoulli(p, q):
    return kl([p, 1 - p], [q, 1 - q])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def standard(z):
    return (z - z.mean()) / (z.std(ddof=1) + 1e-7)


def kd_labels(x, p, at):
    t = p["T"]
    cells = np.ndindex(*x.z_s.shape)
    return t**2 * mean(bernoulli(sigmoid(x.z_t[c] / t), sigmoid(x.z_s[c] / t)) for c in cells)


def prob_mse(x, p, at):
    rows = zip(x.z_s, x.z_t, strict=True)
    return p["T"] ** 2 * mean(
        mean((softmax(t / p["T"]) - softmax(s / p["T"])) ** 2) for s, t in rows
    )


def prob_mse_labels(x, p, at):
    gap = sigmoid(x.z_t / p["T"]) - sigmoid(x.z_s / p["T"])
    return p["T"] ** 2 * mean(v**2 for v in gap.flat)


def dist_labels(x, p, at):
    a, b = sigmoid(x.z_s / p["T"]), sigmoid(x.z_t / p["T"])
    images = mean(1 - np.corrcoef(s, t)[0, 1] for s, t in zip(a, b, strict=True))
    labels = mean(1 - np.corrcoef(s, t)[0, 1] for s, t in zip(a.T, b.T, strict=True))
    return p["T"] ** 2 * (p["inter"] * images + p["intra"] * labels)


def _split(z, y):
    q = softmax(z)
    rest = np.delete(q, y)
    return q[y], rest / (1 - q[y])


def dkd(x, p, at):
    total = []
    for s, t, y in zip(x.z_s, x.z_t, x.y, strict=True):
        (q, q_rest), (r, r_rest) = _split(s / p["T"], y), _split(t / p["T"], y)
        total.append(p["target"] * bernoulli(r, q) + p["others"] * kl(r_rest, q_rest))
    return p["T"] ** 2 * mean(total)


def nkd(x, p, at):
    total = []
    for s, t, y in zip(x.z_s, x.z_t, x.y, strict=True):
        rest = -(_split(t / p["T"], y)[1] * np.log(_split(s / p["T"], y)[1])).sum()
        sure = -softmax(t)[y] * math.log(softmax(s)[y])
        total.append(sure + p["others"] * p["T"] ** 2 * rest)
    return mean(total)


def _levels(x, p, squash, divergence):
    n, k = x.z_s.shape
    total = 0.0
    for heat in (p["T"] / 2, p["T"] * 3 / 4, p["T"], p["T"] * 5 / 4, p["T"] * 3 / 2):
        q, r = (np.array([squash(row / heat) for row in z]) for z in (x.z_s, x.z_t))
        total += heat**2 * mean(divergence(a, b) for a, b in zip(r, q, strict=True))
        for i in range(n):
            for j in range(n):
                total += ((r[i] * r[j]).sum() - (q[i] * q[j]).sum()) ** 2 / n
        for a in range(k):
            for b in range(k):
                total += ((r[:, a] * r[:, b]).sum() - (q[:, a] * q[:, b]).sum()) ** 2 / k
    return total


def mlkd(x, p, at):
    return _levels(x, p, softmax, kl)


def mlkd_labels(x, p, at):
    return _levels(x, p, sigmoid, lambda a, b: mean(map(bernoulli, a, b)))


def smoothing_labels(x, p, at):
    return mean(bernoulli(0.5, sigmoid(z)) for z in x.z_s.flat)


def teacher_free(x, p, at):
    total = []
    for s, y in zip(x.z_s, x.y, strict=True):
        virtual = np.full(len(s), (1 - p["certain"]) / (len(s) - 1))
        virtual[y] = p["certain"]
        total.append(kl(softmax(np.log(virtual) / p["T"]), softmax(s / p["T"])))
    return p["T"] ** 2 * mean(total)


def teacher_free_labels(x, p, at):
    a, t = p["certain"], p["T"]
    total = []
    for cell in np.ndindex(*x.z_s.shape):
        if not np.isnan(x.y[cell]):
            present = a if x.y[cell] == 1 else 1 - a
            soft = sigmoid(math.log(present / (1 - present)) / t)
            total.append(bernoulli(soft, sigmoid(x.z_s[cell] / t)))
    return t**2 * mean(total)


def uskd(x, p, at):
    inner = max(0, len(x.f_s) - 2)

    def weak(view):
        return view.f_s[inner].mean((2, 3)) @ x.w["weight"].T + x.w["bias"]

    sure = [softmax(z)[y] ** 2 for z, y in zip(at.z_s, x.y, strict=True)]
    total, k = [], x.z_s.shape[1]
    for i, (z, y) in enumerate(zip(x.z_s, x.y, strict=True)):
        first = -(1 + sure[i] - mean(sure)) * math.log(softmax(z)[y])
        likely = _split(at.z_s[i], y)[1] + _split(weak(at)[i], y)[1]
        law = np.zeros(k - 1)
        for place, other in enumerate(sorted(range(k - 1), key=lambda c: -likely[c])):
            law[other] = 1 / (place + 1)
        second = -(law / law.sum() * np.log(_split(z, y)[1])).sum()
        truth = np.full(k, 0.1 / k)
        truth[y] += 0.9
        third = -(truth * np.log(softmax(weak(x)[i]))).sum()
        total.append(first + p["others"] * second + p["auxiliary"] * third)
    return mean(total)


def _smaller(a, b):
    """Both maps at the smaller of their two sides."""
    side = min(a.shape[2], b.shape[2])
    return _to_side(a, side), _to_side(b, side)


def _to_side(m, side):
    """Adaptive average pooling: windows from ⌊i·h/side⌋ to ⌈(i+1)·h/side⌉."""
    h = m.shape[2]
    cuts = [(i * h // side, -((-(i + 1) * h) // side)) for i in range(side)]
    rows = [[m[:, :, a:b, c:d].mean((2, 3)) for c, d in cuts] for a, b in cuts]
    return np.array(rows).transpose(2, 3, 0, 1)


def _conv1(x, weight, bias=None):
    out = np.einsum("nchw,oc->nohw", x, weight[:, :, 0, 0])
    return out if bias is None else out + bias[None, :, None, None]


def _projected(x, number, feature):
    weight = x.w.get(f"{number}.weight")
    return feature if weight is None else _conv1(feature, weight, x.w[f"{number}.bias"])


def hint(x, p, at):
    total = 0.0
    for number, (s, t) in enumerate(zip(x.f_s, x.f_t, strict=True)):
        s, t = _smaller(s, t)
        total += mean(((_projected(x, number, s) - t) ** 2).flat)
    return total


def ickd(x, p, at):
    total = 0.0
    for number, (s, t) in enumerate(zip(x.f_s, x.f_t, strict=True)):
        s = _projected(x, number, s)
        for image in range(len(s)):
            for c in range(s.shape[1]):
                rows = [[(m[image, c] * other).sum() for other in m[image]] for m in (s, t)]
                a, b = (np.array(row) / np.linalg.norm(row) for row in rows)
                total += ((a - b) ** 2).sum() / s.shape[1] / len(s)
    return total


def nst(x, p, at):
    total = 0.0
    for s, t in map(_smaller, x.f_s, x.f_t):
        for image in range(len(s)):
            units = [[c.ravel() / np.linalg.norm(c) for c in m[image]] for m in (s, t)]
            for a, b, sign in ((units[0], units[0], 1), (units[1], units[1], 1), (*units, -2)):
                total += sign * mean((u @ v) ** 2 for u in a for v in b) / len(s)
    return total


def fsp(x, p, at):
    def largest(m, side):
        k = m.shape[2] / side
        cuts = [slice(math.floor(i * k), math.ceil((i + 1) * k)) for i in range(side)]
        return np.array([[m[:, :, r, c].max((2, 3)) for c in cuts] for r in cuts])  # (H, W, N, C)

    def steps(layers):
        for a, b in zip(layers, layers[1:] or layers, strict=False):
            side = min(a.shape[2], b.shape[2])
            f, g = largest(a, side), largest(b, side)
            yield np.einsum("hwni,hwnj->nij", f, g) / side**2

    mine = steps([_projected(x, i, s) for i, s in enumerate(x.f_s)])
    return sum(mean(((a - b) ** 2).flat) for a, b in zip(mine, steps(x.f_t), strict=True))


def _batch_norm(x, weight, bias):
    middle, spread = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    scaled = (x - middle) / np.sqrt(spread + 1e-5)
    return scaled * weight[None, :, None, None] + bias[None, :, None, None]


def _conv3(x, weight):
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    h, w = x.shape[2:]
    parts = (
        np.einsum("nchw,oc->nohw", padded[:, :, i : i + h, j : j + w], weight[:, :, i, j])
        for i in range(3)
        for j in range(3)
    )
    return sum(parts)


def review(x, p, at):
    total, coarser = 0.0, None
    for i in reversed(range(len(x.f_s))):
        own = {k.removeprefix(f"{i}."): v for k, v in x.w.items() if k.startswith(f"{i}.")}
        m = _conv1(x.f_s[i], own["enter.0.weight"])
        m = _batch_norm(m, own["enter.1.weight"], own["enter.1.bias"])
        if coarser is not None:
            rows = [r * coarser.shape[2] // m.shape[2] for r in range(m.shape[2])]
            y = coarser[:, :, rows][:, :, :, rows]
            both = np.concatenate([m, y], 1)
            share = sigmoid(_conv1(both, own["attend.weight"], own["attend.bias"]))
            m = m * share[:, :1] + y * share[:, 1:]
        coarser = m
        made = _batch_norm(
            _conv3(m, own["leave.0.weight"]), own["leave.1.weight"], own["leave.1.bias"]
        )
        a, b = _smaller(made, x.f_t[i])
        parts = [(1.0, a, b)]
        for side, weight in ((4, 0.5), (2, 0.25), (1, 0.125)):
            if side < a.shape[2]:
                weight = parts[-1][0] / 2
                parts.append((weight, *(_to_side(m, side) for m in (a, b))))
        whole = sum(weight for weight, _, _ in parts)
        total += sum(weight * mean(((u - v) ** 2).flat) for weight, u, v in parts) / whole
    return total


def semckd(x, p, at):
    def rows(feature):
        flat = feature.reshape(len(feature), -1)
        gram = flat @ flat.T
        return gram / np.linalg.norm(gram, axis=1, keepdims=True)

    mine, theirs = [rows(f) for f in x.f_s], [rows(f) for f in x.f_t]
    total = 0.0
    for image in range(len(x.z_s)):
        for i, s in enumerate(x.f_s):
            share = softmax(np.array([mine[i][image] @ t[image] for t in theirs]) / p["softness"])
            for j, t in enumerate(x.f_t):
                a, b = _smaller(s, t)
                a = _conv1(a, x.w[f"{i}.{j}.weight"], x.w[f"{i}.{j}.bias"])
                total += share[j] * mean(((a[image] - b[image]) ** 2).flat)
    return total / len(x.z_s) / len(x.f_s)


def similarity(x, p, at):
    total = 0.0
    for s, t in zip(x.f_s, x.f_t, strict=True):
        n = len(s)
        for i in range(n):
            rows = [[(f[i] * f[j]).sum() for j in range(n)] for f in (s, t)]
            a, b = (np.array(row) / np.linalg.norm(row) for row in rows)
            total += ((a - b) ** 2).sum() / n**2
    return total


def cka(x, p, at):
    total = 0.0
    for s, t in zip(x.f_s, x.f_t, strict=True):
        a, b = (f.mean((2, 3)) - f.mean((0, 2, 3)) for f in (s, t))
        cross = np.linalg.norm(a.T @ b) ** 2
        total += 1 - cross / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    return total
