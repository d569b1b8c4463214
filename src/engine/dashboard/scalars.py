"""Curves that metrics alone do not give."""

import torch
from torch import Tensor

from engine.dashboard.panel import Board, Panel


class Scalars(Panel):
    """Loss and gradient norm of single steps, training over validation loss, and charts that hold several curves.

    The gradient norm is that of all parameters together, before clipping.

    Args:
        every_n_steps: How often a step is logged.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        """Store the interval."""
        super().__init__(every_n_epochs=1)
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1: {every_n_steps}")
        self.every_n_steps = every_n_steps

    def suits(self, board: Board) -> bool:
        """Say whether there is a TensorBoard to write to."""
        return board.writer is not None

    def begin(self, board: Board, inputs: Tensor, targets: Tensor) -> None:
        """Lay out the custom charts: the curves of training and validation on one."""
        assert board.writer is not None
        charts = {"loss": ["Multiline", ["train/loss$", "val/loss$"]]}
        for name in getattr(board.task, "val_metrics", {}):
            short = name.removeprefix("val/")
            charts[short] = ["Multiline", [f"val/{short}$", f"test/{short}$"]]
        steps = {
            "loss of single steps": ["Multiline", ["train/loss_step$"]],
            "gradient norm before clipping": ["Multiline", ["train/gradient_norm$"]],
            "learning rate": ["Multiline", ["^learning_rate"]],
            "training loss / validation loss": ["Multiline", ["val/loss_ratio$"]],
        }
        board.writer.add_custom_scalars({"training and validation": charts, "steps": steps})

    def watches(self, board: Board) -> bool:
        """Watch every n-th step."""
        return board.step % self.every_n_steps == 0

    def gradients(self, board: Board) -> None:
        """Log the norm of all gradients."""
        norm = torch.nn.utils.get_total_norm([p.grad for p in board.task.parameters() if p.grad is not None])
        board.scalar("train/gradient_norm", norm.item())

    def before_step(self, board: Board) -> None:
        """Remember the number of the step: it will have been counted when its loss is known."""
        self._step = board.step

    def after_step(self, board: Board, loss: Tensor) -> None:
        """Log the loss of the batch."""
        assert board.writer is not None
        board.writer.add_scalar("train/loss_step", loss.item(), self._step)

    def after_epoch(self, board: Board) -> None:
        """Log training over validation loss: below 1, the network does better on what it has seen."""
        assert board.writer is not None
        metrics = board.trainer.callback_metrics
        if "train/loss" in metrics and metrics["val/loss"] > 0:
            ratio = (metrics["train/loss"] / metrics["val/loss"]).item()
            board.writer.add_scalar("val/loss_ratio", ratio, board.step - 1)  # the last step of that epoch
