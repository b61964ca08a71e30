"""What dropout, normalisation, embeddings, recurrent and graph layers promise, beyond their gradients."""

import copy

import numpy as np
import pytest

import backprop as bp
from backprop.training.fit import fit


def test_dropout_is_the_identity_in_evaluation():
    layer, x = bp.Dropout(0.5).eval(), np.ones((4, 4), np.float32)
    assert layer(x) is x
    assert layer.backward(x) is x


def test_dropout_draws_anew_in_every_call_and_backward_uses_the_calls_own(each_kernels):
    layer, x = bp.Dropout(0.5), np.ones(1000, np.float32)
    first = layer(x)
    call = layer.call
    second = layer(x)
    assert 0.2 < (first == second).mean() < 0.8
    np.testing.assert_array_equal(layer.backward(x), second)
    layer.recall(call)
    np.testing.assert_array_equal(layer.backward(x), first)


def test_two_dropout_layers_draw_different_masks_and_a_seed_repeats_both():
    def masks():
        bp.manual_seed(4)
        return [bp.Dropout(0.5)(np.ones(100, np.float32)).tolist() for _ in range(2)]

    first, second = masks()
    assert first != second
    assert masks() == [first, second]


def test_dropout_is_the_same_on_both_kernels():
    outs = []
    for kernels in ("reference", "cpu"):
        bp.manual_seed(0)
        with bp.use_kernels(kernels):
            outs.append(bp.Dropout(0.3)(np.ones(100)))
    np.testing.assert_allclose(*outs)


def test_dropout2d_drops_whole_channels():
    out = bp.Dropout2d(0.5)(np.ones((8, 8, 3, 3), np.float32))
    assert set(out.reshape(64, 9).sum(axis=1)) == {0, 18}
    with pytest.raises(bp.ShapeError, match=r"expects \(N, C, ...\) with 2 spatial axes, got \(8, 8\)"):
        bp.Dropout2d()(np.ones((8, 8)))


def test_batch_norm_normalises_each_channel_and_remembers(each_kernels, rng):
    layer = bp.BatchNorm2d(3, dtype=np.float64)
    x = 5 * rng.standard_normal((8, 3, 4, 4)) + 2
    y = layer(x)
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1, atol=1e-5)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * x.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * x.var(axis=(0, 2, 3), ddof=1))


def test_batch_norm_uses_what_it_remembers_in_evaluation_and_leaves_it_alone(rng):
    layer = bp.BatchNorm1d(2, dtype=np.float64).eval()
    layer.running_mean.data[...], layer.running_var.data[...] = [1, 2], [4, 9]
    np.testing.assert_allclose(layer(np.array([[3.0, 5.0]])), [[1, 1]], atol=1e-5)
    assert layer.num_batches_tracked.data == 0


def test_batch_norm_refuses_a_single_value_per_channel_in_training():
    with pytest.raises(bp.ShapeError, match="expects more than one value per channel in training"):
        bp.BatchNorm1d(3)(np.ones((1, 3), np.float32))
    with pytest.raises(bp.ShapeError, match=r"BatchNorm2d: expects \(N, 3, H, W\), got \(2, 4, 5, 5\)"):
        bp.BatchNorm2d(3)(np.ones((2, 4, 5, 5), np.float32))


def test_an_earlier_calls_backward_does_not_see_later_statistics(rng):
    layer, x = bp.BatchNorm1d(2, dtype=np.float64).eval(), rng.standard_normal((4, 2))
    layer(x)
    call, delta = layer.call, rng.standard_normal((4, 2))
    expected = layer.backward(delta)
    layer.train()(x + 7)
    layer.recall(call)
    np.testing.assert_array_equal(layer.backward(delta), expected)


def test_buffers_are_saved_change_type_and_are_no_parameters():
    layer = bp.BatchNorm2d(3)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == ["running_mean", "running_var", "num_batches_tracked"]
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    layer.to(np.float64)
    assert layer.running_mean.dtype == np.float64
    assert layer.num_batches_tracked.dtype == np.int64
    with pytest.raises(
        bp.ParameterError, match=r"BatchNorm2d.running_mean must be a Buffer of shape \(3,\), got ndarray"
    ):
        layer.running_mean = np.zeros(3)
    with pytest.raises(bp.ShapeError, match=r"a Buffer of shape \(3,\), got a Buffer of shape \(4,\)"):
        layer.running_mean = bp.Buffer(np.zeros(4))
    layer.running_mean = bp.Buffer(np.ones(3))
    assert copy.deepcopy(layer).running_mean.data.tolist() == [1, 1, 1]


