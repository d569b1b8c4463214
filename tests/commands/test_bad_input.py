"""What people bring wrong: exit code, at most five lines that name it, and every file as it was."""

import errno
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from support import BRIEF, PRODUCT, PROJECT, Result, main

from engine.data import Table
from engine.errors import DataError, UsageError
from engine.runs.checkpoint_file import load
from engine.runs.plain_values import to_numpy

App = Callable[..., Result]
CONFIGS = PROJECT / "configs"
FIT = ["fit", "--config", str(PRODUCT)]
DATA, NETWORK = "--data.init_args", "--model.init_args.network.init_args"
TABLE = ["fit", "--config", str(CONFIGS / "tabular.yaml"), f"{DATA}.path", "mine.csv", f"{DATA}.target", "price"]
CLASSES = [
    "fit",
    "--config",
    str(CONFIGS / "tabular_classes.yaml"),
    f"{DATA}.path",
    "mine.csv",
    f"{DATA}.target",
    "kind",
]
IMAGES = ["fit", "--config", str(CONFIGS / "image_folder.yaml"), f"{DATA}.image_size", "16", f"{DATA}.root", "images"]
TEXT = ["fit", "--config", str(CONFIGS / "chars.yaml"), f"{DATA}.path", "mine.txt"]
RUN = Path("lightning_logs/product/version_0")
BEST, LAST = RUN / "checkpoints/best.ckpt", RUN / "checkpoints/last.ckpt"
TEST = ["test", "--run", str(RUN)]


def table(*more: str, header: str = "a,b,price", rows: int = 30, name: str = "mine.csv") -> Callable[[], None]:
    """Return what writes a table of numbers, and more rows below it."""
    lines = [header, *(f"{row},{row % 7}.5,{3 * row}" for row in range(rows)), *more]
    return lambda: void(Path(name).write_text("\n".join(lines) + "\n"))


def classes(*names: str) -> Callable[[], None]:
    lines = ["a,b,kind", *(f"{row},{row % 7},{names[row % len(names)]}" for row in range(30))]
    return lambda: void(Path("mine.csv").write_text("\n".join(lines)))


def images(*names: str, count: int = 12) -> Callable[[], None]:
    def write() -> None:
        for name in names:
            Path("images", name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(f"images/{name}/{number:02}.png")

    return write


def chain(*parts: Callable[[], None]) -> Callable[[], None]:
    return lambda: void([part() for part in parts])


def write(name: str | Path, content: bytes) -> Callable[[], None]:
    def run() -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)

    return run


def shorten(name: str | Path, by: int) -> Callable[[], None]:
    return lambda: void(Path(name).write_bytes(Path(name).read_bytes()[:-by]))


def flip(name: str | Path) -> Callable[[], None]:
    """Return what changes a bit of the first weight of the first layer."""

    def run() -> None:
        data, weights = bytearray(Path(name).read_bytes()), torch.load(name, weights_only=True)["state_dict"]
        data[data.index(weights["network.layers.0.weight"].numpy().tobytes())] ^= 1
        Path(name).write_bytes(data)

    return run


def saved(name: str | Path, change: Callable[[dict[str, object]], object]) -> Callable[[], None]:
    """Return what changes the content of a checkpoint and saves it as it should be."""
    return lambda: torch.save(change(torch.load(name, weights_only=True)), name)


