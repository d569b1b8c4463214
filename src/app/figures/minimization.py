"""Where the steps of an optimizer go."""

import torch
from lightning.pytorch import LightningModule, Trainer

from app.figures.plots.minimization import on_contours, on_curve, spread
from app.tasks import Minimization
from engine.dashboard import Panel, history


class Path(Panel):
    """The path on the curve of a function of one variable, or on the contours of one of two, as `train/path`."""

    def suits(self) -> bool:
        """Return whether this is a training that minimizes a function of one or two variables."""
        return self.stage == "train" and isinstance(self.task, Minimization) and len(self.task.start) < 3

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw all steps."""
        if not self.shown or not isinstance(self.task, Minimization):
            return
        found, names = history(trainer, flush=True), self.task.names
        ends = [[*found[f"train/{name}"].values, float(self.task.point()[name])] for name in names]
        path = torch.tensor(ends, dtype=torch.float64)
        function = self.task.network.function
        title = f"Path of the {type(trainer.optimizers[0]).__name__} optimizer, {path.shape[1] - 1:,} steps"
        if len(names) == 1:
            x = torch.from_numpy(spread(path[0].numpy(), 400))
            curve = (x.numpy(), function(x.unsqueeze(1)).numpy())
            figure = on_curve(curve, (path[0].numpy(), function(path.T).numpy()), title)
        else:
            x, y = (torch.from_numpy(spread(values.numpy(), 200)) for values in path)
            points = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
            figure = on_contours(
                (x.numpy(), y.numpy(), function(points).numpy()), (path[0].numpy(), path[1].numpy()), title
            )
        self.figure("path", figure)
