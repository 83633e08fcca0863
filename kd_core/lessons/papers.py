"""Papers of the history: what was published when, and which entry of ours implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Lane = Literal["answers", "features", "relations", "who", "no_data"]
LANES: tuple[Lane, ...] = ("answers", "features", "relations", "who", "no_data")


@dataclass(frozen=True)
class Paper:
    """One publication.

    Attributes:
        name: Its texts are ``lesson.history.paper.<name>``.
        short: What the method is called.
        authors: As a reader would cite them.
        title: Of the paper.
        venue: Where it was published, with the year.
        url: Where it can be read.
        year: When it could first be read.
        month: Likewise, 1 to 12.
        lane: What it passes on, or who teaches.
        kind: Registry of our entry: ``loss`` or ``mode``.
        entry: Our entry.
        is_ours: Whether the entry implements this paper; else it is the nearest that we have.
    """

    name: str
    short: str
    authors: str
    title: str
    venue: str
    url: str
    year: int
    month: int
    lane: Lane
    kind: Literal["loss", "mode"]
    entry: str
    is_ours: bool = True

    @property
    def when(self) -> float:
        """Year and month as one number.

        >>> PAPERS[0].when
        2006.625
        """
        return self.year + (self.month - 0.5) / 12

    @property
    def reference(self) -> str:
        """As it is cited."""
        return f"{self.authors}: {self.title}. {self.venue}."


def _arxiv(number: str) -> str:
    return f"https://arxiv.org/abs/{number}"


PAPERS = (
    Paper(
        "compression", "Model compression",
        "C. Buciluă, R. Caruana, A. Niculescu-Mizil", "Model Compression", "KDD 2006",
        "https://doi.org/10.1145/1150402.1150464", 2006, 8, "answers", "mode", "ensemble",
    ),
    Paper(
        "shallow", "Logit matching",
        "L. J. Ba, R. Caruana", "Do Deep Nets Really Need to be Deep?",
        "arXiv 2013, NIPS 2014", _arxiv("1312.6184"), 2013, 12, "answers", "loss", "logit_mse",
    ),
    Paper(
        "fitnets", "FitNets",
        "A. Romero, N. Ballas, S. E. Kahou, A. Chassang, C. Gatta, Y. Bengio",
        "FitNets: Hints for Thin Deep Nets", "arXiv December 2014, ICLR 2015",
        _arxiv("1412.6550"), 2014, 12, "features", "loss", "hint",
    ),
    Paper(
        "kd", "Soft targets",
        "G. Hinton, O. Vinyals, J. Dean", "Distilling the Knowledge in a Neural Network",
        "NIPS 2014 workshop, arXiv March 2015", _arxiv("1503.02531"),
        2015, 3, "answers", "loss", "kd",
    ),
    Paper(
        "attention", "Attention transfer",
        "S. Zagoruyko, N. Komodakis",
        "Paying More Attention to Attention: Improving the Performance of Convolutional Neural "
        "Networks via Attention Transfer",
        "arXiv 2016, ICLR 2017", _arxiv("1612.03928"),
        2016, 12, "features", "loss", "attention",
    ),
    Paper(
        "mutual", "Mutual learning",
        "Y. Zhang, T. Xiang, T. M. Hospedales, H. Lu", "Deep Mutual Learning",
        "arXiv 2017, CVPR 2018", _arxiv("1706.00384"), 2017, 6, "who", "mode", "mutual",
    ),
    Paper(
        "lopes", "Data-free distillation",
        "R. G. Lopes, S. Fenu, T. Starner",
        "Data-Free Knowledge Distillation for Deep Neural Networks", "NIPS 2017 workshop",
        _arxiv("1710.07535"), 2017, 10, "no_data", "mode", "data_free", is_ours=False,
    ),
    Paper(
        "born_again", "Born-again networks",
        "T. Furlanello, Z. C. Lipton, M. Tschannen, L. Itti, A. Anandkumar",
        "Born Again Neural Networks", "ICML 2018", _arxiv("1805.04770"),
        2018, 5, "who", "mode", "born_again",
    ),
    Paper(
        "dafl", "DAFL",
        "H. Chen, Y. Wang, C. Xu, Z. Yang, C. Liu, B. Shi, C. Xu, C. Xu, Q. Tian",
        "Data-Free Learning of Student Networks", "ICCV 2019", _arxiv("1904.01186"),
        2019, 4, "no_data", "mode", "data_free", is_ours=False,
    ),
    Paper(
        "rkd", "RKD",
        "W. Park, D. Kim, Y. Lu, M. Cho", "Relational Knowledge Distillation", "CVPR 2019",
        _arxiv("1904.05068"), 2019, 4, "relations", "loss", "rkd_distance",
    ),
    Paper(
        "own_teacher", "Be your own teacher",
        "L. Zhang, J. Song, A. Gao, J. Chen, C. Bao, K. Ma",
        "Be Your Own Teacher: Improve the Performance of Convolutional Neural Networks via Self "
        "Distillation",
        "ICCV 2019", _arxiv("1905.08094"), 2019, 5, "who", "mode", "exits",
    ),
    Paper(
        "crd", "CRD",
        "Y. Tian, D. Krishnan, P. Isola", "Contrastive Representation Distillation",
        "arXiv 2019, ICLR 2020", _arxiv("1910.10699"), 2019, 10, "relations", "loss", "crd",
    ),
    Paper(
        "inversion", "DeepInversion",
        "H. Yin, P. Molchanov, J. M. Alvarez, Z. Li, A. Mallya, D. Hoiem, N. K. Jha, J. Kautz",
        "Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion",
        "arXiv 2019, CVPR 2020", _arxiv("1912.08795"), 2019, 12, "no_data", "mode", "data_free",
    ),
    Paper(
        "dkd", "DKD",
        "B. Zhao, Q. Cui, R. Song, Y. Qiu, J. Liang", "Decoupled Knowledge Distillation",
        "CVPR 2022", _arxiv("2203.08679"), 2022, 3, "answers", "loss", "dkd",
    ),
    Paper(
        "logit_std", "Logit standardisation",
        "S. Sun, W. Ren, J. Li, R. Wang, X. Cao",
        "Logit Standardization in Knowledge Distillation", "CVPR 2024", _arxiv("2403.01427"),
        2024, 3, "answers", "loss", "logit_std",
    ),
)  # fmt: skip
"""Oldest first."""
