"""MedMNIST's two-dimensional sets as its package states them (version 3.0.2, ``medmnist/info.py``).

Names of classes stand in the order of their numbers; ``images`` counts all three parts.
"""

from __future__ import annotations

from dataclasses import dataclass

_ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)


@dataclass(frozen=True)
class MedMnistRow:
    """One data set; ``md5`` is of the file at 28 px, ``md5_64`` of that at 64 px."""

    name: str
    md5: str
    md5_64: str
    channels: int
    images: int
    classes: tuple[str, ...]
    task: str = "classification"
    licence: str = "CC BY 4.0"
    size_bytes: int | None = None


MEDMNIST = (
    MedMnistRow(
        "pathmnist",
        "a8b06965200029087d5bd730944a56c1",
        "55aa9c1e0525abe5a6b9d8343a507616",
        3,
        107_180,
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
        size_bytes=205_615_438,
    ),
    MedMnistRow(
        "chestmnist",
        "02c8a6516a18b556561a56cbdd36c4a8",
        "9de6cd0b934ebb5b7426cfba5efbae16",
        1,
        112_120,
        (
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural",
            "hernia",
        ),
        task="multilabel",
    ),
    MedMnistRow(
        "dermamnist",
        "0744692d530f8e62ec473284d019b0c7",
        "b70a2f5635c6199aeaa28c31d7202e1f",
        3,
        10_015,
        (
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
        licence="CC BY-NC 4.0",
    ),
    MedMnistRow(
        "octmnist",
        "c68d92d5b585d8d81f7112f81e2d0842",
        "e229e9440236b774d9f0dfef9d07bdaf",
        1,
        109_309,
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    MedMnistRow(
        "pneumoniamnist",
        "28209eda62fecd6e6a2d98b1501bb15f",
        "8f4eceb4ccffa70c672198ea285246c6",
        1,
        5_856,
        ("normal", "pneumonia"),
    ),
    MedMnistRow(
        "retinamnist",
        "bd4c0672f1bba3e3a89f0e4e876791e4",
        "afda852cc34dcda56f86ad2b2457dbcc",
        3,
        1_600,
        ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
    ),
    MedMnistRow(
        "breastmnist",
        "750601b1f35ba3300ea97c75c52ff8f6",
        "742edef2a1fd1524b2efff4bd7ba9364",
        1,
        780,
        ("malignant", "normal, benign"),
        size_bytes=559_580,
    ),
    MedMnistRow(
        "bloodmnist",
        "7053d0359d879ad8a5505303e11de1dc",
        "2b94928a2ae4916078ca51e05b6b800b",
        3,
        17_092,
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes (myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
    ),
    MedMnistRow(
        "tissuemnist",
        "ebe78ee8b05294063de985d821c1c34b",
        "123ece2eba09d0aa5d698fda57103344",
        1,
        236_386,
        (
            "collecting duct, connecting tubule",
            "distal convoluted tubule",
            "glomerular endothelial cells",
            "interstitial endothelial cells",
            "leukocytes",
            "podocytes",
            "proximal tubule segments",
            "thick ascending limb",
        ),
    ),
    MedMnistRow(
        "organamnist",
        "68e3f8846a6bd62f0c9bf841c0d9eacc",
        "2dcccc29b88e6da5a01161ef20cda288",
        1,
        58_830,
        _ORGANS,
    ),
    MedMnistRow(
        "organcmnist",
        "b9ceb9546e10131b32923c5bbeaea2b1",
        "3ce34a8724ea6f548e6db4744d03b6a9",
        1,
        23_583,
        _ORGANS,
    ),
    MedMnistRow(
        "organsmnist",
        "9ab87b696fb54e2a387ebe992d6ed5f1",
        "53a6d115339d874c25e309a994ff46d3",
        1,
        25_211,
        _ORGANS,
    ),
)
