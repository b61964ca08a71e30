import copy
import gc
import math

import numpy as np
import pytest

import backprop as bp
from backprop import SGD, Linear, LinearLR, Parameter, Sequential


def parameter(value=1.0, grad=2.0):
    p = Parameter(np.array([value]))
    p.grad = [grad]
    return p


def test_a_step_goes_against_the_gradient(each_kernels):
    p = parameter()
    SGD([p], lr=0.25).step()
    assert p.data == 0.5


def test_the_learning_rate_is_pytorchs_by_default():
    assert SGD([parameter()]).param_groups[0]["lr"] == 1e-3


def test_groups_have_options_of_their_own():
    p, q = parameter(), parameter()
    SGD([{"params": [p], "lr": 0.5}, {"params": [q]}], lr=0.25).step()
    assert (p.data, q.data) == (0, 0.5)


def test_a_parameter_without_gradient_stays():
    p = Parameter(np.array([1.0]))
    SGD([p], lr=1, weight_decay=1).step()
    assert p.data == 1


def test_zero_grad_forgets():
    p = parameter()
    SGD([p]).zero_grad()
    assert p.grad is None


def test_an_optimizer_that_holds_a_replaced_parameter_says_so():
    layer = Linear(4, 3)
    sgd = SGD(layer.parameters(), lr=0.1)
    layer.weight = Parameter(np.zeros((3, 4), np.float32))
    with pytest.raises(bp.ParameterError, match="Linear.weight was replaced after this optimizer was made"):
        sgd.step()
    SGD(layer.parameters(), lr=0.1).step()


def test_a_weight_that_is_untied_after_the_optimizer_was_made_is_refused_though_another_layer_holds_the_old_one():
    """The new weight never learned, and nobody said so."""
    first, second = Linear(4, 4), Linear(4, 4)
    second.weight = first.weight
    sgd = SGD(Sequential(first, second).parameters())
    first.weight = Parameter(np.zeros((4, 4), np.float32))
    with pytest.raises(bp.ParameterError, match="Linear.weight was replaced after this optimizer was made"):
        sgd.step()
    SGD(Sequential(first, second).parameters()).step()