def test_layer_norm_does_not_look_at_other_samples(rng):
    layer, x = bp.LayerNorm(6, dtype=np.float64), rng.standard_normal((5, 6))
    np.testing.assert_array_equal(layer(x)[:1], layer(x[:1]))
    with pytest.raises(bp.ShapeError, match=r"expects \(..., 6\), got \(5, 7\)"):
        layer(np.ones((5, 7)))


def test_embedding_is_a_linear_layer_of_one_hot_vectors(rng):
    layer, index = bp.Embedding(5, 3, dtype=np.float64), np.array([[4, 0], [4, 4]])
    onehot = np.eye(5)[index]
    np.testing.assert_allclose(layer(index), onehot @ layer.weight.data)
    delta = rng.standard_normal((2, 2, 3))
    assert layer.backward(delta) is None
    np.testing.assert_allclose(layer.weight.grad, np.einsum("abv,abd->vd", onehot, delta))


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ([0, 5], r"integers in \[0, 5\), got 5 at index 1"),
        ([[0, 1], [-1, 9]], r"got -1 at index \(1, 0\)"),
        ([0.0, 1.0], r"got float64; use x.astype\(np.int64\)"),
    ],
)
def test_an_index_without_a_row_is_refused_naming_the_first(index, words, each_kernels):
    with pytest.raises(IndexError, match=words):
        bp.Embedding(5, 3)(np.array(index))


def test_the_padding_row_stays_zero_and_is_not_counted_from_the_end_only_by_name():
    layer = bp.Embedding(5, 3, padding_idx=-1)
    assert layer.padding_idx == 4
    layer(np.array([4, 1]))
    layer.backward(np.ones((2, 3), np.float32))
    assert layer.weight.grad.any(axis=1).tolist() == [False, True, False, False, False]


def test_a_recurrent_layer_is_its_cell_applied_step_by_step(rng):
    layer = bp.RNN(3, 2, dtype=np.float64)
    x, h = rng.standard_normal((4, 5, 3)), np.zeros((5, 2))
    out = layer(x)
    for t in range(4):
        u = x[t] @ layer.weight_ih_l0.data.T + layer.bias_ih_l0.data
        h = np.tanh(u + h @ layer.weight_hh_l0.data.T + layer.bias_hh_l0.data)
        np.testing.assert_allclose(out[t], h)
    np.testing.assert_array_equal(layer.h_n[0], out[-1])


def test_a_sequence_may_be_read_in_two_parts(rng):
    for kind in (bp.RNN, bp.GRU, bp.LSTM):
        layer, x = kind(3, 2, dtype=np.float64), rng.standard_normal((6, 2, 3))
        whole = layer(x)
        first = layer(x[:4])
        second = layer(x[4:], (layer.h_n, layer.c_n) if kind is bp.LSTM else layer.h_n)
        np.testing.assert_allclose(np.concatenate([first, second]), whole)


def test_a_recurrent_layer_says_what_it_wants():
    with pytest.raises(
        bp.ShapeError, match=r"GRU: expects \(T, N, 3\), or \(T, 3\) for a single sequence, got \(4, 5\)"
    ):
        bp.GRU(3, 2)(np.ones((4, 5), np.float32))
    with pytest.raises(bp.ShapeError, match=r"expects hx of shape \(1, 5, 2\), got \(1, 4, 2\)"):
        bp.GRU(3, 2)(np.ones((4, 5, 3), np.float32), np.ones((1, 4, 2), np.float32))
    with pytest.raises(bp.ShapeError, match=r"hx of two states, each of shape \(1, 5, 2\)"):
        bp.LSTM(3, 2)(np.ones((4, 5, 3), np.float32), np.ones((1, 5, 2), np.float32))


def test_long_sequences_do_not_need_recursion(rng):
    layer = bp.GRU(2, 2)
    out = layer(rng.standard_normal((3000, 1, 2)).astype(np.float32))
    assert np.isfinite(layer.backward(np.ones_like(out))).all()


