"""What can be wrong with a table, a text, a folder of images, a checkpoint or the rest of a run.

Each mutation changes files in place and says in words how; it draws from the generator that it is given alone.
"""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mutations import Random, change, config_text, config_tree, file_bytes, weird
from PIL import Image

CELLS = [
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e400",
    "1e39",
    "many",
    "1,5",
    "1_000",
    "0x1F",
    "True",
    "١٢",
    "5 ",
    "\x00",
    '"',
    '""',
]
CELLS += [
    "'",
    "é",
    "x" * 200000,
    "=1+1",
    "-",
    ".",
    "1e",
    "\ufeff1",
    "a\nb",
    "#",
    "NA",
    "null",
    "1" * 400,
    "\u2028",
    "9" * 5000,
]


def table(path: Path, rng: Random) -> str:
    """Change a CSV file."""
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    how = rng.choice(["cell"] * 6 + ["shape"] * 3 + ["bytes", "separator", "whole", "rows", "many"])
    text = None
    if how == "bytes":
        return file_bytes(path, rng)
    if how == "cell":
        for _ in range(rng.choice([1, 1, 5])):
            cell = rng.choice(CELLS)
            rows[row][column] = cell if rng.random() < 0.7 else '"' + cell.replace('"', '""') + '"'
        how = f"row {row}, column {column}: {rows[row][column][:30]!r}"
    elif how == "shape":
        rows[row] = rng.choice([rows[row][:-1], [*rows[row], "1"], [], [""], rows[row] * 3, rows[0]])
        how = f"row {row}: {rows[row][:8]!r}"
    elif how == "rows":
        rows = rows[: rng.choice([0, 1, 2, 3, 4, 7, 11])]
    elif how == "many":
        rows = (
            [line * 700 for line in rows]
            if rng.random() < 0.5
            else [[f"{c}_{n}" if r == 0 else c for n in range(700) for c in line] for r, line in enumerate(rows)]
        )
    elif how == "whole":
        text = rng.choice(
            [
                "",
                "\n",
                "\n\n\n",
                ",",
                ",,,\n,,,\n",
                '"',
                "a",
                "a,b\n",
                "a\n1\n2\n",
                "\ufeff",
                "a,a\n1,2\n" * 3,
                "1,2\n" * 40,
            ]
        )
    body = "\n".join(",".join(line) for line in rows) + "\n" if text is None else text
    if how == "separator":
        body = body.replace(",", rng.choice([";", "\t", "|", " ", ", ", "\r", ",,"])).replace(
            "\n", rng.choice(["\n", "\r\n", "\r", "\n\n"])
        )
    encoding = rng.choice(["utf-8"] * 8 + ["utf-16", "utf-8-sig", "latin-1", "utf-32"])
    path.write_bytes(body.encode(encoding, "replace"))
    return f"{how} {encoding}"


