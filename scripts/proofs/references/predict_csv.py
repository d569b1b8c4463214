"""Predictions for every row of a CSV file, as written by hand: pandas reads, big batches, pandas writes.

python scripts/proofs/references/predict_csv.py --checkpoint best.ckpt --path houses.csv --target price_k
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from torch import nn


def main() -> None:
    """Write predictions.csv: the features, the target, what is predicted and the error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True, help="of a run of configs/tabular.yaml")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--target", default="price_k")
    parser.add_argument("--out", type=Path, default=Path("predictions.csv"))
    options = parser.parse_args()

    frame = pd.read_csv(options.path)
    actual = frame.pop(options.target)
    state = torch.load(options.checkpoint, weights_only=True)["state_dict"]
    network = nn.Sequential(nn.Linear(frame.shape[1], 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    weights = [value for name, value in state.items() if name.startswith("network.")]
    network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    network.eval()

    inputs = torch.tensor(frame.to_numpy(), dtype=torch.float32)
    inputs = (inputs - state["inputs.mean"]) / state["inputs.std"]
    with torch.no_grad():
        outputs = torch.cat([network(batch) for batch in inputs.split(65536)])
    frame["actual"] = actual
    frame["predicted"] = (outputs * state["targets.std"] + state["targets.mean"])[:, 0].numpy()
    frame["error"] = (frame["predicted"] - actual).abs()
    frame.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
