"""Draw a digit, and watch delta come back: a page on this machine, with the engine's own numbers.

    python scripts/live.py                                   LeNet, which learns MNIST while you look
    python scripts/live.py --model transformer               or mlp, cnn, resnet, ...
    python scripts/live.py --model runs/lenet/model.safetensors        the weights that a run has left
    python scripts/live.py --data cifar10 --model cnn        colour images: to look at, or your own
    python scripts/live.py --record seven.html --test 0      freeze one picture's way into a file without a server

It opens the page in a browser and prints its address; Ctrl-C ends it. It answers this machine alone.
Needs the extra `web`: pip install -e '.[web]'
"""

import argparse
import asyncio
import sys
import time
import webbrowser
from pathlib import Path

import backprop as bp
import data_tools
from backprop.lecture.live import editor, page
from backprop.lecture.live.studio import Data, Studio
from backprop.models.networks import MODELS
from backprop.show.trained import network_of
from data_tools import terminal
from data_tools.ink import as_mnist
from data_tools.lookup import HELP

LEARNS = "optimizer = bp.SGD(net.parameters(), lr=0.05, momentum=0.9)\nbatch_size = 64\n"
LEARNS_OTHERS = {"transformer": "optimizer = bp.AdamW(net.parameters(), lr=0.002)\nbatch_size = 64\n"}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = f"{', '.join(MODELS)}, or the weights of a run (lenet)"
    parser.add_argument("--model", default="lenet", metavar="NAME|FILE", help=models)
    parser.add_argument("--data", default="auto", metavar="NAME|DIR", help=HELP)
    parser.add_argument("--steps", type=int, metavar="N", help="that it learns at once (an epoch; 0 with weights)")
    parser.add_argument("--port", type=int, default=0, help="of the server (any that is free)")
    parser.add_argument("--token", metavar="WORD", help="the end of the address, for links that last (drawn anew)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write one page that needs no server, and end")
    parser.add_argument("--test", type=int, default=0, metavar="N", help="the test image to record (0)")
    parser.add_argument(
        "--class", type=int, dest="target", metavar="N", help="the class to record delta of (the label)"
    )
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except (bp.BackpropError, data_tools.IDXError, data_tools.DatasetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(options):
    data, source = data_tools.find(options.data)
    studio, learned = open_studio(options.model, data)
    steps = options.steps if options.steps is not None else 0 if learned else len(studio.loader)
    try:
        studio.do(studio.learn, steps).result()
        if options.record:
            return record(studio, options, source)
        return asyncio.run(serve(studio, options, source))
    finally:
        studio.close()


def open_studio(model, data):
    """(the Studio of a model, whether it has learned already)"""
    train, test = data.with_channels()
    given = Data(train, data.train_labels, test, data.test_labels, data.names)
    prepare = as_mnist if train.shape[1:] == (1, 28, 28) else None
    if model in MODELS:
        text = editor.written(model, train.shape[1:], given.classes, LEARNS_OTHERS.get(model, LEARNS))
        return Studio(given, text, prepare=prepare), False
    if not Path(model).exists():
        raise bp.OptionError(f"{model} is no file, and none of {', '.join(MODELS)}")
    net, image, _ = network_of(Path(model))
    if tuple(image) != train.shape[1:]:
        raise bp.OptionError(f"{model} reads images of {tuple(image)}, these data have {train.shape[1:]}; use --data")
    return Studio(given, "", net=net, prepare=prepare), True


def record(studio, options, source):
    while studio.do(lambda: studio.left).result():
        print(f"\rlearning {source}: {studio.left} steps to go ", end="", flush=True)
        time.sleep(0.2)
    target = options.target
    frozen = studio.do(page.frozen, studio, options.test, target).result()
    options.record.write_text(page.document(frozen=frozen), encoding="utf-8")
    print(f"\rthe page is in {options.record}, {options.record.stat().st_size / 1e6:.1f} MB; it needs no server")
    return 0


async def serve(studio, options, source):
    try:
        from backprop.lecture.live.server import Server
    except ImportError:
        print("error: the live page needs the package websockets: pip install -e '.[web]'", file=sys.stderr)
        return 1
    async with Server(studio, port=options.port, token=options.token).running() as server:
        print(f"{options.model} on {source}\nopen {server.address}\nCtrl-C ends it", flush=True)
        if not options.no_browser:
            await asyncio.to_thread(webbrowser.open, server.address)
        await server.until_interrupted()
    print("\nended")
    return 130


if __name__ == "__main__":
    sys.exit(terminal.run(main))
