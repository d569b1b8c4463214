"""Lists of setting keys, by their dotted beginnings, and why each is listed."""

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import Checkpoint, ModelSummary, ProgressBar

# A checkpoint restores state that would undo a change of these, or contradict it: they cannot change on resume.
RESTORED = (
    "model.",
    "callbacks.checkpoint.class_path",
    "callbacks.checkpoint.init_args.monitor",
    "callbacks.checkpoint.init_args.mode",
    "callbacks.early_stopping",
    "seed_everything",
)

# They decide what is scored and how: a change since training is reported with the score.
SCORED = ("model.init_args.network", "data.", "trainer.limit_", "trainer.precision")

# Settings of the Trainer that change what is learned: columns of the table of hyperparameters.
LEARNED = (
    *("max_epochs", "max_steps", "accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"),
    "precision",
)

# Minimum values that Lightning does not check.
MINIMUM = {"accumulate_grad_batches": 1, "gradient_clip_val": 0, "check_val_every_n_epoch": 1}

# Options that have another name now: the old name, by its last part, to the new one.
RENAMED = {"whole": "all_rows (of a table) or all_images (of a folder)", "lean_loop": "fast_loop"}

# Switches of the Trainer, and the callbacks that each switches off.
SWITCHES: dict[str, type[Callback]] = {
    "enable_checkpointing": Checkpoint,
    "enable_progress_bar": ProgressBar,
    "enable_model_summary": ModelSummary,
}
