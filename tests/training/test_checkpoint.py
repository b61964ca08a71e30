"""Weights and runs in files: written whole, read strictly, and resumed bit for bit."""

import contextlib
import json
import os
import socket

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import backprop as bp
import data_tools
from backprop.training.fit import fit


def network(width=8):
    return bp.Sequential(
        bp.Conv2d(1, 2, 3, stride=2),
        bp.BatchNorm2d(2),
        bp.ReLU(),
        bp.Dropout2d(0.2),
        bp.Flatten(),
        bp.Linear(338, width),
        bp.Dropout(0.5),
        bp.Linear(width, 10),
    )


@pytest.fixture
def digits(small_digits):
    data = data_tools.load(small_digits)
    return data.train_images[:96, None], data.train_labels[:96]


def state_of(net):
    return {name: array.tobytes() for name, array in net.state_dict().items()}


def test_weights_come_back_from_a_file_bit_for_bit(tmp_path):
    net, twin = network(), network()
    bp.save(net, tmp_path / "net.safetensors")
    assert state_of(net) != state_of(twin)
    assert bp.load(twin, tmp_path / "net.safetensors") is twin
    assert state_of(net) == state_of(twin)
    assert load_file(tmp_path / "net.safetensors").keys() == net.state_dict().keys()


def test_a_file_of_weights_holds_exactly_the_state_dict_under_pytorchs_names(tmp_path):
    bp.save(network(), tmp_path / "net.safetensors")
    with safe_open(tmp_path / "net.safetensors", framework="numpy") as file:
        names = set(file.keys())
    assert "1.num_batches_tracked" in names
    assert {"0.weight", "0.bias", "1.running_mean", "1.running_var", "7.weight"} < names
    assert not any("stream" in name for name in names)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is not a complete safetensors file"),
        (lambda path: path.write_bytes(b""), "is not a complete safetensors file"),
        (lambda path: path.write_bytes(b"<html>not found</html>" * 9), "is not a complete safetensors file"),
        (
            lambda path: save_file({"0.weight": np.zeros(3)}, path),
            r"the names do not fit this network: missing \['0.bias'",
        ),
        (lambda path: bp.save(network(width=9), path), r"5.weight has shape \(8, 338\) in this network, \(9, 338\)"),
    ],
)
def test_a_torn_or_foreign_file_is_refused_and_the_network_keeps_its_weights(tmp_path, spoil, words):
    path, net = tmp_path / "net.safetensors", network()
    before = state_of(net)
    bp.save(network(), path)
    spoil(path)
    with pytest.raises(bp.CheckpointError, match=words) as caught:
        bp.load(net, path)
    assert str(path) in str(caught.value)
    assert state_of(net) == before


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file .*nowhere"):
        bp.load(network(), tmp_path / "nowhere")


class Run:
    """A training run that begins the same way every time, whatever was drawn before it."""

    def __init__(self, digits, path, optimizer="SGD", options=None, every=0.0, schedule=True):
        bp.manual_seed(3)
        self.net, self.loss = network(), bp.CrossEntropyLoss()
        self.train = bp.DataLoader(*digits, batch_size=10, shuffle=True, seed=5)
        momentum = {"momentum": 0.9} if optimizer == "SGD" else {}
        self.optimizer = getattr(bp, optimizer)(self.net.parameters(), lr=0.01, **momentum)
        total = 3 * len(self.train)
        self.schedule = bp.OneCycleLR(self.optimizer, 0.02, total) if schedule and optimizer != "RMSprop" else None
        self.checkpoint = bp.Checkpoint(path, every=every, options=options)

    def load(self):
        return self.checkpoint.load(self.net, self.optimizer, self.schedule, self.train)

    def fit(self, history=None, epochs=3):
        how = {"schedule": self.schedule, "checkpoint": self.checkpoint, "history": history, "progress": False}
        return fit(self.net, self.loss, self.optimizer, self.train, self.train, epochs, **how)


class StopAfter:
    """A hook that ends the run in the middle of step number `step`, as a crash would."""

    def __init__(self, net, step):
        self.left = step
        net.register_forward_pre_hook(self)

    def __call__(self, module, inputs):
        if module.training:
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("crash")


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop"])
@pytest.mark.parametrize("steps", [0, 1, 9, 10, 13, 20, 29])
def test_an_interrupted_and_resumed_run_ends_in_the_same_bits(digits, tmp_path, optimizer, steps):
    """10 steps an epoch, dropout and shuffling included; interrupted in, before and behind epochs."""
    whole = Run(digits, tmp_path / "whole", optimizer)
    expected = whole.fit()
    first = Run(digits, tmp_path / "run", optimizer)
    StopAfter(first.net, steps)
    with pytest.raises(RuntimeError, match="crash"):
        first.fit()
    resumed = Run(digits, tmp_path / "run", optimizer)
    bp.manual_seed(99)
    history = resumed.load()
    assert len(history.losses) == steps
    history = resumed.fit(history)
    assert history.losses == expected.losses
    assert history.correct == expected.correct
    for ours, theirs in zip(history.epochs, expected.epochs, strict=True):
        assert (ours.train_loss, ours.train_accuracy) == (theirs.train_loss, theirs.train_accuracy)
        assert (ours.test_loss, ours.test_accuracy) == (theirs.test_loss, theirs.test_accuracy)
    assert state_of(resumed.net) == state_of(whole.net)


