"""The network on the page: it learns a little between two answers, and answers."""

import base64
import time

import numpy as np
import pytest

import backprop as bp
from backprop.errors import BackpropError, OptionError
from backprop.lecture.live.passes import Pass
from tests.lecture.live.served import TEXT, studio


@pytest.fixture
def room():
    made = studio()
    yield made
    made.close()


def learned(room, steps):
    room.do(room.learn, steps).result()
    until = time.monotonic() + 60
    while room.do(lambda: room.left).result() and time.monotonic() < until:
        time.sleep(0.01)


def test_it_learns_as_many_steps_as_asked_as_a_loop_of_ones_own_would(room):
    learned(room, 25)
    assert room.steps == 25 and len(room.losses) == 25 and room.losses[-1][1] < room.losses[0][1]
    bp.manual_seed(0)
    net = bp.Sequential(bp.Flatten(), bp.Linear(784, 32), bp.ReLU(), bp.Linear(32, 10))
    loss, sgd = bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.05, momentum=0.9)
    done = 0
    while done < 25:
        for x, y in bp.DataLoader(room.data.train_images, room.data.train_labels, 32, shuffle=True, seed=0):
            if done < 25:
                sgd.zero_grad()
                loss(net(x), y)
                net.backward(loss.backward())
                sgd.step()
                done += 1
        break
    steps_of_one_epoch = len(room.loader)
    if done == min(25, steps_of_one_epoch):
        learned_again = studio()
        learned(learned_again, done)
        assert np.array_equal(learned_again.net[1].weight.data, net[1].weight.data)
        learned_again.close()


def test_a_picture_is_answered_while_it_learns(room):
    room.do(room.learn, 1_000_000).result()
    seen = []
    for _ in range(5):
        facts, arrays, way = room.do(room.see, "", False, 0, 1).result(20)
        seen.append(facts["steps"])
    assert seen[-1] > seen[0]
    room.do(room.learn, 0).result()
    steps = room.do(lambda: room.steps).result()
    time.sleep(0.1)
    assert room.steps == steps


def test_what_is_seen_are_the_numbers_of_a_pass(room):
    facts, arrays, _ = room.see("", False, 3, 5)
    x, _ = bp.DataLoader(room.data.test_images[3:4], [0]).fetch([0])
    way = Pass(room.net, x, 5)
    wanted = [a for row in way.rows for a in (row.value, row.delta)]
    assert all(np.array_equal(a, b) for a, b in zip(arrays, wanted, strict=False)) and len(arrays) == len(wanted) + 1
    assert facts["label"] == room.data.test_labels[3] and facts["filters"] == (32, 28, 28)


def test_a_network_that_is_refused_leaves_the_one_there_is(room):
    learned(room, 3)
    with pytest.raises(OptionError):
        room.build("net = bp.Sequential(bp.Linear(3, 4))")
    assert room.steps == 3 and room.described.text == TEXT


def test_the_trap_is_refused_in_the_engines_words(room):
    with pytest.raises(BackpropError, match="784"):
        room.build("net = models.bias()")
    room.build("net = models.bias()\nallow_wrong_classes = True")
    learned(room, 2)
    assert room.steps == 2


def test_a_loss_that_is_no_number_ends_learning_and_says_where(room):
    room.build(TEXT + "optimizer = bp.SGD(net.parameters(), lr=1e30)\n")
    learned(room, 50)
    assert room.steps < 50 and "step" in room.said


def test_a_long_curve_keeps_every_second_point(room):
    room.losses, room.steps = [(k, 1.0) for k in range(2000)], 2000
    learned(room, 3)
    assert len(room.losses) < 1100 and room.every == 2


def test_a_test_image_or_a_number_that_is_not_there_is_refused(room):
    with pytest.raises(OptionError, match="there are 100 test images"):
        room.see("", False, 100, -1)
    _, _, way = room.see("", False, 0, -1)
    for row, kind, entry in ((99, "value", 0), (0, "value", 784), (0, "delta", 0)):
        with pytest.raises(OptionError):
            room.ask(way, row, kind, entry)
    with pytest.raises(OptionError):
        room.ask(None, 0, "value", 0)


def test_a_class_that_is_not_there_is_refused(room):
    with pytest.raises(BackpropError):
        room.see("", False, 0, 200)


def test_explain_gives_a_row_for_each_layer(room):
    told = room.explain()
    assert [row["path"] for row in told["rows"]] == ["input", "0", "1", "2", "3", "loss"] and told["images"] == 100


def test_stopping_and_starting_again_and_again_leaves_one_task_in_the_queue(room):
    def again():
        for _ in range(50):
            room.learn(0)
            room.learn(1_000_000)

    room.do(again).result()
    for _ in range(5):
        room.do(room.status).result(20)
    assert room._thread._work_queue.qsize() <= 1


def test_a_fault_in_a_step_ends_learning_and_it_can_start_again(room, monkeypatch):
    monkeypatch.setattr(room.step, "train", lambda x, y: 1 / 0)
    learned(room, 5)
    assert "division" in room.said
    monkeypatch.undo()
    learned(room, 2)
    assert room.steps == 2


def test_ink_that_is_too_faint_to_be_seen_is_an_empty_picture(room):
    ink = np.zeros((112, 112), np.uint8)
    ink[0, 0] = ink[-1, -1] = 1
    _, arrays, _ = room.see(base64.b64encode(ink.tobytes()).decode(), True, -1, -1)
    assert not arrays[0].any()


def test_only_the_rows_that_are_in_sight_are_sent(room):
    facts, arrays, way = room.see("", False, 0, 3, 1, 2)
    assert len(facts["rows"]) == len(way.rows) and len(arrays) == 4
    assert np.array_equal(arrays[0], way.rows[1].value) and np.array_equal(arrays[3], way.rows[2].delta)
