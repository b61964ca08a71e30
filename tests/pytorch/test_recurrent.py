"""Recurrent layers and their backpropagation through time, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@settings(deadline=None, max_examples=40)
@given(
    sizes=st.tuples(*[st.integers(1, 5)] * 4),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    batch_first=st.booleans(),
    bias=st.booleans(),
    single=st.booleans(),
    start=st.booleans(),
    relu=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_recurrent_layer(
    judge, kind, sizes, layers, bidirectional, batch_first, bias, single, start, relu, dtype, seed
):
    steps, samples, inputs, hidden = sizes
    j = judge(seed, dtype)
    options = {"num_layers": layers, "bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
    if kind == "RNN":
        options["nonlinearity"] = "relu" if relu else "tanh"
    ours, theirs = getattr(bp, kind)(inputs, hidden, **options), getattr(torch.nn, kind)(inputs, hidden, **options)
    j.same_parameters(ours, theirs)
    x = (
        j.numbers(steps, inputs)
        if single
        else j.numbers(*((samples, steps) if batch_first else (steps, samples)), inputs)
    )
    state = (layers * (2 if bidirectional else 1), *(() if single else (samples,)), hidden)
    count = 2 if kind == "LSTM" else 1
    given_states = [j.numbers(*state) for _ in range(count)] if start else None
    tx, their_states = j.tensor(x), [j.tensor(s) for s in given_states] if start else None
    as_given = (lambda states: tuple(states)) if count == 2 else (lambda states: states[0])
    out = ours(x, as_given(given_states)) if start else ours(x)
    expected, last = theirs(tx, as_given(their_states)) if start else theirs(tx)
    j.near(out, expected)
    j.near(ours.h_n, last[0] if count == 2 else last)
    if count == 2:
        j.near(ours.c_n, last[1])
    delta = j.numbers(*out.shape)
    expected.backward(torch.tensor(delta))
    below = ours.backward(delta)
    if start:
        below, states = below
        for ours_state, their_state in zip(states if count == 2 else [states], their_states, strict=True):
            j.near(ours_state, their_state.grad)
    j.near(below, tx.grad)
    for name, parameter in ours.named_parameters():
        j.near(parameter.grad, theirs.get_parameter(name).grad)
