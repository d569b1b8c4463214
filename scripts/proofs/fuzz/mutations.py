"""What can be wrong with a config, or with any file: each mutation changes it in place and says in words how.

It draws from the generator that it is given and from nothing else.
"""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Random = random.Random

NUMBERS: list[Any] = [0, -1, 1, 2, 3.7, 1e-300, -0.0, 10**6, 10**9, 10**12, 10**15, 2**63, -(2**63) - 1, 10**40, 1e308]
NUMBERS += [float("nan"), float("inf"), -float("inf")]
TEXTS: list[Any] = [
    "",
    " ",
    "\t",
    "a\nb",
    "'",
    '"',
    "é",
    "日本",
    "\u202e",
    "\x7f",
    "null",
    "true",
    "1e3",
    "0x1F",
    "~",
    "None",
    "[1, 2",
    "{a: 1",
]
TEXTS += [
    "..",
    ".",
    "/",
    "/proc/nowhere",
    "x" * 300,
    "a" * 5000,
    "%s%n",
    "${HOME}",
    "!!python/object:os.system",
    "auto",
    "min",
]
CLASSES: list[Any] = [
    "torch.nn.Linear",
    "torch.optim.SGD",
    "torch.optim.LBFGS",
    "torch.optim.SparseAdam",
    "torch.nn.Module",
]
CLASSES += [
    "app.data.chars.Chars",
    "app.data.product.Product",
    "engine.data.in_memory.InMemory",
    "app.tasks.Classification",
    "app.tasks.Regression",
]
CLASSES += [
    "app.networks.MLP",
    "app.networks.CharLSTM",
    "app.networks.ConvNet",
    "engine.training.best_and_last.BestAndLast",
    "app.figures.regression.Fit",
]
CLASSES += [
    "lightning.pytorch.callbacks.EarlyStopping",
    "lightning.pytorch.callbacks.ModelCheckpoint",
    "engine.task.SupervisedTask",
]
CLASSES += [
    "torch.optim.lr_scheduler.StepLR",
    "torch.optim.lr_scheduler.OneCycleLR",
    "lightning.pytorch.cli.ReduceLROnPlateau",
]
CLASSES += ["torch.optim.lr_scheduler.CyclicLR", "app.schedules.WarmupCosine", "torch.optim.lr_scheduler.LambdaLR"]
CLASSES += [
    "collections.OrderedDict",
    "builtins.dict",
    "dict",
    "no.such.module",
    "app",
    "torch.nn",
    "app.data",
    "....",
    "a..b",
    "pathlib.Path",
]
NESTED: list[Any] = [
    None,
    [],
    {},
    [None],
    [[]],
    {"a": {"b": []}},
    {"class_path": None},
    {"class_path": []},
    {"init_args": {}},
]
NESTED += [
    {"class_path": "torch.nn.Linear", "init_args": None},
    [1, "a", None],
    {1: 2},
    {None: 1},
    {"class_path": "app.networks.MLP"},
]
NESTED += [
    {"class_path": "torch.optim.Adam", "init_args": {"lr": -1}},
    {"class_path": "torch.optim.SGD", "init_args": []},
    True,
    False,
]
POOLS = [NUMBERS, TEXTS, CLASSES, NESTED]


def weird(rng: Random) -> Any:
    """Return a value that is seldom right."""
    return copy.deepcopy(rng.choice(rng.choice(POOLS)))


