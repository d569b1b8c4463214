"""Says in a line what is wrong with settings that do not parse.

jsonargparse's own messages for nested classes are ten lines long and do not name the key. So when it refuses settings,
they are walked here source by source, as far as the first key, class or value that does not exist or fit.
"""

import collections.abc
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import yaml
from jsonargparse import ArgumentParser
from lightning.pytorch import Trainer
from torch import Tensor

from engine.errors import nearest
from engine.project import current
from engine.settings.classes import known

Tree = dict[str, Any]
UNEXPECTED = "unexpected:"
CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")
HOMES = ("torch.optim",)


class Wrong(Exception):
    """The first thing that is wrong."""


class Settings:
    """Settings from several sources, later ones over earlier ones.

    Args:
        top: Key of the top level to the type of its value; a class stands for its constructor's arguments.
    """

    def __init__(self, top: Mapping[str, Any]) -> None:
        """Start without a source."""
        self.top = top
        self.classes: dict[str, str] = {}

    def explain(self, source: str, tree: Tree) -> str | None:
        """Return what is wrong in a source, None if nothing is."""
        try:
            for key, value in tree.items():
                if key == "trainer" and isinstance(value, Mapping):
                    self._members(key, Trainer, value)
                elif str(key).startswith(UNEXPECTED):
                    raise Wrong(f"unexpected {key.removeprefix(UNEXPECTED)}: settings are given as --key value")
                elif key in ("callbacks", "dashboard") and isinstance(value, Mapping):
                    for name, part in value.items():
                        self._known(f"{key}.{name}", [k for k in self.top if k.startswith(f"{key}.")])
                        self._value(f"{key}.{name}", self.top[f"{key}.{name}"], part)
                else:
                    self._known(key, self.top)
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
        arguments = {**given, **{k: v for k, v in value.items() if k not in CLASS_KEYS}}
        self._members(path, cls, arguments)

    def _members(self, path: str, cls: Callable[..., Any], values: Mapping[str, Any]) -> None:
        parameters = signature(cls)
        inside = path if cls is Trainer else f"{path}.init_args"
        for key, value in values.items():
            name = str(key).removesuffix("+")  # `callbacks+` appends to a list
            if name not in parameters:
                raise Wrong(f"{cls.__name__} has no {inside}.{name}{nearest(name, parameters)}")
            self._value(f"{inside}.{name}", parameters[name], value)

    @staticmethod
    def _known(key: str, keys: typing.Iterable[str]) -> None:
        if key not in keys:
            raise Wrong(f"there is no setting {key}{nearest(str(key), keys)}")


def overrides_as_tree(overrides: Sequence[str]) -> Tree:
    """Return `--a.b value --c=value` as a nested mapping, values as YAML has them."""
    tree: Tree = {}
    words = list(overrides)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            return {UNEXPECTED + word: None}
        key, found, text = word[2:].partition("=")
        if not found:
            text = words.pop(0) if words and not words[0].startswith("--") else ""
        branch = tree
        *parents, leaf = key.split(".")
        for parent in parents:
            child = branch.setdefault(parent, {})
            branch[parent] = branch = child if isinstance(child, dict) else {"class_path": child}
        branch[leaf] = _yaml(text)
    return tree


def signature(cls: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments of a constructor, and of those it hands **kwargs to, with their types."""
    arguments: dict[str, Any] = {}
    for owner in inspect.getmro(cls) if isinstance(cls, type) else (cls,):
        function = vars(owner).get("__init__") if isinstance(owner, type) else owner
        if function is None:
            continue
        parameters = inspect.signature(function).parameters.values()
        hints = _hints(function)
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
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
    try:
        module = importlib.import_module(module_name or "builtins")
    except Exception as error:  # whatever a module does when it is imported
        raise Wrong(f"{path}: cannot import {class_path}: {error}{_nearest_class(class_path)}") from error
    if not hasattr(module, name) or not module_name:
        hint = nearest(class_path, [f"{module_name}.{other}" for other in _classes(module) if module_name])
        raise Wrong(f"{path}: there is no class {class_path}{hint or _nearest_class(class_path)}")
    found: Callable[..., Any] = getattr(module, name)
    return found


def _nearest_class(class_path: str) -> str:
    paths = known() | {name: f"{home}.{name}" for home in HOMES for name in _classes(importlib.import_module(home))}
    near = nearest(class_path.rpartition(".")[2], paths)
    return next((near.replace(name, path) for name, path in paths.items() if near.endswith(f" {name}?")), "")


def _classes(module: types.ModuleType) -> list[str]:
    home = module.__name__.split(".")[0]
    return [
        name for name, value in vars(module).items() if isinstance(value, type) and value.__module__.startswith(home)
    ]


def _parts(kind: Any) -> list[Any]:
    return list(typing.get_args(kind)) if typing.get_origin(kind) in (typing.Union, types.UnionType) else [kind]


def _bases(kind: Any) -> tuple[type, ...]:
    """Return the classes of torch, Lightning or this project that a type asks for an object of."""
    homes = ("torch", "lightning", "engine", current().package)
    classes = [part for part in _parts(kind) if isinstance(part, type) and part is not Tensor]
    return tuple(part for part in classes if part.__module__.split(".")[0] in homes)


def _takes_object(kind: Any) -> bool:
    return bool(_bases(kind)) or any(typing.get_origin(part) is collections.abc.Callable for part in _parts(kind))


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):
        return {}


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
