import logging
import sys
import warnings

import pytest
import torch

from engine.export.graph import example, quiet


@pytest.mark.parametrize("shape", [(1, 3), (2, 5), (50, 3, 5), (4,)])
def test_the_batch_that_is_traced_is_no_other_dimension_and_more_than_one(shape: tuple[int, ...]) -> None:
    inputs = torch.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)).expand(shape)
    batch = example(inputs)
    assert len(batch) > 2
    assert len(batch) not in shape[1:]
    assert set(batch.flatten().tolist()) <= set(range(shape[0]))


def test_what_torch_says_while_it_traces_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("torch.onnx")
    with quiet():
        warnings.warn("of a library", stacklevel=1)
        log.error("logged")
        sys.stdout.write("printed")
        sys.stderr.write("printed too")
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == 0
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("heard again", stacklevel=1)