def test_a_node_hears_its_neighbours_and_itself():
    layer = bp.GraphConv(1, 1, bias=False, dtype=np.float64)
    layer.linear.weight = bp.Parameter(np.array([[1.0]]))
    heard = layer(np.array([[1.0], [0], [0]]), bp.normalized_adjacency([(0, 1)], 3, np.float64))
    np.testing.assert_allclose(heard.ravel(), [0.5, 0.5, 0])
    with pytest.raises(bp.ShapeError, match=r"expects \(..., 3, 1\) for 3 nodes, got \(2, 1\)"):
        layer(np.ones((2, 1)), np.eye(3))
    with pytest.raises(bp.ShapeError, match=r"edges must join nodes in \[0, 3\), got 0 to 3"):
        bp.normalized_adjacency([(0, 3)], 3)


def test_a_graph_network_learns_which_side_of_a_graph_a_node_is_on(rng):
    """Two clusters joined by one edge; only one node of each is labelled."""
    edges = [(i, j) for side in (0, 6) for i in range(side, side + 6) for j in range(i) if j >= side] + [(0, 6)]
    S = bp.normalized_adjacency(edges, 12)
    first, second, relu, loss = bp.GraphConv(12, 8), bp.GraphConv(8, 2), bp.ReLU(), bp.CrossEntropyLoss()
    adam = bp.Adam([*first.parameters(), *second.parameters()], lr=0.05)
    y = np.full(12, -100)
    y[3], y[9] = 0, 1
    for _ in range(60):
        scores = second(relu(first(np.eye(12, dtype=np.float32), S)), S)
        loss(scores, y)
        adam.zero_grad()
        first.backward(relu.backward(second.backward(loss.backward())))
        adam.step()
    assert scores.argmax(axis=1).tolist() == [0] * 6 + [1] * 6


def test_binary_cross_entropy_refuses_what_is_no_probability():
    with pytest.raises(bp.LabelError, match="expects probabilities from 0 to 1, got 1.5 at index 1"):
        bp.BCELoss()(np.array([0.5, 1.5]), np.array([1.0, 0]))
    with pytest.raises(bp.LabelError, match="expects targets from 0 to 1, got -1.0 at index 0"):
        bp.BCEWithLogitsLoss()(np.array([0.5]), np.array([-1.0]))


def test_nll_wants_labels():
    with pytest.raises(bp.ShapeError, match="expects labels, not probabilities"):
        bp.NLLLoss()(np.zeros((2, 3)), np.full((2, 3), 1 / 3))


def test_class_weights_belong_to_the_classes():
    with pytest.raises(bp.ShapeError, match=r"expects a weight for each class, \(3,\), got \(2,\)"):
        bp.CrossEntropyLoss(weight=np.ones(2))(np.zeros((4, 3)), np.zeros(4, int))


def test_a_loss_with_weights_follows_a_change_of_type():
    loss = bp.CrossEntropyLoss(weight=[1.0, 2.0])
    assert loss(np.zeros((1, 2), np.float32), np.array([1])) == pytest.approx(np.log(2))
    loss.to(np.float64)
    assert loss(np.zeros((1, 2)), np.array([1])) == pytest.approx(np.log(2))


def test_an_option_that_is_changed_later_counts():
    """repr once showed the new value while the old one was computed with."""
    layer, loss = bp.LeakyReLU(0.1), bp.HuberLoss(delta=1.0)
    layer.negative_slope, loss.delta = 0.5, 0.5
    assert layer(np.array([-1.0])) == -0.5
    assert loss(np.array([2.0]), np.array([0.0])) == 0.5 * (2 - 0.25)
    assert repr(layer).startswith("LeakyReLU(negative_slope=0.5)")


def test_evaluating_gives_each_module_its_own_mode_back():
    net = bp.Sequential(bp.Dropout(0.5), bp.BatchNorm1d(3).eval())
    with net.evaluating():
        assert not net[0].training
    assert (net[0].training, net[1].training) == (True, False)


def test_a_seed_repeats_the_masks_of_a_dropout_that_is_there_already():
    layer, x = bp.Dropout(0.5), np.ones(50, np.float32)
    masks = []
    for _ in range(2):
        bp.manual_seed(6)
        masks.append((layer(x).tolist(), layer(x).tolist()))
    assert masks[0] == masks[1]
    assert masks[0][0] != masks[0][1]


def test_p_may_change_between_forward_and_backward():
    layer, x = bp.Dropout(0.5), np.ones(200, np.float32)
    out = layer(x)
    layer.p = 0.9
    np.testing.assert_array_equal(layer.backward(x), out)


