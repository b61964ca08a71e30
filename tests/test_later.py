"""Defects found in use that a later issue will fix: each of these fails today, and names the issue it waits for."""

import pytest

import backprop as bp

SCHEDULES = "SequentialLR", "ChainedScheduler", "ExponentialLR", "MultiStepLR", "LambdaLR", "ReduceLROnPlateau"


@pytest.mark.xfail(strict=True, reason='issue "The rest of the lecture"')
@pytest.mark.parametrize("name", [*SCHEDULES, "clip_grad_norm_"])
def test_what_a_learner_from_pytorch_looks_for_is_there(name):
    assert hasattr(bp, name)
