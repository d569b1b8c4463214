"""The monitor: the metric that decides which checkpoint is best, chosen among those that a module logs."""

from collections.abc import Iterable, Mapping

from lightning.pytorch import Trainer
from torch import Tensor

from engine import console
from engine.errors import UsageError
from engine.logs.metric_names import loss_among, misspelt

DEFAULT = "val/loss"
SETTING = "--callbacks.checkpoint.monitor"


class Monitor:
    """The choice of the metric that decides which checkpoint is best.

    The default val/loss stands for the validation loss, whatever its name; where there is none, the newest validated
    epoch is best. A name that the user has set is a metric of validation, or one of training, which is known when the
    epoch ends.

    Args:
        wanted: The name in the settings; None for the newest.
    """

    def __init__(self, wanted: str | None) -> None:
        self.wanted = wanted
        self.name: str | None = None  # of the metric that decides; None while none does
        self.late = wanted not in (None, DEFAULT)  # not logged in validation, up to now
        self.error: UsageError | None = None
        self._before: dict[str, Tensor] = {}
        self._reported = False

    def begin(self, trainer: Trainer) -> None:
        """Remember the metrics before a validation."""
        self._before = dict(trainer.callback_metrics)

    def validated(self, trainer: Trainer) -> dict[str, float]:
        """Return the metrics that a validation has logged: what it leaves alone are the same objects as before."""
        metrics = trainer.callback_metrics
        return {name: value.item() for name, value in metrics.items() if value is not self._before.get(name)}

    def choose(self, names: Iterable[str], trial: bool = False) -> None:
        """Choose among the metrics of a validation; report a choice that is not what the settings say.

        Args:
            names: Of the metrics.
            trial: Whether more may be logged later, as this is the sanity check.
        """
        there = list(names)
        if self.wanted in there:
            self.name, self.late = self.wanted, False
        elif self.late:
            if near := misspelt(self.wanted or "", there):
                self.refuse(there, near)
        elif self.wanted == DEFAULT and not self._reported:
            self.name = loss_among(there)
            self._reported = self.name is not None or not trial
            if self._reported:
                console.say(f"best checkpoint: by {self.name}" if self.name else _newest(there))

    def at_epoch_end(self, metrics: Mapping[str, Tensor], validated: bool) -> None:
        """Choose a metric of training, or refuse a name that nothing has logged in an epoch that is validated."""
        if self.wanted in metrics:
            self.name = self.wanted
        elif validated:
            self.refuse(metrics)

    def refuse(self, names: Iterable[str], near: str = "") -> None:
        """Keep an error, which is raised once the training is saved."""
        listed = ", ".join(sorted(names)) or "none is logged"
        hint = f"; did you mean {near}?" if near else ""
        self.error = UsageError(f"no metric {self.wanted} to find the best checkpoint by{hint} ({listed})")


def _newest(names: list[str]) -> str:
    if not names:
        return "best checkpoint: the newest validated epoch, for validation logs no metric"
    why = f"no single metric is the validation loss by its name ({', '.join(sorted(names))})"
    choice = f"{SETTING} NAME, and --callbacks.checkpoint.mode max if more is better"
    return f"best checkpoint: the newest validated epoch, for {why}; to choose one: {choice}"
