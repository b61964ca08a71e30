"""Learn to read digits, or to tell coloured images apart, through layers whose backward you can read.

    python scripts/train_mnist.py                       a multilayer perceptron on MNIST
    python scripts/train_mnist.py --model lenet         two convolutions, then three linear layers
    python scripts/train_mnist.py --model cnn --epochs 10 --optimizer adam --schedule onecycle
    python scripts/train_mnist.py --model lenet --resume                   continue where that run was interrupted
    python scripts/train_mnist.py --model bias --allow-wrong-classes       the lecture's model that stalls
    python scripts/train_mnist.py --model recurrent --explain              and show what happens in every layer
    python scripts/train_mnist.py --model resnet --data cifar10 --augment shift flip       colour images
    python scripts/train_mnist.py --model cnn --validation 0.1 --patience 3        stop when it gets no better
    python scripts/train_mnist.py --model lenet --device cuda              on a GPU
    mpiexec -n 4 python scripts/train_mnist.py --model cnn                 by four processes together

It prints the network and one progress bar, and writes to --out: pictures, metrics.json, the weights as
model.safetensors, and checkpoint.safetensors, from which --resume continues, bit for bit. Ctrl-C, or a batch system's
SIGTERM, ends training early and keeps the results so far. --data auto takes MNIST from the user's cache or downloads it
there; offline, it says so and draws digits instead.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import backprop as bp
import data_tools
from backprop import kernels
from backprop.kernels.transfer import device_named
from backprop.models.networks import MODELS
from backprop.show.explain.diary import Diary
from backprop.show.figure import FORMATS
from backprop.show.run import write_run
from backprop.show.summary import summary
from backprop.training.data import split
from backprop.training.parallel.alike import NAMES
from backprop.training.run import Run
from data_tools import terminal
from data_tools.lookup import HELP

LEARNING_RATES = {"sgd": 0.1, "adam": 0.001, "adamw": 0.001, "nadam": 0.002, "rmsprop": 0.001, "adagrad": 0.01}
FOR_MODELS = {
    "lenet": 0.05,
    "cnn": 0.05,
    "resnet": 0.1,
    "branches": 0.05,
    "recurrent": 0.01,
}  # sgd's, where 0.1 is too much
IN_COLOUR = {"lenet": 0.02, "cnn": 0.02, "branches": 0.02}  # sgd's, where the first steps would throw some networks off
OPTIMIZERS = {
    "sgd": bp.SGD,
    "adam": bp.Adam,
    "adamw": bp.AdamW,
    "nadam": bp.NAdam,
    "rmsprop": bp.RMSprop,
    "adagrad": bp.Adagrad,
}
SCHEDULES = {
    "linear": lambda optimizer, lr, epochs, steps: bp.LinearLR(optimizer, 1, 0, total_iters=epochs * steps),
    "cosine": lambda optimizer, lr, epochs, steps: bp.CosineAnnealingLR(optimizer, T_max=epochs * steps),
    "step": lambda optimizer, lr, epochs, steps: bp.StepLR(optimizer, step_size=steps, gamma=0.7),
    "onecycle": lambda optimizer, lr, epochs, steps: bp.OneCycleLR(
        optimizer, max_lr=lr, total_steps=epochs * steps, cycle_momentum=isinstance(optimizer, (bp.SGD, bp.Adam))
    ),
    "constant": lambda optimizer, lr, epochs, steps: None,
}
SCHEDULE_HELP = (
    "of lr: linear or cosine to 0, step (times 0.7 after each epoch), onecycle (up and down), or constant (linear)"
)
SAME_RUN = (
    "model",
    "data",
    "augment",
    "epochs",
    "batch_size",
    "optimizer",
    "schedule",
    "lr",
    "momentum",
    "seed",
    "kernels",
    "validation",
    "patience",
    "clip_norm",
    "weight_decay",
)


def main(arguments=None):
    models = "\n".join(f"  {name:10} {model.__doc__.partition('.')[0]}" for name, model in MODELS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"models:\n{models}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=list(MODELS), default="mlp")
    parser.add_argument("--data", default="auto", metavar="NAME|DIR", help=HELP)
    parser.add_argument("--split", metavar="WORD", help="which of several sets in a folder, as in EMNIST: letters")
    parser.add_argument(
        "--augment",
        nargs="+",
        choices=["shift", "flip"],
        default=[],
        help="each epoch sees training images moved by up to an eighth of their width, or half of them mirrored",
    )
    parser.add_argument("--epochs", type=whole(1), default=5)
    parser.add_argument("--batch-size", type=whole(1), default=64)
    parser.add_argument("--optimizer", choices=list(OPTIMIZERS), default="sgd")
    parser.add_argument("--schedule", choices=list(SCHEDULES), default="linear", help=SCHEDULE_HELP)
    models, others = (", ".join(f"{lr} for {name}" for name, lr in of.items()) for of in (FOR_MODELS, LEARNING_RATES))
    parser.add_argument(
        "--lr", type=float, help=f"the largest learning rate ({others}; with sgd {models}; in colour 0.02)"
    )
    parser.add_argument("--momentum", type=float, default=0.9, help="for sgd (0.9); onecycle sets its own")
    parser.add_argument("--weight-decay", type=float, metavar="SHARE", help="(0; adamw 0.01)")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument(
        "--threads", type=whole(1), help="CPU threads of the kernels (all cores; of each rank, its share)"
    )
    parser.add_argument(
        "--device", choices=["cpu", "cuda", "auto"], default="cpu", help="auto: a GPU where there is one"
    )
    parser.add_argument("--kernels", choices=["reference", "cpu"], default=kernels.active(), help="of the CPU")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where everything goes (runs/MODEL)")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    parser.add_argument(
        "--checkpoint-every",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="between checkpoints within an epoch (30)",
    )
    parser.add_argument(
        "--validation",
        type=float,
        metavar="SHARE",
        help="hold out this share of the training images, test on it after each epoch, and keep the best weights",
    )
    parser.add_argument("--patience", type=whole(1), metavar="EPOCHS", help="end after so many without a better one")
    parser.add_argument("--clip-norm", type=float, metavar="NORM", help="scale gradients so that their norm is below")
    parser.add_argument(
        "--shards", type=whole(1), help="parts of each batch, for ranks to share (8 under mpiexec, else 1)"
    )
    parser.add_argument(
        "--sync-batch-norm",
        action="store_true",
        help="batch normalisation over all shards of a batch, instead of over each",
    )
    parser.add_argument(
        "--rank-patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="end all ranks if one gives no sign of life for longer (60)",
    )
    parser.add_argument(
        "--allow", nargs="+", default=[], metavar="NAME", help=f"what may differ between ranks: {', '.join(NAMES)}"
    )
    parser.add_argument("--format", choices=FORMATS, default="png", help="of the pictures (png)")
    parser.add_argument("--dark", action="store_true", help="pictures on a dark ground, for slides")
    parser.add_argument("--allow-wrong-classes", action="store_true", help="train with more scores than classes")
    parser.add_argument("--explain", action="store_true", help="show what happens in each layer, and draw it")
    options = parser.parse_args(arguments)
    try:
        if options.resume and options.shards is None:
            options.shards = shards_of(options)
        with (
            bp.use_kernels(options.kernels),
            bp.parallel(options.shards, options.rank_patience, options.allow) as ranks,
        ):
            return run(options, ranks)
    except (bp.BackpropError, data_tools.IDXError, data_tools.DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def whole(least):
    """An argument that is a whole number of at least `least`."""

    def parse(text):
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    parse.__name__ = "whole number"
    return parse


def run(options, ranks):
    """Train as `options` say. Returns the exit status: 0, or 130 where it was interrupted."""
    started = time.perf_counter()
    out = folder(options)
    out.mkdir(parents=True, exist_ok=True)
    if options.threads is not None:
        bp.set_num_threads(options.threads)
    bp.manual_seed(options.seed)
    device = device_named(options.device)
    bp.to_device(np.zeros(1), device)  # a GPU that does not work fails now, before anything is loaded
    held_out = options.validation is not None
    if options.patience and not held_out:
        raise bp.OptionError("--patience needs --validation: what chooses weights is no test")
    data, source = ranks.mapped(lambda: data_tools.find(options.data, options.split))  # once on each machine
    learned, held = ranks.mapped(lambda: parts(data, options)) if held_out else parts(data, options)
    of_train = {"shuffle": True, "seed": options.seed, "device": device, **moves(options.augment, learned[0])}
    train = bp.DataLoader(*learned, options.batch_size, **of_train)
    test = bp.DataLoader(data.with_channels()[1], data.test_labels, options.batch_size, device=device)
    tried = bp.DataLoader(*held, options.batch_size, device=device) if held_out else test  # after each epoch

    image, classes = train.images.shape[1:], int(data.train_labels.max()) + 1
    if options.lr is None:
        options.lr = usual_lr(options.optimizer, options.model, data.in_colour)
    net = MODELS[options.model](image=image, classes=classes)
    if options.sync_batch_norm:
        bp.SyncBatchNorm.convert(net)
    net.to(device)
    loss = bp.CrossEntropyLoss()
    of_optimizer = {"lr": options.lr, "momentum": options.momentum, "weight_decay": options.weight_decay}
    optimizer = optimizer_of(options.optimizer, net, **of_optimizer)
    schedule = SCHEDULES[options.schedule](optimizer, options.lr, options.epochs, len(train))
    chosen = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    chosen["data"] = source
    chosen |= {"image": list(image), "classes": classes, "names": data.names}
    same = {name: chosen[name] for name in SAME_RUN}
    same["data"] = ranks.of_first(data.fingerprint)  # identifies the data: where they are stored may change
    if device != "cpu":
        same["device"] = device
    if ranks.shards > 1:
        same["shards"] = ranks.shards
    if options.sync_batch_norm:
        same["sync_batch_norm"] = True
    checkpoint = bp.Checkpoint(out / "checkpoint.safetensors", options.checkpoint_every, same)
    history = checkpoint.load(net, optimizer, schedule, train) if options.resume else None

    shards = f", {ranks.shards} shards" if ranks.shards > 1 else ""
    print(f"{options.model} on {source}, {named(device, options.kernels)}, seed {options.seed}{shards}")
    print(summary(net, (options.batch_size, *image)))
    if history is not None:
        print(f"resumed after {len(history.losses)} of {options.epochs * len(train)} steps")
    before, diary = len(history.losses) if history else 0, None
    if options.explain and ranks.first:
        first = np.arange(min(options.batch_size, len(train.images)))
        diary = Diary(net, *train.fetch(first), loss, options.epochs * len(train))
        diary(before)
    of_run = {"allow_wrong_classes": options.allow_wrong_classes, "checkpoint": checkpoint, "history": history}
    of_run |= {"epochs": options.epochs, "schedule": schedule, "after_step": diary}
    of_run |= {"keep_best": held_out, "patience": options.patience}
    if device == "cpu":
        history = learn(net, loss, optimizer, train, tried, clip_norm=options.clip_norm, **of_run)
    else:  # fit gives a GPU 64 steps at once
        history = bp.fit(net, loss, optimizer, train, tried, clip_norm=options.clip_norm, **of_run)
    if history.interrupted and len(history.losses) == before:
        print("interrupted before the first step: nothing was learned, and nothing written")
        return 130
    if not ranks.first:
        return 130 if history.interrupted else 0
    bp.save(net, out / "model.safetensors")
    print("testing, and drawing pictures")
    of_pictures = {"suffix": options.format, "on_dark": options.dark}
    metrics = write_run(out, net, loss, history, data, test, options=chosen, started=started, **of_pictures)
    if diary is not None:
        print(diary.write(out, f"{options.model} on {source}, seed {options.seed}"))
    print(describe(metrics))
    print(f"pictures, metrics and weights are in {out}/")
    return 130 if history.interrupted else 0


def folder(options):
    """Where the run's files go."""
    return options.out or Path("runs") / options.model