def test_a_key_may_be_any_whole_number():
    """A plain int once made the Numba kernel drop everything."""
    for key in (5, np.int64(5), np.uint64(5)):
        assert 0.4 < (bp.functional.dropout(np.ones(10_000), key, 0.5) > 0).mean() < 0.6


def test_one_adjacency_serves_all_graphs_of_a_batch():
    with pytest.raises(bp.ShapeError, match=r"expects S \(V, V\), weights from node to node, got \(3, 3, 3\)"):
        bp.GraphConv(2, 2)(np.ones((3, 3, 2), np.float32), np.ones((3, 3, 3), np.float32))
    with pytest.raises(bp.DTypeError, match=r"use edges.astype\(np.int64\)"):
        bp.normalized_adjacency([(0.9, 1.9)], 3)


def test_a_positive_weight_may_be_a_number():
    loss = bp.BCEWithLogitsLoss(pos_weight=2.0)
    assert loss(np.zeros(3, np.float32), np.ones(3, np.float32)) == pytest.approx(2 * np.log(2))


def test_numpys_whole_numbers_are_whole_numbers():
    two = np.int64(2)
    assert bp.Conv2d(4, 4, 3, groups=two)(np.ones((1, 4, 5, 5), np.float32)).shape == (1, 4, 3, 3)
    assert bp.ConvTranspose2d(4, 4, 3, groups=two)(np.ones((1, 4, 5, 5), np.float32)).shape == (1, 4, 7, 7)
    assert bp.ZeroPad2d(two)(np.ones((1, 1, 3, 3))).shape == (1, 1, 7, 7)
    assert bp.LayerNorm(two).normalized_shape == (2,)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bp.Dropout("0.5"),
        lambda: bp.BatchNorm1d(3.0),
        lambda: bp.BatchNorm1d(3, eps="a"),
        lambda: bp.GroupNorm("2", 4),
        lambda: bp.LayerNorm(5.0),
        lambda: bp.Embedding(5.0, 3),
        lambda: bp.HuberLoss(delta="a"),
        lambda: bp.CrossEntropyLoss(label_smoothing="a"),
        lambda: bp.CrossEntropyLoss(ignore_index=None),
        lambda: bp.Unflatten(1, 6),
        lambda: bp.Unflatten(1, (-2, -3)),
        lambda: bp.SGD([bp.Parameter([1.0])], lr="0.1"),
        lambda: bp.SGD([bp.Parameter([1.0])], dampening="x"),
        lambda: bp.Adam([bp.Parameter([1.0])], betas=0.9),
        lambda: bp.StepLR(bp.SGD([bp.Parameter([1.0])]), "3"),
        lambda: bp.LinearLR(bp.SGD([bp.Parameter([1.0])]), start_factor=-2),
        lambda: bp.OneCycleLR(bp.SGD([bp.Parameter([1.0])]), 0.1, 10.5),
        lambda: bp.OneCycleLR(bp.SGD([bp.Parameter([1.0])]), 0.1, 10, div_factor=0),
        lambda: bp.OneCycleLR(bp.SGD([bp.Parameter([1.0])]), [0.1, 0.2], 10),
        lambda: bp.manual_seed(1.5),
        lambda: bp.DataLoader(np.ones((2, 1)), np.zeros(2), seed="1"),
        lambda: bp.DataLoader(np.ones((2, 1)), np.zeros(2), seed=1 << 63),
    ],
)
def test_text_and_fractions_where_numbers_belong_are_refused_by_name(make):
    with pytest.raises(bp.OptionError):
        make()


def test_words_are_loaded_as_whole_numbers_and_learned():
    words, labels = np.array([[0, 1], [2, 3], [1, 0], [3, 2]] * 8), np.array([0, 1, 0, 1] * 8)
    loader = bp.DataLoader(words.astype(np.uint8), labels, batch_size=8, dtype=np.int64)
    net = bp.Sequential(bp.Embedding(4, 3), bp.Flatten(), bp.Linear(6, 2))
    assert "Embedding(4, 3)" in bp.summary(net, (8, 2), dtype=np.int64)
    history = fit(net, bp.CrossEntropyLoss(), bp.Adam(net.parameters(), lr=0.1), loader, epochs=20, progress=False)
    assert history.epochs[-1].train_accuracy == 1


