"""A small studio, and a server of it in a thread of its own."""

import asyncio
import contextlib
import json
import struct
import threading

import numpy as np

from backprop.lecture.live import editor
from backprop.lecture.live.studio import Data, Studio
from data_tools.digits import draw
from data_tools.ink import as_mnist

TEXT = "net = bp.Sequential(bp.Flatten(), bp.Linear(784, 32), bp.ReLU(), bp.Linear(32, 10))\nbatch_size = 32\n"


def studio(model=None):
    """It knows 600 drawn digits."""
    images, labels = draw(600, np.random.default_rng(0))
    images = images[:, None]
    data = Data(images[:500], labels[:500], images[500:], labels[500:])
    text = TEXT if model is None else editor.written(model, (1, 28, 28), 10)
    return Studio(data, text, prepare=as_mnist)


@contextlib.contextmanager
def serving(room, **options):
    """The Server of a studio, which listens while the block runs."""
    from backprop.lecture.live.server import Server

    server, started, stop = Server(room, token="secret", **options), threading.Event(), {}

    async def main():
        stop["loop"], stop["event"] = asyncio.get_running_loop(), asyncio.Event()
        async with server.running():
            started.set()
            await stop["event"].wait()

    thread = threading.Thread(target=asyncio.run, args=[main()])
    thread.start()
    assert started.wait(20)
    try:
        yield server
    finally:
        stop["loop"].call_soon_threadsafe(stop["event"].set)
        thread.join(20)
        room.close()
        assert not thread.is_alive()


def connected(server, **options):
    """A WebSocket to it, as its page opens one."""
    from websockets.sync.client import connect

    origin = options.pop("origin", f"http://127.0.0.1:{server.port}")
    return connect(f"ws://127.0.0.1:{server.port}/socket?token=secret", origin=origin, **options)


def unpacked(answer):
    """(facts, all numbers) of an answer's bytes."""
    (length,) = struct.unpack_from("<I", answer)
    return json.loads(answer[4 : 4 + length]), np.frombuffer(answer, np.float32, offset=4 + length)


def ask(socket, do, number=1, **fields):
    socket.send(json.dumps({"do": do, "id": number, **fields}))
    return unpacked(socket.recv(timeout=60))
