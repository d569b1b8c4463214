"""Several processes on this machine: what they do together is what one does with the larger batch."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PRODUCT, PROJECT, Result, read_csv

App = Callable[..., Result]
Line = list[str | Path]
CONFIGS = PROJECT / "configs"
LOGS = Path("lightning_logs")
# Parts are summed up in another order than the whole. Seen after 20 steps of Adam, at weights up to 3: 2e-8 with an
# MLP and 1e-7 with a ConvNet, but 8e-6 with an LSTM, some of whose gradients are nearly 0 and made large by Adam.
TOLERANCE = 3e-5
ALWAYS: Line = ["--config", CONFIGS / "with" / "no_dashboard.yaml", "--trainer.check_val_every_n_epoch", "1"]


def regression(name: str, size: int) -> list[Line]:
    """Return commands that train 3 epochs of 4 steps, go on for 2 more, and evaluate; the last step has 1 sample."""
    parts = ["--data.init_args.train_size", "145", "--data.init_args.val_size", "49", "--data.init_args.test_size=33"]
    batch = ["--data.init_args.batch_size", str(24 * size)]
    smaller = ["--data.init_args.batch_size", str(7 * size)]
    return [
        ["fit", "--config", PRODUCT, "--name", name, *ALWAYS, "--trainer.max_epochs", "3", *parts, *batch],
        ["fit", "--run", name, "--trainer.max_epochs", "5"],
        ["test", "--run", name, *smaller],
        ["predict", "--run", name, *smaller],
    ]


def classification(name: str, size: int) -> list[Line]:
    """Return commands that train 5 epochs of 4 steps, and evaluate."""
    batch = ["--data.init_args.batch_size", str(35 * size), "--trainer.max_epochs", "5"]
    return [
        ["fit", "--config", CONFIGS / "tabular_classes.yaml", "--name", name, *ALWAYS, *batch],
        ["test", "--run", name, "--data.init_args.batch_size", str(7 * size)],
        ["predict", "--run", name, "--data.init_args.batch_size", str(7 * size)],
    ]


def language(name: str, size: int) -> list[Line]:
    """Return commands that train 5 epochs of 4 steps, without random numbers, and go on with a single prompt."""
    Path("text.txt").write_text("abcabdabe" * 22)
    data = ["--data.init_args.path", "text.txt", "--data.init_args.window", "4"]
    network = ["--model.init_args.network.init_args.dropout", "0", "--model.init_args.network.init_args.hidden", "16"]
    task = ["--model.init_args.length", "20", "--model.init_args.temperature", "0", "--trainer.max_epochs", "5"]
    batch = ["--data.init_args.batch_size", str(24 * size)]
    return [
        ["fit", "--config", CONFIGS / "chars.yaml", "--name", name, *ALWAYS, *data, *network, *task, *batch],
        ["test", "--run", name],
        ["predict", "--run", name],
    ]


def workers(lines: list[Line], *launchers: list[str]) -> list[subprocess.Popen[str]]:
    """Start what runs command lines in two processes."""
    Path("lines.txt").write_text("\n".join(shlex.join(map(str, line)) for line in lines))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [str(PROJECT / "tests" / "support" / "worker.py"), "--trainer.accelerator", "cpu"]
    return [
        subprocess.Popen(
            [sys.executable, *launcher[: launcher.index("--")], *command, *launcher[launcher.index("--") + 1 :]],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for launcher in launchers
    ]


def equal(app: App, name: str, commands: Callable[[str, int], list[Line]]) -> None:
    """Compare the run of two processes with that of one."""
    for line in commands("alone", 2):
        result = app(*line)
        assert result.exit_code == 0, result.err
    assert [path.name for path in (LOGS / name).iterdir()] == ["version_0"]
    together, alone = LOGS / name / "version_0", LOGS / "alone" / "version_0"
    assert distance(together, alone) < TOLERANCE
    same([json.loads((together / "test.json").read_text())], [json.loads((alone / "test.json").read_text())])
    for table in ("metrics.csv", "predictions.csv"):
        same(read_csv(together / table), read_csv(alone / table))


def distance(run: Path, other: Path) -> float:
    """Return the greatest difference of any weight of two runs, after 20 steps."""
    ours, theirs = (torch.load(r / "checkpoints" / "last.ckpt", weights_only=True) for r in (run, other))
    assert ours["global_step"] == theirs["global_step"] == 20
    pairs = zip(ours["state_dict"].values(), theirs["state_dict"].values(), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs)


def same(rows: list[dict[str, str]], others: list[dict[str, str]]) -> None:
    """Compare tables: numbers to four digits, all else as it is."""
    assert len(rows) == len(others) > 0
    for row, other in zip(rows, others, strict=True):
        assert list(row) == list(other)
        for name, value in row.items():
            try:
                assert float(value) == pytest.approx(float(other[name]), rel=1e-4, abs=1e-4), name
            except ValueError:
                assert value == other[name], name


@pytest.mark.slow
def test_two_processes_do_what_one_does_with_the_larger_batch_and_end_together(app: App) -> None:
    forever = [*classification("killed", 1)[0], "--trainer.max_epochs", "100000"]
    lines = [*regression("regression", 1), *language("language", 1), forever]
    [first] = workers(lines, ["--", "--trainer.devices", "2", "--trainer.strategy", "ddp"])
    record = LOGS / "killed" / "version_0" / "run.json"
    while first.poll() is None and not record.is_file():
        time.sleep(0.1)
    if first.poll() is None:
        os.kill(int(Path("pid_1").read_text()), signal.SIGKILL)
    out, _ = first.communicate(timeout=30)
    assert first.returncode == 1, out
    assert "error: another process of this training has ended" in out
    assert "Traceback" not in out
    assert json.loads(record.read_text())["status"] == "failed"
    assert json.loads(record.read_text())["reason"].startswith("another process")
    equal(app, "regression", regression)
    (LOGS / "alone").rename("done")
    equal(app, "language", language)


@pytest.mark.slow
def test_two_nodes_under_torchrun_do_what_one_process_does_with_the_larger_batch(app: App) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    torchrun = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
    torchrun += ["--master_addr", "127.0.0.1", "--master_port", port, "--node_rank"]
    here = ["--", "--trainer.devices", "1", "--trainer.num_nodes", "2"]
    # The strategy that docs/scaling.md has for networks that do not fit one GPU.
    Path("fsdp.yaml").write_text((PROJECT / "docs" / "scaling.md").read_text().split("```yaml\n")[1].split("```")[0])
    dealt_out = classification("fsdp", 1)
    dealt_out[0] += ["--config", "fsdp.yaml"]
    lines = [*classification("classification", 1), *dealt_out]
    nodes = workers(lines, *([*torchrun, str(rank), *here] for rank in range(2)))
    outs = [node.communicate(timeout=90)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], "\n".join(outs)
    equal(app, "classification", classification)
    (LOGS / "alone").rename("done")
    equal(app, "fsdp", classification)


def test_a_process_ends_with_the_one_that_started_it() -> None:
    child = "import sys, time; from engine.process import end_with_parent; end_with_parent(0.05); time.sleep(60)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    environment = {**os.environ, "LOCAL_RANK": "1"}
    started = subprocess.Popen([sys.executable, "-c", parent], env=environment, stdout=subprocess.PIPE)
    time.sleep(0.5)
    started.kill()
    started.communicate(timeout=10)  # the child has the pipe too: it closes when both are gone