def large_png() -> bytes:
    """Return an image of a few bytes that says it has 10^10 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def void(_: object) -> None:
    """Make an expression of a write a function that returns nothing."""


def nothing() -> None:
    """Prepare nothing: the arguments are wrong, or what they name is missing."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something wrong.

    Args:
        prepare: Writes what is wrong.
        arguments: What the user runs.
        exit_code: How it ends.
        words: What the message names.
    """

    prepare: Callable[[], None] = nothing
    arguments: list[str]
    exit_code: int
    words: list[str]


WRONG: dict[str, Case] = {
    # a missing file or column
    "a missing table": Case(
        prepare=table(name="other.csv"), arguments=TABLE, exit_code=3, words=["mine.csv does not exist"]
    ),
    "a misspelt table": Case(
        prepare=table(name="mines.csv"), arguments=TABLE, exit_code=3, words=["mine.csv", "did you mean mines.csv?"]
    ),
    "a missing text": Case(arguments=TEXT, exit_code=3, words=["mine.txt does not exist"]),
    "a missing folder of images": Case(arguments=IMAGES, exit_code=3, words=["images does not exist"]),
    "a missing config": Case(
        arguments=["fit", "--config", "mine.yaml"], exit_code=2, words=["mine.yaml does not exist"]
    ),
    "a missing checkpoint": Case(
        arguments=[*TEST, "--ckpt_path", "gone.ckpt"], exit_code=2, words=["gone.ckpt does not exist"]
    ),
    "a missing target": Case(
        prepare=table(header="a,b,cost"), arguments=TABLE, exit_code=3, words=["mine.csv has no column price"]
    ),
    "a misspelt target": Case(
        prepare=table(header="a,b,prise"), arguments=TABLE, exit_code=3, words=["no column price; did you mean prise?"]
    ),
    "a missing feature": Case(
        prepare=table(),
        arguments=[*TABLE, f"{DATA}.features", "[a,c]"],
        exit_code=3,
        words=["mine.csv has no column c"],
    ),
    # text, NaN or infinity in a numeric column
    "text in a number's place": Case(
        prepare=table("7,many,3"), arguments=TABLE, exit_code=3, words=["mine.csv, row 31, column b: 'many'"]
    ),
    "a blank in a number's place": Case(
        prepare=table("7,,3"), arguments=TABLE, exit_code=3, words=["row 31, column b: ''"]
    ),
    "NaN": Case(
        prepare=table("nan,1,3"), arguments=TABLE, exit_code=3, words=["row 31, column a: 'nan' is not a finite number"]
    ),
    "infinity": Case(
        prepare=table("1,inf,3"), arguments=TABLE, exit_code=3, words=["row 31, column b: 'inf' is not a finite number"]
    ),
    "a number of more than 32 bits": Case(
        prepare=table("1,1e300,3"), arguments=TABLE, exit_code=3, words=["row 31, column b: '1e300' is too large"]
    ),
    "text in the target": Case(
        prepare=table("1,2,?"), arguments=TABLE, exit_code=3, words=["row 31, column price: '?'"]
    ),
    "a blank in the target": Case(
        prepare=table("1,2,"), arguments=TABLE, exit_code=3, words=["row 31, column price is blank"]
    ),
    # one class only
    "one class in a table": Case(
        prepare=classes("x"), arguments=CLASSES, exit_code=3, words=["mine.csv", "kind has one class only, 'x'"]
    ),
    "one class of images": Case(
        prepare=images("red"), arguments=IMAGES, exit_code=3, words=["images", "at least two classes"]
    ),
    "one character in a text": Case(
        prepare=write("mine.txt", b"aaaa" * 99),
        arguments=TEXT,
        exit_code=3,
        words=["mine.txt", "two different characters"],
    ),
    # an empty split
    "no rows": Case(prepare=table(rows=0), arguments=TABLE, exit_code=3, words=["mine.csv has no rows"]),
    "no bytes": Case(prepare=write("mine.csv", b""), arguments=TABLE, exit_code=3, words=["mine.csv cannot be read"]),
    "no row to validate on": Case(
        prepare=table(rows=4),
        arguments=[*TABLE, f"{DATA}.val_size", "0.01"],
        exit_code=3,
        words=["mine.csv", "0 for val", "val_size"],
    ),
    "too few of a class": Case(
        prepare=classes(*"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxy"),
        arguments=CLASSES,
        exit_code=3,
        words=["class 'y' has 1 of 30"],
    ),
    "a class without images": Case(
        prepare=chain(images("red", "blue"), lambda: Path("images/green").mkdir()),
        arguments=IMAGES,
        exit_code=3,
        words=["green has no"],
    ),
    "an empty folder val": Case(
        prepare=chain(images("train/red", "train/blue"), lambda: Path("images/val").mkdir()),
        arguments=IMAGES,
        exit_code=3,
        words=["images/val"],
    ),
    "a text shorter than a window": Case(
        prepare=write("mine.txt", b"abcdefgh"), arguments=TEXT, exit_code=3, words=["mine.txt", "a window needs 41"]
    ),
    "no batch to score": Case(
        arguments=[*TEST, "--trainer.limit_test_batches", "0"], exit_code=2, words=["limit_test_batches"]
    ),
    "no batch to predict": Case(
        arguments=["predict", "--run", "product", "--trainer.limit_predict_batches", "0"],
        exit_code=2,
        words=["limit_predict_batches"],
    ),
    # an unreadable image or text
    "text instead of an image": Case(
        prepare=chain(images("red", "blue"), write("images/red/99.png", b"not an image")),
        arguments=IMAGES,
        exit_code=3,
        words=["images/red/99.png"],
    ),
    "a truncated image": Case(
        prepare=chain(images("red", "blue"), shorten("images/red/03.png", 30)),
        arguments=IMAGES,
        exit_code=3,
        words=["images/red/03.png"],
    ),
    "a folder named like an image": Case(
        prepare=chain(images("red", "blue"), lambda: Path("images/red/99.png").mkdir()),
        arguments=IMAGES,
        exit_code=3,
        words=["red/99.png"],
    ),
    "an image larger than memory": Case(
        prepare=chain(images("red", "blue"), write("images/red/99.png", large_png())),
        arguments=IMAGES,
        exit_code=3,
        words=["images/red/99.png"],
    ),
    "a text that is not UTF-8": Case(
        prepare=write("mine.txt", b"caf\xe9 " * 99),
        arguments=TEXT,
        exit_code=3,
        words=["mine.txt", "utf-8", "--data.encoding"],
    ),
    "a table that is not UTF-8": Case(
        prepare=write("mine.csv", b"a,price\n1,2\ncaf\xe9,3\n"),
        arguments=TABLE,
        exit_code=3,
        words=["mine.csv", "utf-8"],
    ),
    # a label out of range, more classes than outputs
    "a label that is not listed": Case(
        prepare=classes("x", "y", "z"),
        arguments=[*CLASSES, f"{DATA}.classes", "[x,y]"],
        exit_code=3,
        words=["row 3", "'z'", "x, y"],
    ),
    "a label beyond num_classes": Case(
        prepare=classes("x", "y", "z"),
        arguments=[*CLASSES, "--model.init_args.num_classes", "2", f"{NETWORK}.out_features", "2"],
        exit_code=2,
        words=["model.network.out_features is 2, that of the data is 3"],
    ),
    "more classes than outputs": Case(
        prepare=classes("x", "y", "z"),
        arguments=[*CLASSES, f"{NETWORK}.out_features", "2"],
        exit_code=2,
        words=["model.network.out_features is 2, that of the data is 3"],
    ),
    # an unknown key, a value of the wrong type
    "an unknown key": Case(
        prepare=write("mine.yaml", b"trainer: {max_epoch: 1}"),
        arguments=[*FIT, "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml", "trainer.max_epoch"],
    ),
    "an unknown argument": Case(
        arguments=[*FIT, f"{NETWORK}.hidden", "[3]"],
        exit_code=2,
        words=["network.hidden", "hidden_features?"],
    ),
    "text for a number": Case(
        arguments=[*FIT, f"{DATA}.batch_size", "many"], exit_code=2, words=["batch_size", "int", "'many'"]
    ),
    "a list for a number": Case(
        arguments=[*FIT, f"{DATA}.batch_size", "[1, 2]"], exit_code=2, words=["batch_size", "int", "[1, 2]"]
    ),
    "a mapping for a number": Case(
        arguments=[*FIT, f"{DATA}.batch_size", "{a: 1}"], exit_code=2, words=["batch_size", "int", "{'a': 1}"]
    ),
    "null for a number": Case(
        arguments=[*FIT, f"{DATA}.batch_size", "null"], exit_code=2, words=["batch_size", "int", "None"]
    ),
    "NaN for a number": Case(arguments=[*FIT, "--model.init_args.l1", ".nan"], exit_code=2, words=["l1", "nan"]),
    "text for arguments": Case(
        arguments=[*FIT, f"{DATA}", "app.data.product.Product", f"{DATA}", "many"],
        exit_code=2,
        words=["data.init_args", "'many'"],
    ),
    "a number for arguments": Case(
        prepare=write(
            "mine.yaml",
            b"callbacks: {predictions: {class_path: engine.training.predictions.PredictionsFile, init_args: 5}}",
        ),
        arguments=[*FIT, "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml: callbacks.predictions.init_args", "got 5"],
    ),
    "a list for a folder": Case(
        prepare=write("mine.yaml", b"trainer: {default_root_dir: [[]]}"),
        arguments=[*FIT, "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml: trainer.default_root_dir", "[[]]"],
    ),
    "a checkpoint with a number for schedules": Case(
        prepare=saved(LAST, lambda c: c | {"lr_schedulers": 2}),
        arguments=["fit", "--run", str(RUN), "--trainer.max_epochs", "9"],
        exit_code=2,
        words=["last.ckpt cannot be resumed from"],
    ),
    "a class path of dots": Case(
        arguments=[*FIT, "--model.network", "..."],
        exit_code=2,
        words=["model.network", "..."],
    ),
    "a long value": Case(
        arguments=[*FIT, f"{DATA}.batch_size", "x" * 9000], exit_code=2, words=["batch_size", "xxx..."]
    ),
    # a config that is not one
    "tabs in YAML": Case(
        prepare=write("mine.yaml", b"a:\n\tb: 1"),
        arguments=["fit", "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml", "\\t"],
    ),
    "a config in bytes": Case(
        prepare=write("mine.yaml", bytes(range(256))),
        arguments=["fit", "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml"],
    ),
    "a nested config": Case(
        prepare=write("mine.yaml", b"[" * 9000),
        arguments=["fit", "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml"],
    ),
    "a config in itself": Case(
        prepare=write("mine.yaml", b"model: &m {class_path: app.tasks.Regression, init_args: {network: *m}}"),
        arguments=[*FIT, "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml", "aliases"],
    ),
    "a config of a billion values": Case(
        prepare=write(
            "mine.yaml",
            b"a0: &a0 [x]\n"
            + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)),
        ),
        arguments=[*FIT, "--config", "mine.yaml"],
        exit_code=2,
        words=["mine.yaml", "aliases"],
    ),
    # more than there is memory for
    "a network larger than memory": Case(
        arguments=[*FIT, f"{NETWORK}.hidden_features", "[1000000000000]"],
        exit_code=2,
        words=["not enough memory"],
    ),
    "layers larger than memory together": Case(
        arguments=[*FIT, f"{NETWORK}.hidden_features", "[1000000000, 16]"],
        exit_code=2,
        words=["not enough memory"],
    ),
    "data larger than memory": Case(
        arguments=[*FIT, f"{DATA}.train_size", "1000000000000"], exit_code=2, words=["memory"]
    ),
    # a checkpoint of another network
    "a checkpoint of another network": Case(
        arguments=[*TEST, f"{NETWORK}.hidden_features", "[5]"],
        exit_code=2,
        words=["best.ckpt", "another network"],
    ),
    "a checkpoint without a weight": Case(
        prepare=saved(BEST, lambda c: c | {"state_dict": {}}),
        arguments=TEST,
        exit_code=2,
        words=["best.ckpt", "another network", "network.layers"],
    ),
    "a checkpoint of other things": Case(
        prepare=saved(BEST, lambda c: [1, 2]),
        arguments=TEST,
        exit_code=2,
        words=["best.ckpt", "not a checkpoint of a run"],
    ),
    "a checkpoint without progress": Case(
        prepare=saved(LAST, lambda c: c | {"loops": {}}),
        arguments=["fit", "--run", str(RUN)],
        exit_code=2,
        words=["last.ckpt", "progress"],
    ),
    "a checkpoint of another optimizer": Case(
        prepare=saved(LAST, lambda c: c | {"optimizer_states": [{}]}),
        arguments=["fit", "--run", str(RUN), "--trainer.max_epochs", "9"],
        exit_code=2,
        words=["last.ckpt"],
    ),
    # a truncated checkpoint
    "a checkpoint cut short": Case(
        prepare=shorten(BEST, 500), arguments=TEST, exit_code=2, words=["best.ckpt is damaged"]
    ),
    "half a checkpoint to resume from": Case(
        prepare=shorten(LAST, 9000), arguments=["fit", "--run", str(RUN)], exit_code=2, words=["last.ckpt is damaged"]
    ),
    "an empty checkpoint": Case(prepare=write(BEST, b""), arguments=TEST, exit_code=2, words=["best.ckpt is damaged"]),
    "text instead of a checkpoint": Case(
        prepare=write(BEST, b"not a checkpoint"), arguments=TEST, exit_code=2, words=["best.ckpt"]
    ),
    "a checkpoint with one bit changed": Case(
        prepare=flip(BEST), arguments=TEST, exit_code=2, words=["best.ckpt is damaged", "CRC"]
    ),
    # the rest of a run
    "a run without settings": Case(
        prepare=write(RUN / "config.yaml", b"["), arguments=TEST, exit_code=2, words=["config.yaml cannot be read"]
    ),
    "a run with a broken record": Case(
        prepare=write(RUN / "run.json", b"["), arguments=TEST, exit_code=2, words=["run.json is damaged"]
    ),
    "a record of other things": Case(
        prepare=write(RUN / "run.json", b'{"best": [1]}'),
        arguments=TEST,
        exit_code=2,
        words=["run.json is damaged: best is '[1]'"],
    ),
    "metrics that are no table": Case(
        prepare=write(RUN / "metrics.csv", b"\xff\xfe"), arguments=TEST, exit_code=2, words=["metrics.csv is damaged"]
    ),
    # a folder that cannot be written
    "a file in the place of a folder": Case(
        prepare=write("there", b""),
        arguments=[*FIT, "--trainer.default_root_dir", "there"],
        exit_code=1,
        words=["Not a directory: there/lightning_logs"],
    ),
    "a file in the place of all runs": Case(
        prepare=write("other/lightning_logs", b""),
        arguments=[*FIT, "--trainer.default_root_dir", "other"],
        exit_code=1,
        words=["other/lightning_logs"],
    ),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run of product."""
    home = tmp_path_factory.mktemp("home")
    assert (
        main(
            [*FIT, *BRIEF, "--config", str(CONFIGS / "with/no_dashboard.yaml"), "--trainer.default_root_dir", str(home)]
        )
        == 0
    )
    return home / "lightning_logs"


