"""Compares configs/tabular_mixed.yaml with scikit-learn's gradient boosting on the same rows.

    .venv/bin/python scripts/proofs/mixed_table.py [--seeds 5]

Both train on the training split and choose on the validation split: the network its epoch, boosting the settings of a
small grid. Categories and gaps go to boosting as it takes them: as categories and as NaN.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from typing import Any

from measure import PROJECT
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error

from app.data.tabular import Tabular

GRID: dict[str, list[Any]] = {
    "learning_rate": [0.03, 0.1],
    "max_leaf_nodes": [7, 15, 31],
    "l2_regularization": [0.0, 10.0],
}


def main() -> None:
    """Print the test error of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds of the network, from 0")
    seeds = parser.parse_args().seeds
    data = Tabular("examples/listings.csv", "price_k", kind="regression", categories="auto", impute="median")
    splits = {name: [part.numpy() for part in data.build(name)] for name in ("train", "val", "test")}
    found = {}
    for values in [(), *itertools.product(*GRID.values())]:
        settings = dict(zip(GRID, values, strict=False))
        model = HistGradientBoostingRegressor(
            categorical_features=[size > 0 for size in data.category_sizes],
            max_iter=400 if settings else 100,
            random_state=0,
            **settings,
        )
        model.fit(splits["train"][0], splits["train"][1][:, 0])
        error = {name: mean_absolute_error(y[:, 0], model.predict(x)) for name, (x, y) in splits.items()}
        found[str(settings or "its defaults")] = error
    best = min(found, key=lambda name: found[name]["val"])
    for name in ("its defaults", best):
        print(f"gradient boosting, {name}: test mae {found[name]['test']:.2f}, validation mae {found[name]['val']:.2f}")
    app = [sys.executable, "-m", "app"]
    with tempfile.TemporaryDirectory() as folder:
        fit = ["fit", "--config", str(PROJECT / "configs/tabular_mixed.yaml"), "--seeds", str(seeds)]
        subprocess.run([*app, *fit], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        text = subprocess.check_output([*app, "compare", "tabular_mixed", "--json"], cwd=folder)
    error = json.loads(text)["groups"][0]["metrics"]["test/mae"]
    ratio = error["mean"] / found[best]["test"]
    print(f"tabular_mixed: test mae {error['mean']:.2f} ± {error['sd']:.2f} ({seeds}), {ratio:.3f} of boosting's best")


if __name__ == "__main__":
    main()