def test_a_parameter_put_back_is_held_again():
    layer = Linear(4, 3)
    old, sgd = layer.weight, SGD(layer.parameters())
    layer.weight = Parameter(np.zeros((3, 4), np.float32))
    layer.weight = old
    sgd.step()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "lr must be >= 0 and finite, got -1"),
        ({"lr": float("nan")}, "lr must be >= 0 and finite, got nan"),
        ({"lr": float("inf")}, "lr must be >= 0 and finite, got inf"),
        ({"momentum": -0.1}, "momentum must be >= 0"),
        ({"weight_decay": -1}, "weight_decay must be >= 0"),
        ({"nesterov": True}, "nesterov needs momentum > 0 and dampening = 0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SGD([parameter()], **options)


def test_an_optimizer_wants_parameters():
    with pytest.raises(ValueError, match="needs parameters, got none"):
        SGD(bp.ReLU().parameters())
    with pytest.raises(bp.ParameterError, match="holds Parameters, got ndarray"):
        SGD([np.ones(2)])
    p = parameter()
    with pytest.raises(bp.ParameterError, match="once"):
        SGD([p, p])


def test_a_linear_schedule_walks_from_start_to_end_and_stays():
    sgd = SGD([{"params": [parameter()], "lr": 8.0}, {"params": [parameter()], "lr": 4.0}])
    schedule, seen = LinearLR(sgd, start_factor=1, end_factor=0, total_iters=4), []
    for _ in range(6):
        seen.append(schedule.get_last_lr())
        sgd.step()
        schedule.step()
    assert seen == [[8, 4], [6, 3], [4, 2], [2, 1], [0, 0], [0, 0]]


def test_groups_are_checked_as_well():
    p = parameter()
    for groups, words in [
        ([{"params": [p], "lr": -1}], "lr must be >= 0"),
        ([{"params": [p], "momentun": 0.9}], "a group must be a dict of 'params' and 'lr', 'momentum'"),
        ([{"lr": 1}], "a group must be a dict"),
        ([{"params": [p]}, p], "a group must be a dict"),
    ]:
        with pytest.raises(bp.OptionError, match=words):
            SGD(groups)
    with pytest.raises(bp.ParameterError, match="takes a list of Parameters, got Parameter"):
        SGD(p)
    assert SGD([{"params": p}]).param_groups[0]["params"] == [p]


def test_momentum_follows_the_network_to_another_type():
    layer = Linear(3, 2)
    sgd = SGD(layer.parameters(), lr=0.1, momentum=0.9)
    for dtype in (np.float32, np.float64):
        layer.to(dtype)
        layer.backward(layer(np.ones((1, 3), dtype)))
        sgd.step()
    assert sgd.state[layer.weight]["momentum"].dtype == np.float64


def test_a_copy_counts_its_own_owners():
    """A copy of one of two layers that share a weight once went on counting the other as an owner."""
    first, second = Linear(4, 4), Linear(4, 4)
    second.weight = first.weight
    twin = copy.deepcopy(first)
    sgd = SGD(twin.parameters())
    twin.weight = Parameter(np.zeros((4, 4), np.float32))
    with pytest.raises(bp.ParameterError, match="was replaced"):
        sgd.step()
    SGD(first.parameters()).step()


def test_a_copied_optimizer_moves_the_copy_and_not_the_original():
    """What belongs together was once copied as addresses, which are those of the original's arrays."""
    net = bp.Linear(3, 2)
    sgd = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for parameter in net.parameters():
        parameter.grad = np.ones(parameter.shape, np.float32)
    sgd.step()
    twin, twins_sgd = copy.deepcopy((net, sgd))
    before = net.weight.data.copy()
    twins_sgd.step()
    np.testing.assert_array_equal(net.weight.data, before)
    np.testing.assert_allclose(twin.weight.data, before - 0.1 * 1.9, rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [lambda p: SGD(p, lr=0.1, momentum=0.9), lambda p: bp.RMSprop(p, lr=0.1), lambda p: bp.Adam(p, lr=0.1)],
    ids=["SGD", "RMSprop", "Adam"],
)
@pytest.mark.parametrize("reset", ["replaced", "cleared"])
def test_a_parameter_whose_state_is_reset_begins_anew_and_no_other_does(make, reset):
    """The state that the optimizer had replaced went on, and its count of steps became that of all parameters."""
    p, q = parameter(1.0), parameter(2.0)
    alone = parameter(1.0), parameter(2.0)
    together, (of_p, of_q) = make([p, q]), map(make, ([alone[0]], [alone[1]]))
    for step in range(6):
        if step == 3:
            if reset == "replaced":
                together.state[p] = {}
            else:
                together.state[p].clear()
            of_p = make([alone[0]])
        for each in (p, q, *alone):
            each.grad[...] = 1 + step
        for optimizer in (together, of_p, of_q):
            optimizer.step()
    assert (p.data, q.data) == (alone[0].data, alone[1].data)
    assert together.state[p] == of_p.state[alone[0]] and together.state[q] == of_q.state[alone[1]]


def test_a_count_of_steps_that_is_set_counts_for_its_parameter_alone():
    p, q, alone = parameter(1.0), parameter(2.0), parameter(2.0)
    together, of_q = bp.Adam([p, q], lr=0.1), bp.Adam([alone], lr=0.1)
    for step in range(6):
        if step == 3:
            together.state[p]["step"] = 0
        for each in (p, q, alone):
            each.grad[...] = 1 + step
        together.step(), of_q.step()
    assert q.data == alone.data and together.state[p]["step"] == 3


def lr_of(*schedules, steps=12):
    optimizer, found = schedules[0].optimizer, []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        for schedule in schedules:
            schedule.step()
    return found


@pytest.mark.parametrize("warm_up_first", [True, False])
def test_two_schedules_on_one_optimizer_multiply(warm_up_first):
    """The second one took the first one's warm-up for its base and overwrote it ever after."""
    sgd = SGD([Parameter([0.0])], lr=1.0)
    makes = [lambda: LinearLR(sgd, 0.1, total_iters=4), lambda: bp.CosineAnnealingLR(sgd, 12)]
    found = lr_of(*[make() for make in (makes if warm_up_first else reversed(makes))])
    product = [(0.1 + 0.9 * min(t / 4, 1)) * (1 + math.cos(math.pi * t / 12)) / 2 for t in range(12)]
    np.testing.assert_allclose(found, product, rtol=1e-12)


def test_an_lr_that_a_hand_has_set_stays():
    sgd = SGD([Parameter([0.0])], lr=1.0)
    schedule = bp.StepLR(sgd, 3)
    sgd.param_groups[0]["lr"] = 0.5
    assert lr_of(schedule, steps=4) == [0.5, 0.5, 0.5, pytest.approx(0.05)]


def test_an_lr_that_a_hand_has_set_is_where_a_cosine_to_a_smallest_lr_goes_on_from():
    sgd = SGD([Parameter([0.0])], lr=1.0)
    schedule = bp.CosineAnnealingLR(sgd, 8, eta_min=0.2)
    lr_of(schedule, steps=4)
    sgd.param_groups[0]["lr"] = 0.4  # half way: the mean of 0.2 and a base of 0.6
    (before, after) = lr_of(schedule, steps=2)
    assert before == 0.4 and after == pytest.approx(0.2 + 0.4 * (1 + math.cos(math.pi * 5 / 8)) / 2)


def test_a_schedule_goes_on_beside_another_one_to_the_same_bits_when_it_is_loaded():
    def make():
        sgd = SGD([Parameter([0.0])], lr=1.0)
        return sgd, [LinearLR(sgd, 0.1, total_iters=4), bp.CosineAnnealingLR(sgd, 12)]

    sgd, schedules = make()
    lr_of(*schedules, steps=3)
    other, twins = make()
    other.load_state_dict(sgd.state_dict())
    for twin, schedule in zip(twins, schedules, strict=True):
        twin.load_state_dict(schedule.state_dict())
    assert lr_of(*twins, steps=8) == lr_of(*schedules, steps=8)


def test_a_schedule_that_is_loaded_alone_sets_the_lr():
    sgd = SGD([Parameter([0.0])], lr=1.0)
    schedule = bp.StepLR(sgd, 1)
    saved = {**schedule.state_dict(), "last_epoch": np.array(2)}
    schedule.load_state_dict(saved)
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"last_epoch": np.array(-1)}, "no schedule can be at step -1"),
        ({"last_epoch": np.array(99)}, "no schedule can be at step 99: the cycle of 10 steps is over"),
        ({"base_lrs": np.array([np.nan])}, "no schedule can be at step 0"),
        ({"option.total_steps": np.array(20.0)}, "total_steps was 20, now 10"),
        ({"kind": np.frombuffer(b"StepLR", np.uint8)}, "this is the state of StepLR, not of OneCycleLR"),
    ],
)
def test_the_state_of_another_schedule_is_refused_and_nothing_changes(change, words):
    sgd = SGD([Parameter([0.0])], lr=1.0, momentum=0.9)
    schedule = bp.OneCycleLR(sgd, 1.0, 10)
    before = dict(sgd.param_groups[0])
    with pytest.raises(bp.CheckpointError, match=words):
        schedule.load_state_dict({**schedule.state_dict(), **change})
    assert sgd.param_groups[0] == before


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lr", float("nan"), "lr must be >= 0 and finite, got nan"),
        ("lr", -1, "lr must be >= 0 and finite, got -1"),
        ("nesterov", True, "nesterov needs momentum > 0"),
        ("momentun", 0.9, "there is no option 'momentun', .*; did you mean 'momentum'"),
    ],
)
def test_an_option_that_is_set_later_is_checked_as_well(name, value, words):
    group = SGD([Parameter([0.0])]).param_groups[0]
    before = dict(group)
    for put in (lambda: group.__setitem__(name, value), lambda: group.update({name: value})):
        with pytest.raises(bp.OptionError, match=words):
            put()
        assert group == before
    copied = copy.deepcopy(SGD([Parameter([0.0])])).param_groups[0]
    with pytest.raises(bp.OptionError, match=words):
        copied[name] = value


