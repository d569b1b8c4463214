"""Names of metrics: the stage that they say, and which of them is a loss."""

import difflib
import re
from collections.abc import Iterable

WORDS = {  # of a stage, in the names of its metrics
    "train": {"train", "training"},
    "val": {"val", "valid", "validation", "dev", "eval"},
    "test": {"test", "testing"},
}


def loss_among(names: Iterable[str]) -> str | None:
    """Return the one metric that is a loss by its name; None if there is none, or more than one.

    The name of a loss has a word that ends with "loss", and no "step". Of several, it is the one that has no other
    words but those of a validation: val_loss, not val_box_loss.
    """
    losses: dict[tuple[str, ...], str] = {}
    for name in sorted(names, key=len):  # val_loss before val_loss_epoch, which is the same
        found = tuple(word for word in words(name) if word != "epoch")
        if any(word.endswith("loss") for word in found) and "step" not in found:
            losses.setdefault(found, name)
    plain = [name for found, name in losses.items() if (WORDS["val"] | {"loss"}).issuperset(found)]
    best = list(losses.values()) if len(losses) == 1 else plain
    return best[0] if len(best) == 1 else None


def words(name: str) -> list[str]:
    """Return the words of a metric's name, in lower case: Loss/valMean has loss, val and mean."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def stage(name: str) -> str:
    """Return the stage that the name of a metric says: train, val or test, or nothing."""
    found = set(words(name))
    return next((each for each, said in WORDS.items() if found & said), "")


def misspelt(name: str, names: Iterable[str]) -> str:
    """Return the name that differs by a letter or two, or nothing: what is still to come may have any other name."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1, cutoff=0.85)), "")
