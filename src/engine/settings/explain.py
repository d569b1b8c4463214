"""Error messages for settings that do not parse, in one line.

jsonargparse's own messages for nested classes are ten lines long and do not name the key. So when it rejects settings,
they are walked here source by source, as far as the first key, class or value that does not exist or fit.
"""

import contextlib
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from jsonargparse import ArgumentParser
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor

from engine.errors import is_owners, nearest
from engine.project import current
from engine.settings.names import RENAMED, known
from engine.settings.options import option_parser
from engine.settings.sources import SECTIONS, UNEXPECTED, Sources, Tree

CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
HOMES = ("torch.optim", "torch.optim.lr_scheduler")
TOP = {"seed_everything": bool | int, "model": LightningModule, "data": LightningDataModule}


def first_wrong(sources: Sources) -> str | None:
    """Return what is wrong in the first source that has something wrong in it; None if nothing is found."""
    options = vars(option_parser(sources.choice.command).parse_args([]))
    settings = Settings(TOP | dict.fromkeys(sources.parts, Callback | None), options)
    trees = list(sources.trees())
    found = next(filter(None, (settings.explain(*source) for source in trees)), None)
    if not found and sources.choice.configs and not any("model" in tree for _, tree in trees):
        found = "the settings have no model: a config names its class as `model: {class_path: ...}`"
    return found


class Wrong(Exception):
    """The first thing that is wrong."""


class Settings:
    """Settings from several sources, later ones over earlier ones."""

    def __init__(self, top: Mapping[str, Any], options: Iterable[str] = ()) -> None:
        self.top = top  # key of the top level to the type of its value
        self.options = options  # names of the command's own options, which are no settings
        self.classes: dict[str, str] = {}
        self.parameters: dict[str, str] = {}  # name of an argument to the complete key of the last class that has it

    def explain(self, source: str, tree: Tree) -> str | None:
        """Return what is wrong in a source, None if nothing is."""
        try:
            for key, value in tree.items():
                if key == "trainer" and isinstance(value, Mapping):
                    self._members(key, Trainer, value)
                elif str(key).startswith(UNEXPECTED):
                    raise Wrong(f"unexpected {key.removeprefix(UNEXPECTED)}: settings are given as --key value")
                elif key in SECTIONS and isinstance(value, Mapping):
                    for name, part in value.items():
                        self._check_known(f"{key}.{name}", [k for k in self.top if k.startswith(f"{key}.")])
                        self._value(f"{key}.{name}", self.top[f"{key}.{name}"], part)
                else:
                    self._check_known(key, self.top, self.options)
                    self._value(key, self.top[key], value)
        except Wrong as wrong:
            return f"{source}: {wrong}"
        return None

    def _value(self, path: str, kind: Any, value: Any) -> None:
        if isinstance(value, Mapping) and ("class_path" in value or path in self.classes):
            self._object(path, kind, value)
        elif isinstance(value, str) and _takes_object(kind) and not _fits(kind, value):
            self._object(path, kind, {"class_path": value})
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            for number, item in enumerate(value):
                self._value(f"{path}[{number}]", kind, item)
        elif not _fits(kind, value):
            raise Wrong(f"{path}: expected {describe(kind)}, got {_short(value)}{nearest(str(value), _choices(kind))}")

    def _object(self, path: str, kind: Any, value: Mapping[str, Any]) -> None:
        if "class_path" in value:
            self.classes[path] = str(value["class_path"])
        cls, bases = _import(path, self.classes[path]), _bases(kind)
        if bases and isinstance(cls, type) and not issubclass(cls, bases):
            raise Wrong(f"{path}: {self.classes[path]} is not a {' or '.join(base.__name__ for base in bases)}")
        given = value.get("init_args") or {}
        if not isinstance(given, Mapping):
            raise Wrong(f"{path}.init_args: expected names and values of arguments, got {_short(given)}")
        self._members(path, cls, {**given, **{k: v for k, v in value.items() if k not in CLASS_KEYS}})

    def _members(self, path: str, cls: Callable[..., Any], values: Mapping[str, Any]) -> None:
        parameters = signature(cls)
        self.parameters |= {name: f"{path}.{name}" for name in parameters}
        for key, value in values.items():
            name = str(key).removesuffix("+")  # `callbacks+` appends to a list
            if name not in parameters and name in RENAMED:
                raise Wrong(f"{path}.{name} is called {RENAMED[name]} now")
            if name not in parameters:
                raise Wrong(f"{cls.__name__} has no {path}.{name}{nearest(name, parameters)}")
            self._value(f"{path}.{name}", parameters[name], value)

    def _check_known(self, key: str, keys: Iterable[str], others: Iterable[str] = ()) -> None:
        """Refuse a key that is none; a bare name of an argument of model, data, network... is offered in full."""
        if key in keys:
            return
        if key in self.parameters:
            raise Wrong(f"there is no setting {key}; did you mean --{self.parameters[key]}?")
        if new := RENAMED.get(key.rpartition(".")[2]):
            raise Wrong(f"{key} is called {new} now")
        raise Wrong(
            f"there is no setting {key}{nearest(str(key), [*keys, *others]) or nearest(str(key), self.parameters)}"
        )