def test_without_the_streams_dropout_would_draw_other_masks(digits, tmp_path):
    """The test above can fail: a resumed run that forgets where its dropout stood ends elsewhere."""
    whole, first = Run(digits, tmp_path / "whole"), Run(digits, tmp_path / "run")
    expected = whole.fit()
    StopAfter(first.net, 13)
    with pytest.raises(RuntimeError):
        first.fit()
    resumed = Run(digits, tmp_path / "run")
    history = resumed.load()
    for _, stream in resumed.net.named_streams():
        stream.step = 0
    assert resumed.fit(history).losses != expected.losses


def test_a_finished_run_has_nothing_left_to_do(digits, tmp_path):
    run = Run(digits, tmp_path / "run")
    run.fit()
    again = Run(digits, tmp_path / "run")
    history = again.fit(again.load())
    assert len(history.losses) == 30
    assert state_of(again.net) == state_of(run.net)


def test_weights_are_read_from_a_checkpoint_too(digits, tmp_path):
    run, net = Run(digits, tmp_path / "run"), network()
    run.fit(epochs=1)
    assert state_of(bp.load(net, tmp_path / "run")) == state_of(run.net)


def test_a_checkpoint_of_another_run_is_refused_and_nothing_changes(digits, tmp_path):
    Run(digits, tmp_path / "run", options={"seed": 1}).fit(epochs=1)
    bp.save(network(), tmp_path / "weights")
    other_batches = Run(digits, tmp_path / "run", options={"seed": 1})
    other_batches.train.batch_size = 12
    other_type = Run(digits, tmp_path / "run", options={"seed": 1})
    other_type.net.to(np.float64)
    cases = [
        (Run(digits, tmp_path / "run", options={"seed": 2}), "its run had other options: seed was 1, now 2"),
        (Run(digits, tmp_path / "run", "Adam", options={"seed": 1}), "its optimizer was SGD, now Adam"),
        (Run(digits, tmp_path / "run", options={"seed": 1}, schedule=False), "its schedule was OneCycleLR, now None"),
        (Run(digits, tmp_path / "weights"), "is not a checkpoint of a run; to read weights alone, use bp.load"),
        (other_batches, "its batches were .*'batch_size': 10.*, now .*'batch_size': 12"),
        (other_type, "0.weight was float32, now float64"),
    ]
    for run, words in cases:
        before = state_of(run.net)
        with pytest.raises(bp.CheckpointError, match=words):
            run.load()
        assert state_of(run.net) == before
        assert not any(run.optimizer.state.values())


def changed(path, **arrays):
    """The checkpoint at `path` with some of its arrays put in another's place; None takes one away."""
    with safe_open(path, framework="numpy") as file:
        held, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    held.update(arrays)
    save_file({key: array for key, array in held.items() if array is not None}, path, metadata)


def test_a_schedule_that_does_not_fit_leaves_network_and_optimizer_as_they_were(digits, tmp_path):
    """Its error once came after both had been overwritten."""
    Run(digits, tmp_path / "run").fit(epochs=1)
    changed(tmp_path / "run", **{"train.schedule.base_lrs": np.array([0.1, 0.2])})
    run = Run(digits, tmp_path / "run")
    before = state_of(run.net)
    with pytest.raises(bp.CheckpointError, match="the saved schedule has 2 groups, this optimizer has 1"):
        run.load()
    assert state_of(run.net) == before
    assert not any(run.optimizer.state.values())


@pytest.mark.parametrize("name", ["train.losses", "train.loader_seed", "train.schedule.last_epoch", "optim.groups"])
def test_a_checkpoint_that_lacks_something_is_refused_whole(digits, tmp_path, name):
    Run(digits, tmp_path / "run").fit(epochs=1)
    changed(tmp_path / "run", **{name: None})
    run = Run(digits, tmp_path / "run")
    before = state_of(run.net)
    with pytest.raises(bp.CheckpointError, match="are inconsistent|its groups of parameters were not recorded"):
        run.load()
    assert state_of(run.net) == before


