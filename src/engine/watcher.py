"""Callbacks that only watch: an exception in one is shown, and training continues without it."""

import functools
import os
import traceback
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback

from engine import console
from engine.errors import CommandError

failed: list[str] = []  # watchers of the project that failed: the command ends with exit code 1


class Watcher(Callback):
    """A callback whose hooks never end a training: the first exception switches it off.

    A watcher of the engine that fails, on an unusual model say, is one line. One of the project shows its traceback,
    and the command ends with exit code 1 once everything is done. APP_DEBUG=1 raises the exception instead.
    """

    off = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Guard the hooks that a subclass defines."""
        super().__init_subclass__(**kwargs)
        for name, hook in list(vars(cls).items()):
            if name.startswith("on_") and callable(hook):
                setattr(cls, name, _guarded(hook))

    def close(self) -> None:
        """Remove what would remain when this callback is switched off, such as hooks on layers."""

    def guarded(self, hook: Callable[..., None]) -> Callable[..., None]:
        """Return a hook for a layer that ends no training either."""
        return functools.partial(_guarded(lambda self, *values: hook(*values)), self)

    def switch_off(self, error: Exception) -> None:
        """Show why, and do nothing from now on."""
        self.off = True
        name = type(self).__name__
        if type(self).__module__.split(".")[0] == "engine":
            console.say(f"{name} failed and is switched off: {error!r}")
        else:
            traceback.print_exception(error)
            console.say(f"{name} failed and is switched off; training continues, and ends with exit code 1")
            failed.append(name)
        self.close()


def _guarded(hook: Callable[..., None]) -> Callable[..., None]:
    """Return a hook that is skipped once its watcher is off."""

    @functools.wraps(hook)
    def guarded(self: Watcher, *values: Any, **named: Any) -> None:
        if self.off:
            return
        try:
            hook(self, *values, **named)
        except CommandError:
            raise
        except Exception as error:
            if os.environ.get("APP_DEBUG") == "1":
                raise
            self.switch_off(error)

    return guarded
