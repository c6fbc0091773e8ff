"""The python files of CIFAR-100: what is in them, and how they are read without running what they contain."""

from __future__ import annotations

import codecs
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["CLASSES", "FINE_NAMES", "FINE_TO_COARSE", "SIDE", "CifarSplit", "check_meta", "read_split"]

SIDE = 32
"""Height and width of an image."""

CLASSES: Mapping[str, tuple[str, ...]] = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}
"""Superclass to its five classes, both in the order of their numbers."""

# The data set numbers its 100 classes alphabetically.
FINE_NAMES = tuple(sorted(name for names in CLASSES.values() for name in names))
FINE_TO_COARSE = tuple(next(k for k, names in enumerate(CLASSES.values()) if name in names) for name in FINE_NAMES)

_HELP = (
    "data_root must be the folder cifar-100-python with the files train, test and meta, unpacked from "
    "cifar-100-python.tar.gz (the 'python version') of https://www.cs.toronto.edu/~kriz/cifar.html"
)


@dataclass(frozen=True)
class CifarSplit:
    """Images and labels of one file.

    Attributes:
        images: (M, 3, 32, 32) uint8, RGB.
        fine: (M,) class, 0 to 99.
        coarse: (M,) superclass, 0 to 19.
        names: M file names, '' where the file gives none.
    """

    images: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray
    names: tuple[str, ...]


def read_split(path: Path) -> CifarSplit:
    """Reads ``train`` or ``test`` and checks it.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, lacks an entry, or holds something else than CIFAR-100.
    """
    content = _read(path, ("data", "fine_labels", "coarse_labels"))
    data = np.asarray(content["data"])
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3 * SIDE**2 or not len(data):
        raise ValueError(f"'{path}': data must be (M, {3 * SIDE**2}) uint8, it is {data.shape} {data.dtype}; {_HELP}")
    fine = _labels(path, content, "fine_labels", len(data), len(FINE_NAMES))
    coarse = _labels(path, content, "coarse_labels", len(data), len(CLASSES))
    wrong = np.flatnonzero(np.array(FINE_TO_COARSE)[fine] != coarse)
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"'{path}': image {first} has coarse label {coarse[first]}, but its fine label {fine[first]} "
            f"({FINE_NAMES[fine[first]]}) belongs to {FINE_TO_COARSE[fine[first]]}; {_HELP}"
        )
    names = [_text(name) for name in content.get("filenames", [""] * len(data))]
    if len(names) != len(data):
        raise ValueError(f"'{path}': {len(names)} filenames for {len(data)} images; {_HELP}")
    return CifarSplit(data.reshape(-1, 3, SIDE, SIDE), fine, coarse, tuple(names))


def check_meta(path: Path) -> None:
    """Checks that ``meta`` names the classes as this package does.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, or has other names.
    """
    content = _read(path, ("fine_label_names", "coarse_label_names"))
    for key, expected in (("fine_label_names", FINE_NAMES), ("coarse_label_names", tuple(CLASSES))):
        found = tuple(_text(name) for name in content[key])
        if found != expected:
            other = next((f for f, e in zip(found, expected, strict=False) if f != e), f"{len(found)} names")
            raise ValueError(
                f"'{path}': {key} are not those of CIFAR-100, the first that differs is {other!r}; {_HELP}"
            )


class _Unpickler(pickle.Unpickler):
    """Knows arrays, lists, numbers and text; a file that asks for anything else is refused."""

    # Arrays are rebuilt by functions whose modules have had several names.
    known = {  # noqa: RUF012 (never changed)
        ("numpy", "_reconstruct"): np.zeros(1).__reduce__()[0],
        ("numpy", "_frombuffer"): np.zeros(1).__reduce_ex__(5)[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): codecs.encode,
    }

    def find_class(self, module: str, name: str) -> Any:
        """The few things that the files need."""
        key = (module.split(".")[0], name)
        if key not in self.known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which these files do not need")
        return self.known[key]


def _read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"CIFAR-100 file '{path.absolute()}' does not exist; {_HELP}")
    with path.open("rb") as file:
        try:
            # Python 2 wrote them; latin1 keeps the bytes of arrays as they are.
            content = _Unpickler(file, encoding="latin1").load()
        except Exception as error:  # A damaged pickle may raise anything.
            raise ValueError(f"'{path}' cannot be read ({type(error).__name__}: {error}); {_HELP}") from error
    if not isinstance(content, dict):
        raise ValueError(f"'{path}' holds a {type(content).__name__}, not a dictionary; {_HELP}")
    entries = {_text(key): value for key, value in content.items()}
    missing = [key for key in keys if key not in entries]
    if missing:
        raise ValueError(f"'{path}' lacks {missing}, it has {sorted(entries)}; {_HELP}")
    return entries


def _text(name: Any) -> str:
    return name.decode("latin1") if isinstance(name, bytes) else str(name)


def _labels(path: Path, content: Mapping[str, Any], key: str, count: int, classes: int) -> np.ndarray:
    labels = np.asarray(content[key])
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(f"'{path}': {key} must be {count} whole numbers, it is {labels.shape} {labels.dtype}; {_HELP}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"'{path}': {key} must lie in 0..{classes - 1}, found {labels.min()}..{labels.max()}; {_HELP}")
    return labels.astype(np.int64)