def test_an_optimizers_state_belongs_to_its_groups_and_options():
    p, q = bp.Parameter([1.0]), bp.Parameter([2.0])
    saved = bp.Adam([p, q]).state_dict()
    bp.Adam([p, q]).load_state_dict(saved)
    for optimizer, words in [
        (bp.Adam([{"params": p}, {"params": q}]), r"were \[2\], now \[1, 1\]"),
        (bp.Adam([p]), r"were \[2\], now \[1\]"),
        (bp.SGD([p, q]), "the options of SGD differ"),
    ]:
        with pytest.raises(bp.CheckpointError, match=words):
            optimizer.load_state_dict(saved)
    with pytest.raises(bp.OptionError, match="lr must be >= 0"):
        bp.Adam([p, q]).load_state_dict({**saved, "options.0.lr": np.array(-1.0)})


def test_options_come_back_as_json_has_them(digits, tmp_path):
    options = {"betas": (0.9, 0.99), "lr": np.float32(0.5), "out": tmp_path}
    Run(digits, tmp_path / "run", options=options).fit(epochs=1)
    assert len(Run(digits, tmp_path / "run", options=options).load().epochs) == 1


def test_the_file_says_what_it_is_and_holds_no_code(digits, tmp_path):
    Run(digits, tmp_path / "run", options={"seed": 1}).fit(epochs=1)
    with safe_open(tmp_path / "run", framework="numpy") as file:
        assert {name.partition(".")[0] for name in file.keys()} == {"model", "optim", "train"}  # noqa: SIM118
        assert json.loads(file.metadata()["options"]) == {"seed": 1}


def test_no_temporary_file_is_left(digits, tmp_path):
    Run(digits, tmp_path / "folder" / "run").fit(epochs=1)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["run"]


def by_hand(path, **tensors):
    """A safetensors file of (type, shape, bytes), as other programs write it."""
    header, content = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(content), len(content) + len(data)]}
        content += data
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + content)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("F16", np.float16([1.5, -2]).tobytes()),
        ("BF16", (np.float32([1.5, -2]).view("u4") >> 16).astype("<u2").tobytes()),
    ],
)
def test_files_of_half_precision_are_read(tmp_path, kind, data):
    by_hand(tmp_path / "half", weight=("F32", [2, 2], bytes(16)), bias=(kind, [2], data))
    assert bp.load(bp.Linear(2, 2), tmp_path / "half").bias.data.tolist() == [1.5, -2]


def test_a_type_that_is_not_read_is_named(tmp_path):
    by_hand(tmp_path / "net", weight=("F8_E4M3", [2, 2], bytes(4)), bias=("F32", [2], bytes(8)))
    with pytest.raises(
        bp.CheckpointError, match="weight is of type F8_E4M3, which is not supported; save it as float32"
    ):
        bp.load(bp.Linear(2, 2), tmp_path / "net")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(99), "a zip archive; for .npz use .*, for .pt in PyTorch use safetensors.torch.save"),
        (b"\x80\x02}q" + bytes(99), "a pickle, which may hold code and is never read"),
        (b"<!DOCTYPE html><html>" + bytes(99), "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
    ],
)
def test_what_people_have_in_place_of_a_safetensors_file_is_named(tmp_path, content, words):
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(bp.CheckpointError, match=f"is not a complete safetensors file: it is {words}"):
        bp.load(network(), tmp_path / "net")


def test_no_bit_of_a_file_flips_unseen(tmp_path):
    """183 of 200 flips of a bit behind the header loaded, and gave other numbers."""
    net, rng = bp.Sequential(bp.Linear(3, 3)), np.random.default_rng(0)
    bp.save(net, tmp_path / "net")
    whole, before = (tmp_path / "net").read_bytes(), state_of(net)
    for _ in range(300):
        content, place = bytearray(whole), int(rng.integers(len(whole)))
        content[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "net").write_bytes(content)
        with contextlib.suppress(bp.CheckpointError):
            bp.load(net, tmp_path / "net")
        assert state_of(net) == before


def test_files_are_written_beside_those_of_others(tmp_path):
    """Two runs in one folder shared the temporary file, and a link was replaced by a file."""
    real = tmp_path / "disk" / "net"
    bp.save(network(), real)
    link = tmp_path / "net"
    link.symlink_to(real)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "disk" / ".net.tmp").symlink_to(victim)
    net = network()
    bp.save(net, link)
    assert link.is_symlink()
    assert state_of(bp.load(network(), real)) == state_of(net)
    assert victim.read_text() == "mine"