def shards_of(options):
    """The shards of the run that is to be resumed, or None: then it is for `bp.parallel` to say."""
    saved = bp.Checkpoint(folder(options) / "checkpoint.safetensors").saved_options()
    return saved and saved.get("shards", 1)


def parts(data, options):
    """What to learn from, and what is held out: (images, labels) each, or None."""
    images, labels = data.with_channels()[0], data.train_labels  # (N, 1, H, W), or (N, 3, H, W) in colour
    if options.validation is None:
        return (images, labels), None
    learned, held = split(len(labels), options.validation, options.seed)
    return (images[learned], labels[learned]), (images[held], labels[held])


def usual_lr(optimizer, model, in_colour):
    """The learning rate where none is given."""
    own = {**FOR_MODELS, **(IN_COLOUR if in_colour else {})} if optimizer == "sgd" else {}
    return own.get(model, LEARNING_RATES[optimizer])


def optimizer_of(name, net, lr, momentum, weight_decay):
    """The optimizer of that name, with its own weight decay unless one is given."""
    own = {"momentum": momentum} if name == "sgd" else {}
    own |= {} if weight_decay is None else {"weight_decay": weight_decay}
    return OPTIMIZERS[name](net.parameters(), lr=lr, **own)


def moves(augment, images):
    """The loader's options for --augment."""
    return {"shift": images.shape[-1] // 8 if "shift" in augment else 0, "flip": "flip" in augment}


def learn(net, loss, optimizer, train, test, schedule, clip_norm=None, **of_run):
    """The training loop. The Run around it handles the bar, tests, checkpoints and Ctrl-C. Returns its history."""
    with Run(net, loss, optimizer, train, test, schedule=schedule, **of_run) as run:
        step = bp.compile(net, loss, check_finite=True, done=len(run.history.losses))
        for _ in run.epochs():
            for x, y in step.batches(train):
                optimizer.zero_grad()
                L = step(x, y)  # forward: L = loss(net(x), y), recorded in the first batch, then replayed
                step.backward()  # backward: net.backward(loss.backward()), delta from the loss to the first layer
                if clip_norm is not None:
                    bp.clip_grad_norm_(net.parameters(), clip_norm)
                optimizer.step()  # (15): the parameters move against their gradients
                if schedule is not None:
                    schedule.step()
                run.add(step, L, y)
    return run.history


def named(device, name):
    """The kernels in use, in words."""
    if device == "cpu":
        return f"{name} kernels"
    from backprop.kernels.cuda.machine import machine

    return f"cuda kernels on {machine().name}"


def describe(metrics):
    """The run in one line."""
    ended = "interrupted after" if metrics["interrupted"] else "after"
    best = "" if metrics["best_epoch"] is None else f", weights of epoch {metrics['best_epoch']}"
    return (
        f"{ended} {len(metrics['epochs'])} epochs{best}: test accuracy {metrics['test_accuracy']:.2%}, "
        f"loss {metrics['test_loss']:.4f}; {metrics['seconds']:.1f} s, {metrics['peak_memory_mb']:.0f} MB at most"
    )


if __name__ == "__main__":
    sys.exit(terminal.run(main))