def text(path: Path, rng: Random) -> str:
    """Change a text file."""
    whole = path.read_text(encoding="utf-8")
    wholes = [
        "",
        "a",
        "ab",
        "aaaa" * 50,
        "ab" * 12,
        "\ufeff" + whole,
        "\r\n".join(whole),
        whole + "\x00",
        "".join(map(chr, range(1, 5000))),
    ]
    wholes += [
        "\U0001f600é\u202e" * 60,
        whole[:40],
        whole * 30,
        "\n" * 300,
        "a\u0301" * 99,
        "\x85\x1c\x1d\u2028" * 60,
        "'\"\\: #" * 50,
    ]
    if rng.random() < 0.4:
        return file_bytes(path, rng)
    chosen, encoding = rng.choice(wholes), rng.choice(["utf-8"] * 6 + ["utf-16", "latin-1", "utf-8-sig"])
    path.write_bytes(chosen.encode(encoding, "replace"))
    return f"{chosen[:20]!r} ({len(chosen)}) {encoding}"


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it is large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def images(root: Path, rng: Random) -> str:
    """Change a folder of images."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    file = rng.choice(files)
    how = rng.choice(
        ["bytes"] * 4 + ["bomb", "text", "mode", "mode", "name", "folder", "link", "class", "loose", "split", "size"]
    )
    if how == "bytes":
        return file_bytes(file, rng)
    if how == "bomb":
        file.write_bytes(
            bomb(rng.choice([10**5, 2**31 - 1, 0, 20000, 9000]), rng.choice([10**5, 2**31 - 1, 20000, 9000]))
        )
    elif how == "text":
        file.write_text("not an image")
    elif how == "mode":
        mode = rng.choice(["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I", "I;16", "F", "YCbCr", "HSV"])
        image, stream = Image.new(mode, (9, 7)), io.BytesIO()
        ending = rng.choice(["TIFF", "PNG", "GIF", "BMP", "WEBP"])
        try:
            image.save(stream, ending)
        except (OSError, ValueError, KeyError):
            image.convert("RGB").save(stream, "PNG")
        file.write_bytes(stream.getvalue())
        how = f"{mode} {ending}"
    elif how == "name":
        name = rng.choice(
            [
                b"\xff\xfe.png",
                b"a\nb.png",
                "日本.PNG".encode(),
                b"-rf.png",
                b"'\".png",
                b"\x1b[31m.png",
                b" .png",
                b".png",
                b"%s.png",
            ]
        )
        file.rename(file.parent / os.fsdecode(name))
        how = repr(name)
    elif how == "folder":
        file.unlink()
        file.mkdir()
    elif how == "link":
        file.unlink()
        file.symlink_to(rng.choice([file.name, "nowhere.png", "..", "/dev/null", "/proc/self/mem"]))
    elif how == "class":
        names = [
            "empty",
            " ",
            "é",
            "a\nb",
            "x" * 200,
            "1e3",
            "null",
            "~",
            ".hidden",
            "train",
            "val",
            "test",
            "[x]",
            "a: b",
        ]
        file.parent.rename(file.parent.parent / rng.choice(names))
    elif how == "split":
        (root / rng.choice(["train", "val", "test"])).mkdir()
    elif how == "size":
        Image.new("RGB", rng.choice([(1, 1), (1, 5000), (5000, 1)])).save(file, "PNG")
    else:
        file.rename(root / file.name)
    return f"{how}: {file.relative_to(root)}"


def _value(old: object, rng: Random) -> object:
    if not isinstance(old, torch.Tensor):
        return weird(rng)
    options = [
        weird(rng),
        torch.zeros(3),
        torch.tensor(float("nan")),
        torch.zeros(0),
        torch.tensor(1),
        old.double(),
        old.long(),
        old.bool(),
        old.flatten()[:-1],
        old.reshape(1, *old.shape),
        old * float("nan"),
        old.to(torch.complex64),
    ]
    options += [
        old.half(),
        old[..., :0] if old.ndim else old,
        old.repeat(2, *[1] * max(old.ndim - 1, 0)),
        old.to_sparse(),
        old.to("meta"),
        -old.float(),
    ]
    return rng.choice(options)


class Runs:
    """A pickle of it touches a file named `ran` when it is read as code."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Return what unpickling would call."""
        return (os.system, ("touch ran",))


OTHERS: list[Callable[[], Any]] = [
    lambda: None,
    lambda: [],
    lambda: {},
    lambda: torch.zeros(2),
    lambda: {"state_dict": {}},
    Runs,
]
OTHERS += [
    lambda: {"epoch": Runs()},
    lambda: {"epoch": 0, "global_step": 0, "state_dict": {}, "loops": {}},
    lambda: torch.nn.Linear(2, 1),
]
OTHERS += [
    lambda: {"epoch": None, "global_step": None, "state_dict": None, "loops": None},
    lambda: np.zeros(3),
    lambda: {1: 2},
]


def checkpoint(path: Path, rng: Random) -> str:
    """Change a checkpoint, or put something else in its place."""
    how = rng.choice(["bytes", "bytes", "tree", "tree", "tree", "other", "pickle", "zip", "old", "folder"])
    if how == "bytes":
        return file_bytes(path, rng)
    if how == "tree":
        content = torch.load(path, weights_only=True)
        done = [change(content, rng, lambda old: _value(old, rng)) for _ in range(rng.choice([1, 1, 1, 3]))]
        torch.save(content, path)
        return "; ".join(done)
    if how == "other":
        torch.save(rng.choice(OTHERS)(), path)
    elif how == "pickle":
        path.write_bytes(pickle.dumps(rng.choice([Runs(), {}, [1] * 9, "text", 5]), protocol=rng.choice([0, 2, 4])))
    elif how == "old":
        content = torch.load(path, weights_only=True)
        torch.save(content, path, _use_new_zipfile_serialization=False)
        if rng.random() < 0.7:
            return "old format " + file_bytes(path, rng)
    elif how == "zip":
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = rng.choice(list(parts))
        with zipfile.ZipFile(path, "w") as archive:
            for part, data in parts.items():
                archive.writestr(
                    part, data if part != name else rng.choice([b"", data[:-1], rng.randbytes(99), data * 2])
                )
        return f"zip: {name}"
    else:
        path.unlink()
        path.mkdir()
    return how


def record(path: Path, rng: Random) -> str:
    """Change run.json, metrics.csv or the saved settings of a run."""
    if rng.random() < 0.3:
        return file_bytes(path, rng)
    if path.suffix == ".csv":
        return table(path, rng)
    if path.suffix == ".yaml":
        return config_tree(path, rng) if rng.random() < 0.7 else config_text(path, rng)
    tree = json.loads(path.read_text(encoding="utf-8"))
    done = change(tree, rng, lambda old: weird(rng))
    path.write_text(
        json.dumps(tree, default=str) if rng.random() < 0.9 else f"[{json.dumps(tree, default=str)}]", encoding="utf-8"
    )
    return f"{path.name}: {done}"