def test_what_killed_writers_have_left_is_swept_away_and_nothing_else(tmp_path):
    own = tmp_path / f".net.{socket.gethostname()}-{os.getpid()}-aa.tmp"
    others = tmp_path / ".net.elsewhere-1-aa.tmp"
    dead = tmp_path / f".net.{socket.gethostname()}-999999999-aa.tmp"
    for path in (own, others, dead):
        path.write_bytes(b"")
    bp.save(network(), tmp_path / "net")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.name, others.name, "net"])


def test_a_disk_that_is_full_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    net = network()
    bp.save(net, tmp_path / "net")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bp.save(network(), tmp_path / "net")
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert state_of(bp.load(network(), tmp_path / "net")) == state_of(net)


SPOILED = {
    "train.losses": lambda a: a[:-1],
    "train.terms": lambda a: a[:-1],
    "train.answers": lambda a: -1 - a,
    "train.epochs": lambda a: np.concatenate([a, a]),
    "train.first_epoch": lambda a: a - 1,
    "train.loader_seed": lambda a: a * 1.5,
    "train.stream.3.stream": lambda a: -a,
    "train.schedule.last_epoch": lambda a: a - a,
    "optim.0.momentum": lambda a: a[:1],
    "optim.options.0.lr": lambda a: a * np.nan,
    "model.0.weight": lambda a: a[:1],
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_checkpoint_whose_parts_do_not_agree_is_refused_whole(digits, tmp_path, name):
    """Without its digest, too: each part is looked at."""
    run = Run(digits, tmp_path / "run")
    run.fit(epochs=1)
    with safe_open(tmp_path / "run", framework="numpy") as file:
        arrays, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    del metadata["sha256"]
    arrays[name] = np.ascontiguousarray(SPOILED[name](arrays[name]))
    save_file(arrays, tmp_path / "run", metadata)
    other = Run(digits, tmp_path / "run")
    before = state_of(other.net), [dict(group) for group in other.optimizer.param_groups], other.train.seed
    streams = [(stream.seed, stream.step) for _, stream in other.net.named_streams()]
    with pytest.raises(bp.CheckpointError):
        other.load()
    assert (state_of(other.net), [dict(g) for g in other.optimizer.param_groups], other.train.seed) == before
    assert [(stream.seed, stream.step) for _, stream in other.net.named_streams()] == streams


def test_a_checkpoint_of_the_version_before_is_read(digits, tmp_path):
    """It had no digest, no terms and no kinds."""
    run = Run(digits, tmp_path / "run")
    whole = run.fit(epochs=2)
    Run(digits, tmp_path / "run").fit(epochs=1)
    with safe_open(tmp_path / "run", framework="numpy") as file:
        arrays, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    del metadata["sha256"]
    new = [key for key in arrays if key.split(".")[-1] in ("terms", "answers", "kind", "given") or ".option." in key]
    assert len(new) > 4
    save_file({key: array for key, array in arrays.items() if key not in new}, tmp_path / "run", metadata)
    other = Run(digits, tmp_path / "run")
    assert other.fit(other.load(), epochs=2).losses == whole.losses
    assert state_of(other.net) == state_of(run.net)


def test_a_loader_that_was_used_before_and_has_no_seed_of_its_own_goes_on_as_it_would_have(digits, tmp_path):
    def begin():
        run = Run(digits, tmp_path / "run", schedule=False)
        run.train = bp.DataLoader(*digits, batch_size=10, shuffle=True)
        for _ in run.train:
            pass
        return run

    whole = begin()
    losses = whole.fit(epochs=2).losses
    begin().fit(epochs=1)
    bp.manual_seed(99)
    resumed = begin()
    resumed.train = bp.DataLoader(*digits, batch_size=10, shuffle=True)
    assert resumed.fit(resumed.load(), epochs=2).losses == losses


def test_a_file_may_be_called_as_long_as_names_can_be(tmp_path):
    for name in ("a" * 255, "é" * 127):
        bp.save(bp.Linear(2, 2), tmp_path / name)
        bp.load(bp.Linear(2, 2), tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_only_looks_like_one_that_was_left_is_left_alone(tmp_path):
    odd = tmp_path / f".net.{socket.gethostname()}-{10**30}-x.tmp"
    odd.write_bytes(b"")
    bp.save(bp.Linear(2, 2), tmp_path / "net")
    assert odd.exists()


def test_a_run_whose_loader_does_not_shuffle_has_no_seed_and_is_kept_and_read(digits, tmp_path):
    net, train = network(), bp.DataLoader(*digits, batch_size=32)
    sgd, checkpoint = bp.SGD(net.parameters()), bp.Checkpoint(tmp_path / "c.safetensors", 1e9, {})
    fit(net, bp.CrossEntropyLoss(), sgd, train, epochs=1, progress=False, checkpoint=checkpoint)
    assert len(checkpoint.load(network(), bp.SGD(network().parameters()), None, train).losses) == 3