@pytest.mark.parametrize("kind", [bp.Adam, bp.AdamW, bp.RMSprop])
def test_an_enormous_gradient_moves_a_float32_as_well(kind, each_kernels):
    """Its square overflowed before it was multiplied by what is small, and nothing moved any more."""
    p = Parameter([1.0])
    optimizer = kind([p], lr=0.1)
    p.grad = np.array([1e20], np.float32)
    optimizer.step()
    assert p.data[0] < 0.95


def test_a_network_in_place_of_its_parameters_is_told():
    with pytest.raises(bp.ParameterError, match=r"got Linear; use net.parameters\(\)$"):
        SGD(Linear(2, 2))


def test_the_state_of_adam_is_none_of_adamw():
    p = Parameter([1.0])
    with pytest.raises(bp.CheckpointError, match="this is the state of Adam, not of AdamW"):
        bp.AdamW([p], weight_decay=0).load_state_dict(bp.Adam([p]).state_dict())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("0.step", None, "0.step is missing"),
        ("0.square", np.array([-1.0]), "must be at least 0"),
        ("0.step", np.array(0), "must be at least 1"),
    ],
)
def test_a_state_that_no_step_leaves_is_refused(name, value, words):
    p = Parameter([1.0])
    adam = bp.Adam([p])
    p.grad = np.ones(1, np.float32)
    adam.step()
    saved = {key: a for key, a in {**adam.state_dict(), name: value}.items() if a is not None}
    with pytest.raises(bp.CheckpointError, match=words):
        bp.Adam([p]).load_state_dict(saved)


def test_a_module_that_is_replaced_after_the_optimizer_was_made_is_noticed():
    net = Sequential(Linear(2, 2), Linear(2, 2))
    sgd = SGD(net.parameters())
    net[1] = Linear(2, 2)
    with pytest.raises(bp.ParameterError, match=r"Sequential.1 was replaced after this optimizer was made"):
        sgd.step()