def test_training_does_not_count_ignored_labels_as_classes():
    labels = np.array([0, 1, 2, 255] * 4)
    loader = bp.DataLoader(np.random.default_rng(0).random((16, 4), np.float32), labels, batch_size=8)
    net = bp.Sequential(bp.Linear(4, 3), bp.BatchNorm1d(3, track_running_stats=False))
    history = fit(net, bp.CrossEntropyLoss(ignore_index=255), bp.SGD(net.parameters()), loader, progress=False)
    assert len(history.losses) == 2


def test_a_recurrent_layer_wants_a_step_and_states_of_one_shape():
    with pytest.raises(bp.ShapeError, match="expects at least one step"):
        bp.LSTM(3, 2)(np.ones((0, 5, 3), np.float32))
    x, state = np.ones((4, 5, 3), np.float32), np.zeros((1, 5, 2), np.float32)
    with pytest.raises(bp.ShapeError, match=r"each of shape \(1, 5, 2\), got \(1, 5, 2\), \(1, 4, 2\)"):
        bp.LSTM(3, 2)(x, (state, state[:, :4]))


def test_the_corner_of_the_absolute_loss_is_called_a_kink():
    report = bp.gradcheck(bp.L1Loss(), np.array([0.5, 1.0]), np.array([0.5, 2.0]))
    assert [row.verdict for row in report.rows] == ["kink"]


def test_a_check_where_the_output_is_not_finite_says_so():
    with pytest.raises(bp.OptionError, match="the output must be finite"):
        bp.gradcheck(bp.CrossEntropyLoss(ignore_index=1), np.ones((2, 3)), np.array([1, 1]))


LIMITS = {  # of sigma(u), and of sigma'(u), as u goes to minus and to plus infinity
    bp.GELU: (0, np.inf, 0, 1),
    bp.SiLU: (0, np.inf, 0, 1),
    bp.Mish: (0, np.inf, 0, 1),
    bp.Hardswish: (0, np.inf, 0, 1),
    bp.Softsign: (-1, 1, 0, 0),
    bp.Softplus: (0, np.inf, 0, 1),
    bp.LogSigmoid: (-np.inf, 0, 1, 0),
    bp.ELU: (-1, np.inf, 0, 1),
    bp.CELU: (-1, np.inf, 0, 1),
    bp.Tanhshrink: (-np.inf, np.inf, 1, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [*LIMITS, lambda: bp.GELU("tanh")])
def test_an_activation_of_infinity_is_its_limit_and_so_is_its_slope(kind, dtype, each_kernels):
    """GELU, SiLU and Mish of minus infinity were NaN, and many slopes."""
    limits = LIMITS.get(kind, LIMITS[bp.GELU])
    layer = kind()
    for most in (np.inf, np.finfo(dtype).max):
        with np.errstate(all="ignore"):
            found = layer(np.array([-most, most], dtype))
            slopes = layer.backward(np.ones(2, dtype))
        enormous = np.abs(found) >= np.finfo(dtype).max / 2
        assert np.where(enormous, np.copysign(np.inf, found), found).tolist() == [*limits[:2]]
        assert slopes.tolist() == [*limits[2:]]


@pytest.mark.parametrize(
    "layer", [bp.Hardtanh(), bp.ReLU6(), bp.ReLU(), bp.Hardshrink(), bp.Softshrink(), bp.Hardsigmoid(), bp.Hardswish()]
)
def test_a_branch_that_is_not_taken_hands_down_0_whatever_comes_back(layer, each_kernels):
    """0 times infinity was NaN."""
    u = np.array([-9.0]) if not isinstance(layer, bp.Hardshrink) else np.array([0.1])
    layer(u)
    for delta in (np.inf, -np.inf, np.nan):
        assert layer.backward(np.array([delta])) == 0


def test_what_dropout_drops_is_0_even_if_it_is_infinite(each_kernels):
    layer = bp.Dropout(0.5)
    found = layer(np.full(64, np.inf))
    assert set(found) == {0, np.inf}
    np.testing.assert_array_equal(layer.backward(np.full(64, np.inf)), found)


def test_softplus_compares_with_its_threshold_in_the_precision_of_its_input(each_kernels):
    """At beta u = 2 to rounding the cpu kernels took another branch than the reference and PyTorch."""
    layer = bp.Softplus(beta=3.0, threshold=2.0)
    assert layer(np.array([2 / 3], np.float32)) == pytest.approx(0.70897596)
    assert layer.backward(np.ones(1, np.float32)) == pytest.approx(0.8807971)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bp.BatchNorm1d(3, momentum=-1.0),
        lambda: bp.BatchNorm1d(3, momentum=2.0),
        lambda: bp.BatchNorm1d(3, eps=np.inf),
        lambda: bp.LayerNorm(3, eps=np.nan),
        lambda: bp.LeakyReLU(np.nan),
        lambda: bp.Softplus(beta=0.0),
        lambda: bp.ELU(np.inf),
        lambda: bp.Hardshrink(-1),
        lambda: bp.Hardtanh(-np.inf, 1),
        lambda: bp.PReLU(0),
        lambda: bp.HuberLoss(delta=np.inf),
        lambda: bp.StepLR(bp.SGD([bp.Parameter([0.0])]), 3, gamma=-1),
        lambda: bp.Embedding(4, 2, padding_idx=1.0),
        lambda: bp.LayerNorm(1),
        lambda: bp.LayerNorm((1, 1)),
    ],
)
def test_an_option_that_makes_no_number_is_refused(make):
    with pytest.raises(bp.OptionError):
        make()


