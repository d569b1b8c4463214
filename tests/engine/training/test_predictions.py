import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import PROJECT, Result

from engine.runs.csv_file import lines
from engine.training.predictions import as_array

App = Callable[..., Result]
NUMBERS = [0.0, -0.0, 1.0, 0.1, 1 / 3, 1e-7, 123456789.0, 1e22, 3e38, 1e-45, float("nan"), float("inf"), -float("inf")]
PEAK = "import resource, sys; from app.__main__ import PROJECT; from engine.main import run; "
PEAK += "assert run(PROJECT, sys.argv[1:]) == 0; "
PEAK += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_a_tensor_is_written_in_full_precision(kind: torch.dtype) -> None:
    numbers = torch.tensor(NUMBERS if kind.is_floating_point else [0, 1, 7], dtype=kind)
    assert lines([as_array(numbers)]) == "".join(f"{number}\n" for number in numbers.tolist())


@pytest.mark.slow
def test_ten_times_as_many_rows_need_no_more_than_twice_the_memory(app: App, folder: Path) -> None:
    assert app("fit", "--config", PROJECT / "configs/tabular.yaml", "--trainer.max_epochs", "1").exit_code == 0
    peaks = []
    for count in (100_000, 1_000_000):
        rows = "".join(f"{row % 200}.5,{row % 7},{row % 90},{row % 1009 / 100}\n" for row in range(count))
        (folder / "new.csv").write_text("area_m2,rooms,age_years,distance_km\n" + rows)
        command = [sys.executable, "-c", PEAK, "predict", "--run", "tabular", "--data.init_args.path", "new.csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.splitlines()[-1]))
        with (folder / "lightning_logs/tabular/version_0/predictions.csv").open() as file:
            assert sum(1 for _ in file) == count + 1
    assert peaks[1] < 2 * peaks[0]