def test_options_that_are_only_right_together_are_set_together():
    group = bp.SGD([bp.Parameter(np.ones(2))]).param_groups[0]
    group.update(nesterov=True, momentum=0.9)
    group.update(momentum=0, nesterov=False)
    with pytest.raises(bp.OptionError):
        group.update(lr=0.5, momentum=-1)
    assert group["lr"] == 1e-3 and group["momentum"] == 0


def test_an_option_that_was_switched_on_since_the_last_step_is_no_damage():
    theta = bp.Parameter(np.ones(2))
    optimizer = bp.RMSprop([theta])
    theta.grad = np.ones(2)
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.9
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()


def test_an_lr_that_a_hand_has_set_stays_when_the_states_are_loaded():
    def run(optimizer, schedule):
        for _ in range(4):
            schedule.step()
            yield optimizer.param_groups[0]["lr"]

    def new():
        optimizer = bp.SGD([bp.Parameter(np.ones(2))], lr=0.1)
        return optimizer, bp.StepLR(optimizer, 3)

    optimizer, schedule = new()
    list(run(optimizer, schedule))
    optimizer.param_groups[0]["lr"] = 0.05
    copied, copy = new()
    copied.load_state_dict(optimizer.state_dict()), copy.load_state_dict(schedule.state_dict())
    assert list(run(copied, copy)) == list(run(optimizer, schedule))


def test_two_schedules_in_turns_never_ask_for_an_lr_below_zero():
    optimizer = bp.SGD([bp.Parameter(np.ones(2))], lr=1.0)
    schedules = bp.StepLR(optimizer, 2, 0.5), bp.CosineAnnealingLR(optimizer, 4, eta_min=0.05)
    for _ in range(12):
        for schedule in schedules:
            schedule.step()
        assert 0 <= optimizer.param_groups[0]["lr"] <= 1


def test_a_replacement_that_is_unfrozen_only_afterwards_is_noticed():
    linear = bp.Linear(3, 2)
    optimizer = bp.SGD(linear.parameters(), 0.1)
    weight = bp.Parameter(np.ones((2, 3), np.float32), requires_grad=False)
    linear.weight = weight
    linear.backward(linear(np.ones((4, 3), np.float32)))
    optimizer.step()  # a frozen one has nothing to learn
    weight.requires_grad = True
    with pytest.raises(bp.ParameterError, match="replaced"):
        optimizer.step()


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "Adam"},
        {"0.mean": np.array("abc")},
        {"0.mean": np.ones((2, 2), complex)},
        {"0.mean": np.ones((2, 2), object)},
        {"0.step": np.array([1, 2])},
        {"options.0.lr": np.array(np.nan)},
        {"options.0.lr": np.array("x")},
        {"options.0.betas": np.array([0.9])},
        {0: np.ones(2)},
        None,
    ],
    ids=str,
)
def test_a_state_of_an_optimizer_that_is_none_is_refused_and_changes_nothing(damage):
    weight = Parameter(np.ones((2, 2)))
    adam = bp.Adam([weight])
    weight.grad = np.ones((2, 2))
    adam.step()
    before = adam.state_dict()
    with pytest.raises((bp.CheckpointError, bp.OptionError)):
        adam.load_state_dict(None if damage is None else {**before, **damage})
    assert all(np.array_equal(value, before[name]) for name, value in adam.state_dict().items())


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": np.array("x")},
        {"last_epoch": np.array("x")},
        {"given": "abc"},
        {"lr": np.array([1j])},
        {"option.gamma": None},
        {"option.gamma": np.array([1, 2])},
        None,
    ],
    ids=str,
)
def test_a_state_of_a_schedule_that_is_none_is_refused(damage):
    schedule = bp.StepLR(SGD([Parameter(np.ones(2))]), 3)
    with pytest.raises(bp.CheckpointError):
        schedule.load_state_dict(None if damage is None else {**schedule.state_dict(), **damage})


@pytest.mark.parametrize("option", [{"base_momentum": 0.8}, {"anneal_strategy": "linear"}, {"three_phase": True}])
def test_a_cycle_of_another_form_is_not_gone_on_with(option):
    one, other = (bp.OneCycleLR(SGD([Parameter(np.ones(2))]), 0.1, total_steps=20, **more) for more in ({}, option))
    with pytest.raises(bp.CheckpointError):
        other.load_state_dict(one.state_dict())


def test_what_was_replaced_in_a_layer_that_is_gone_does_not_matter():
    weight = Linear(2, 2).weight
    other = Linear(2, 2)
    other.weight = weight
    sgd = SGD([weight])
    other.weight = Parameter(np.ones((2, 2), np.float32))
    with pytest.raises(bp.ParameterError, match="was replaced"):
        sgd.step()
    del other
    gc.collect()
    sgd.step()
