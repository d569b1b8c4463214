"""Comparisons for benchmark.py: exported models against the runs and networks that they come from."""

import base64
import http.client
import io
import json
import os
import random
import subprocess
import time
from functools import cache
from pathlib import Path

from PIL import Image
from timing import PYTHON, REFERENCES, Row, Taken, app, fit, run, script

PORTS = iter(range(8400, 9400))
SECONDS = 3  # of load


def serving(mnist: Path | None) -> dict[str, Row]:
    """Return the comparisons that the data at hand allow, by name."""
    return predictions() | one_sample(mnist) | servers(mnist)


@cache
def exported(config: str, *settings: str | Path) -> Path:
    """Train a config a little, export it, and return the run."""
    name = f"exported_{config}"
    fit(config, "--trainer.max_epochs", "2", "--name", name, *settings)
    app("export", "--run", name)
    return Path(f"lightning_logs/{name}/version_0").absolute()


@cache
def table(count: int) -> Path:
    """Write a table of the columns that `tabular` knows."""
    draw, path = random.Random(0), Path(f"exported_{count}.csv")
    with path.open("w") as file:
        file.write("area_m2,rooms,age_years,distance_km,price_k\n")
        for _ in range(count):
            area, age = draw.uniform(40, 240), draw.randrange(90)
            file.write(f"{area:.1f},{draw.randrange(1, 9)},{age},{draw.uniform(0, 30):.2f},{1.9 * area:.1f}\n")
    return path.absolute()


def predictions() -> dict[str, Row]:
    """Return the comparison of `predict` on a table."""
    words = ("predict", "--data.path")

    def ours() -> float:
        return app(*words, table(1_000_000), "--model", exported("tabular") / "export/model.onnx").process

    return {
        "predict_model": Row(
            "`predict --model` on a CSV of 1,000,000 rows / `predict --run`, whole processes",
            *(1.0, 0.7, ours),
            lambda: app(*words, table(1_000_000), "--run", exported("tabular")).process,
        )
    }


def one_sample(mnist: Path | None) -> dict[str, Row]:
    """Return the comparisons of onnxruntime with PyTorch on one sample at a time."""
    settings = {"product": (), **({"mnist_cnn": ("--data.root", mnist)} if mnist else {})}

    def row(config: str, *words: str | Path) -> Row:
        title = f"onnxruntime, `{config}`, 3,000 batches of 1 / PyTorch in eager mode, one thread each"

        def part(option: str, file: str) -> float:
            return script("one_sample", config, option, exported(config, *words) / file).part

        return Row(
            title,
            *(0.5, 0.2, lambda: part("--model", "export/model.onnx")),
            lambda: part("--checkpoint", "checkpoints/best.ckpt"),
        )

    return {f"{config}_one": row(config, *words) for config, words in settings.items()}


def servers(mnist: Path | None) -> dict[str, Row]:
    """Return the comparisons of `serve` with a server as it is written by hand."""
    requests = "1,000 requests of 32 clients to `serve`, one {} each / to FastAPI, a pydantic model and torch"
    lightning = '`serve` until it is well, `{}` / `python -c "import lightning.pytorch"`'

    def row(config: str, what: str, *words: str | Path) -> dict[str, Row]:
        def ours() -> Taken:
            return served(config, exported(config, *words) / "export/model.onnx")

        def reference() -> Taken:
            return served(config, None)

        limits = (1 / 1.5, 1 / 3)
        return {
            f"serve_{config}": Row(requests.format(what), *limits, lambda: ours().part, lambda: reference().part),
            f"serve_start_{config}": Row(
                lightning.format(config),
                *(0.35, 0.2, lambda: ours().process),
                lambda: run(PYTHON, "-c", "import lightning.pytorch").process,
            ),
            f"serve_memory_{config}": Row(
                f"peak memory of `serve` under load, `{config}` / of the server by hand",
                *(0.5, 0.35, lambda: ours().memory, lambda: reference().memory, "MiB"),
            ),
        }

    return row("product", "row") | (row("mnist_cnn", "image", "--data.root", mnist) if mnist else {})


@cache
def served(config: str, model: Path | None) -> Taken:
    """Return what a server takes: until it is well, of memory, and for 1,000 requests; by hand if there is no model."""
    file = io.BytesIO()
    Image.effect_noise((28, 28), 100).save(file, "PNG")
    picture = {"image": base64.b64encode(file.getvalue()).decode()}
    body, kind = json.dumps({"x1": 3, "x2": 4} if config == "product" else picture).encode(), "application/json"
    if model and config != "product":
        body, kind = file.getvalue(), "image/png"
    Path("body").write_bytes(body)
    port = str(next(PORTS))
    by_hand = [REFERENCES / "server.py", config]
    words = ["-m", "app", "serve", "--model", model] if model else by_hand
    begin = time.perf_counter()
    with subprocess.Popen([PYTHON, *map(str, words), "--port", port], stdout=subprocess.DEVNULL) as server:
        try:
            while not _well(int(port)):
                time.sleep(0.01)
            started = time.perf_counter() - begin
            load = Path(__file__).with_name("load.py")
            loaded = run(PYTHON, load, "--port", port, "--body", "body", "--type", kind, "--seconds", str(SECONDS))
        finally:
            server.terminate()
            _, _, usage = os.wait4(server.pid, 0)
            server.returncode = 0
    return Taken(started, usage.ru_maxrss / 1024, loaded.part)


def _well(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.request("GET", "/health")
        return client.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()