@pytest.fixture
def run(trained: Path, folder: Path) -> Path:
    shutil.copytree(trained, folder / "lightning_logs")
    return folder / RUN


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


SLOW = ("layers larger than memory together",)  # the first of them is drawn before the second does not fit


@pytest.mark.parametrize("case", [pytest.param(case, marks=pytest.mark.slow if case in SLOW else []) for case in WRONG])
def test_what_is_wrong_is_named_and_nothing_is_lost(case: str, app: App, run: Path, folder: Path) -> None:
    wrong = WRONG[case]
    wrong.prepare()
    before = content(folder)
    result = app(*wrong.arguments)
    assert result.exit_code == wrong.exit_code, result
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) <= 5
    assert max(map(len, result.err.splitlines())) < 600
    for word in wrong.words:
        assert word in result.err
    assert content(folder) == before


@pytest.mark.parametrize("arguments", [FIT, TEST, ["validate", *TEST[1:]], ["predict", *TEST[1:]]])
def test_a_full_disk_loses_nothing(
    arguments: list[str], app: App, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    before = content(folder)
    monkeypatch.setattr("engine.runs.files.replacing", full)
    result = app(*arguments)
    assert result.exit_code == 1
    assert "No space left on device" in result.err
    assert len(result.err.splitlines()) == 1
    after = content(folder)
    assert {path: after[path] for path in before} == before
    assert not {path.name for path in after.keys() - before.keys()} - {"predictions.csv", ".lock"}


def test_a_changed_checkpoint_is_refused_or_holds_the_same(run: Path) -> None:
    rng, path = random.Random(0), Path("changed.ckpt")
    data, expected, refused = BEST.read_bytes(), to_numpy(torch.load(BEST, weights_only=True)), 0
    weights = expected.pop("state_dict")
    for number in range(300):
        place = rng.randrange(len(data))
        byte = bytes([data[place] ^ 1 << rng.randrange(8)])
        path.write_bytes(data[:place] if number % 3 == 0 else data[:place] + byte + data[place + 1 :])
        try:
            found = load(path).content
        except UsageError:
            refused += 1
            continue
        torch.testing.assert_close(found.pop("state_dict"), weights, rtol=0, atol=0)
        assert str(found) == str(expected)
    assert refused > 200


def test_a_bad_cell_is_named_wherever_it_is(folder: Path) -> None:
    rng = random.Random(0)
    for text in ["", "x", "nan", "inf", "-Infinity", "1e39", "1,5", "1 2", "0x1F", "--1", "1e", "."] * 3:
        row, column = rng.randrange(30), rng.choice("ab")
        rows = [{"a": str(number), "b": f"{number}.5"} for number in range(30)]
        rows[row][column] = f'"{text}"'
        Path("mine.csv").write_text(
            "\n".join(["a,b", *(f"{line['a']},{line['b']}" for line in rows)]), encoding="utf-8"
        )
        with pytest.raises(DataError) as error:
            Table(Path("mine.csv")).numbers(["a", "b"])
        assert str(error.value).startswith(f"mine.csv, row {row + 1}, column {column}: {text!r} is ")
