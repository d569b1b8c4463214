"""Predictions of one sample at a time, by PyTorch in eager mode or by onnxruntime, of product or mnist_cnn.

python scripts/proofs/references/one_sample.py product|mnist_cnn --checkpoint RUN/checkpoints/best.ckpt
python scripts/proofs/references/one_sample.py product|mnist_cnn --model RUN/export/model.onnx
"""

import argparse
import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CALLS = 3000
INPUTS: dict[str, np.ndarray] = {
    "product": np.array([[3, 4]], dtype=np.float32),
    "mnist_cnn": np.arange(784, dtype=np.uint8).reshape(1, 28, 28, 1),
}


def eager(name: str, checkpoint: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return the network by hand, on one thread, which is the fastest for one sample."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    network = {
        "product": lambda: nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1)),
        "mnist_cnn": lambda: nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
        ),
    }[name]()
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    weights = [value for key, value in state.items() if key.startswith("network.")]
    network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    network.eval()
    images, (mean, std) = name == "mnist_cnn", (state["inputs.mean"], state["inputs.std"])

    def predict(inputs: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            values = torch.from_numpy(inputs)
            if images:
                outputs = network((values.permute(0, 3, 1, 2) / 255 - mean) / std).softmax(1)
            else:
                outputs = network((values - mean) / std) * state["targets.std"] + state["targets.mean"]
            found: np.ndarray = outputs.numpy()
        return found

    return predict


def exported(model: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return what onnxruntime runs, on one thread."""
    onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)
    return lambda inputs: session.run(None, {"inputs": inputs})[0]


def main() -> None:
    """Print the prediction, and the seconds of all calls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=INPUTS)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    predict = exported(options.model) if options.model else eager(options.name, options.checkpoint)
    inputs = INPUTS[options.name]
    for _ in range(100):
        predicted = predict(inputs)
    begin = time.perf_counter()
    for _ in range(CALLS):
        predict(inputs)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "predicted": predicted.tolist(), "what": f"{CALLS} calls, a sample each"}))


if __name__ == "__main__":
    main()