def places(tree: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in nested mappings and lists."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    return [path for key, value in items for path in ((*prefix, key), *places(value, (*prefix, key)))]


def change(tree: Any, rng: Random, value: Callable[[Any], Any]) -> str:
    """Delete, rename, copy or replace a value somewhere in nested mappings and lists, in place."""
    found = places(tree)
    if not found:
        return "nothing"
    path = rng.choice(found)
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    key, name = path[-1], ".".join(map(str, path))
    how = rng.choice(["delete", "rename", "copy", "wrap", *["replace"] * 5])
    if how == "delete":
        del parent[key]
    elif how == "rename" and isinstance(parent, dict):
        parent[rng.choice([f"{key}x", str(key)[:-1], str(key).upper(), "", "é", 7, None])] = parent.pop(key)
    elif how == "copy":
        other = rng.choice(found)
        source = tree
        for step in other:
            source = source[step]
        parent[key] = copy.deepcopy(source)
        return f"{name} = copy of {'.'.join(map(str, other))}"
    elif how == "wrap":
        parent[key] = rng.choice([[parent[key]], {"x": parent[key]}, [parent[key]] * 3])
    else:
        how, parent[key] = "replace", value(parent[key])
        return f"{name} = {str(parent[key])[:60]!r}"
    return f"{how} {name}"


def config_tree(path: Path, rng: Random) -> str:
    """Change settings of a config."""
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    done = [change(tree, rng, lambda old: weird(rng)) for _ in range(rng.choice([1, 1, 1, 2, 4]))]
    path.write_text(yaml.dump(tree, allow_unicode=True), encoding="utf-8")
    return "; ".join(done)


SNIPPETS = [
    "\t",
    "\t- a\n",
    "!!python/object/apply:os.system ['touch ran']",
    "!!python/name:os.system",
    "*missing",
    "&a [*a]",
]
SNIPPETS += [
    "<<: *missing\n",
    "<<: 5\n",
    "<<: [1]\n",
    "? [a]\n: b\n",
    "---\n",
    "...\n",
    "%YAML 9.9\n",
    "!!binary x",
    "!!timestamp 1",
]
SNIPPETS += [
    "!!set {a}",
    "!!int x",
    "!!float x",
    "2020-01-01",
    "1:30",
    "\x00",
    "\ufeff",
    "\u2028",
    "{",
    "]",
    "'",
    '"',
    ": ",
    "#",
    "@",
]
SNIPPETS += [
    "trainer:\n  max_epochs: 1\n" * 2,
    "[" * 50,
    "[" * 3000,
    "{a: " * 3000,
    "- " * 3000,
    "x" * 70000,
    "? " * 500,
]
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))


def config_text(path: Path, rng: Random) -> str:
    """Break the YAML of a config."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    row = rng.randrange(len(lines))
    how = rng.choice(
        ["bytes", "insert", "insert", "insert", "value", "value", "cut", "double", "indent", "whole", "whole"]
    )
    snippet = rng.choice(SNIPPETS)
    if how == "bytes":
        return file_bytes(path, rng)
    if how == "insert":
        place = rng.randrange(len(text))
        text = text[:place] + snippet + text[place:]
    elif how == "value":
        lines[row] = lines[row].split(":")[0] + ": " + snippet + "\n"
        text = "".join(lines)
    elif how == "cut":
        text = text[: rng.randrange(len(text))]
    elif how == "double":
        text = "".join([*lines[:row], lines[row], *lines[row:]])
    elif how == "indent":
        lines[row] = rng.choice([" ", "\t", "    "]) + lines[row]
        text = "".join(lines)
    else:
        wholes = [
            "",
            "\n",
            "null",
            "5",
            "[]",
            "{}",
            "a",
            snippet,
            LAUGHS + text,
            "x: 1\n" * 3,
            LAUGHS + "trainer: *a29\n",
        ]
        wholes += [
            "model: &m {class_path: app.tasks.Regression, init_args: {network: *m}}",
            "trainer: &t {callbacks: [*t]}",
        ]
        how = f"whole {(text := rng.choice(wholes))[:30]!r}"
    encoding = rng.choice(["utf-8"] * 8 + ["utf-16", "utf-8-sig", "latin-1", "utf-32"])
    path.write_bytes(text.encode(encoding, "replace"))
    return f"{how} {snippet[:30]!r} line {row + 1} {encoding}"


def file_bytes(path: Path, rng: Random) -> str:
    """Truncate a file, or change some of its bytes."""
    data = bytearray(path.read_bytes())
    how = rng.choice(["truncate", "truncate", "flip", "flip", "zeros", "append", "noise", "empty", "insert"])
    place = rng.randrange(max(len(data), 1))
    if how == "truncate":
        del data[place:]
    elif how == "flip":
        for _ in range(rng.choice([1, 1, 3, 30])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == "zeros":
        data[place : place + 64] = bytes(len(data[place : place + 64]))
    elif how == "insert":
        data[place:place] = rng.randbytes(rng.choice([1, 100]))
    else:
        data = {"append": data + rng.randbytes(100), "noise": bytearray(rng.randbytes(500)), "empty": bytearray()}[how]
    path.write_bytes(bytes(data))
    return f"{path.name}: {how} at {place}"
