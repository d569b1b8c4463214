import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PROJECT, Result

from app.data.chars import Chars
from app.tasks import NextCharacter


def test_bits_per_character_and_perplexity_are_those_of_the_probabilities(
    app: Callable[..., Result], folder: Path
) -> None:
    text = "the cat sat on the mat, the rat sat on the hat. " * 12
    (folder / "a.txt").write_text(text)
    own = ["--data.init_args.path", "a.txt", "--data.init_args.window", "4", "--trainer.max_epochs", "2"]
    assert app("fit", "--config", PROJECT / "configs" / "chars.yaml", *own).exit_code == 0
    assert app("test", "--run", "chars").exit_code == 0
    run = folder / "lightning_logs/chars/version_0"
    scores = json.loads((run / "test.json").read_text())
    task = NextCharacter.load_from_checkpoint(run / "checkpoints/best.ckpt").eval()
    data = Chars("a.txt", window=4)
    windows, following = data.build("test")
    with torch.no_grad():
        probabilities = task(windows).double().softmax(1)[torch.arange(len(following)), following].tolist()
    bits = -sum(math.log2(probability) for probability in probabilities) / len(probabilities)
    assert bits > 1
    assert scores["test/bits_per_character"] == pytest.approx(bits, rel=1e-5)
    assert scores["test/perplexity"] == pytest.approx(2**bits, rel=1e-5)
    assert scores["test/loss"] == pytest.approx(bits * math.log(2), rel=1e-5)