def test_a_group_of_one_value_is_refused_for_it_would_always_be_0():
    with pytest.raises(bp.ShapeError, match="more than one value in a group, got .*use fewer groups"):
        bp.GroupNorm(3, 3, dtype=np.float64)(np.ones((2, 3)))
    bp.GroupNorm(3, 3, dtype=np.float64)(np.ones((2, 3, 2)))


def test_batch_normalisation_of_one_value_says_what_to_do_in_training_and_in_evaluation():
    with pytest.raises(bp.ShapeError, match=r"in training, got \(1, 3\); .*drop_last=True"):
        bp.BatchNorm1d(3)(np.ones((1, 3), np.float32))
    layer = bp.BatchNorm1d(3, track_running_stats=False).eval()
    with pytest.raises(bp.ShapeError, match=r"per channel, got \(1, 3\); without running statistics"):
        layer(np.ones((1, 3), np.float32))


@pytest.mark.parametrize("size", [1e-30, 1e20, 1e38])
def test_normalisation_of_enormous_and_tiny_numbers_is_right_though_their_squares_are_none(size, each_kernels):
    """LayerNorm of (1, -1, 3, 0) 1e20 in float32 was all zeros: the variance overflowed."""
    u = np.array([[1.0, -1, 3, 0]] * 2)
    for layer in (bp.LayerNorm(4), bp.GroupNorm(1, 4), bp.RMSNorm(4, eps=1e-5)):
        found = layer((u * size).astype(np.float32))
        expected = layer.astype(np.float64)(u * size)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    batch = bp.BatchNorm1d(1)
    with np.errstate(over="ignore"):
        found = batch((u[:1].T * size).astype(np.float32))
    np.testing.assert_allclose(found, batch.astype(np.float64)(u[:1].T * size), rtol=1e-5)


def test_dropout_of_a_single_recurrent_layer_is_warned_of_and_told():
    with pytest.warns(UserWarning, match="dropout=0.5 acts between layers, but there is only one layer"):
        layer = bp.GRU(3, 4, dropout=0.5)
    assert "dropout=0.5" in repr(layer)


def test_an_embeddings_row_for_padding_is_left_out_of_the_check_and_must_get_no_gradient():
    """The check called it wrong."""
    report = bp.gradcheck(bp.Embedding(5, 2, padding_idx=1), np.array([[1, 2], [3, 1]]))
    assert report.ok
    assert report.rows[0].entries == 8


@pytest.mark.parametrize("first", [bp.Flatten(), bp.Unflatten(1, (2, 1)), bp.Dropout(0.5).eval()])
def test_whole_numbers_may_pass_layers_in_front_of_an_embedding(first):
    """Backward wanted a delta where there is none."""
    net = bp.Sequential(first, bp.Embedding(5, 2))
    z = net(np.array([[1, 2], [3, 0]]))
    assert net.backward(np.ones_like(z)) is None
    assert net[1].weight.grad.sum() == 8


def test_a_list_of_words_and_a_summary_of_an_embedding_want_whole_numbers():
    with pytest.raises(bp.DTypeError, match=r"use np.asarray\(x, dtype=np.int64\)$"):
        bp.Embedding(5, 2)([1, 2])
    assert "(1, 2, 2)" in bp.summary(bp.Sequential(bp.Embedding(5, 2)), (1, 2))