def signature(cls: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments of a constructor, and of those it hands **kwargs to, with their types."""
    arguments: dict[str, Any] = {}
    for owner in inspect.getmro(cls) if isinstance(cls, type) else (cls,):
        function = vars(owner).get("__init__") if isinstance(owner, type) else owner
        if function is None:
            continue
        parameters = inspect.signature(function).parameters.values()
        hints: dict[str, Any] = {}
        with contextlib.suppress(NameError, TypeError):
            hints = typing.get_type_hints(function)
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
        # What a base class must be given by keyword, its subclass gives.
        named = [p for p in named if owner is cls or p.kind is not p.KEYWORD_ONLY or p.default is not p.empty]
        arguments = {p.name: hints.get(p.name, Any) for p in named} | arguments
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            break
    return arguments


def describe(kind: Any) -> str:
    """Return a type in words: "int or null", "one of relu, tanh"."""
    choices = _choices(kind)
    names = [f"one of {', '.join(choices)}"] if choices else []
    for part in _parts(kind):
        origin = typing.get_origin(part)
        if isinstance(origin, type) and issubclass(origin, Sequence):
            names.append(f"list of {describe(typing.get_args(part)[0])}")
        elif origin is not Literal:
            names.append("null" if part is type(None) else str(getattr(part, "__name__", part)))
    return " or ".join(names)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _choices(kind: Any) -> list[str]:
    literals = [part for part in _parts(kind) if typing.get_origin(part) is Literal]
    return list(dict.fromkeys(str(choice) for literal in literals for choice in typing.get_args(literal)))


def _fits(kind: Any, value: Any) -> bool:
    if value is None and Any not in _parts(kind):  # the parser takes null for everything
        return type(None) in _parts(kind) or None in _choices(kind)
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=kind)
        parser.parse_object({"value": value})
    except Exception:  # whatever it is, it says that the value does not fit
        return False
    return True


def _import(path: str, class_path: str) -> Callable[..., Any]:
    module_name, _, name = class_path.rpartition(".")
    if module_name.startswith("."):
        raise Wrong(f"{path}: {class_path} is no class path, such as torch.optim.Adam")
    try:
        module = importlib.import_module(module_name or "builtins")
    except (ImportError, ValueError) as error:
        if is_owners(error):  # a bug in the module itself
            raise
        raise Wrong(f"{path}: cannot import {class_path}: {error}{_nearest_class(class_path)}") from error
    if not hasattr(module, name) or not module_name:
        names = [*_classes(module), *(other for other, _ in inspect.getmembers(module, inspect.isfunction))]
        hint = nearest(class_path, [f"{module_name}.{other}" for other in names if module_name])
        raise Wrong(f"{path}: there is no class {class_path}{hint or _nearest_class(class_path)}")
    found: Callable[..., Any] = getattr(module, name)
    return found


def _nearest_class(class_path: str) -> str:
    paths = known() | {name: f"{home}.{name}" for home in HOMES for name in _classes(importlib.import_module(home))}
    near = nearest(class_path.rpartition(".")[2], paths)
    return next((near.replace(name, path) for name, path in paths.items() if near.endswith(f" {name}?")), "")


def _classes(module: types.ModuleType) -> list[str]:
    home = module.__name__.split(".")[0]
    return [name for name, kind in vars(module).items() if isinstance(kind, type) and kind.__module__.startswith(home)]


def _parts(kind: Any) -> list[Any]:
    return list(typing.get_args(kind)) if typing.get_origin(kind) in (typing.Union, types.UnionType) else [kind]


def _bases(kind: Any) -> tuple[type, ...]:
    """Return the classes of torch, Lightning or this project that a type asks for an object of."""
    homes = ("torch", "lightning", "engine", current().package)
    classes = [part for part in _parts(kind) if isinstance(part, type) and part is not Tensor]
    return tuple(part for part in classes if part.__module__.split(".")[0] in homes)


def _takes_object(kind: Any) -> bool:
    return bool(_bases(kind)) or any(typing.get_origin(part) is Callable for part in _parts(kind))
