"""The live page's server: one page and one WebSocket, for browsers on this machine.

Who may speak to it: only pages that it served itself (the Origin), under the name of this machine (the Host), with the
token of the address that was printed. How much: so many connections, each with one request at a time, of bounded
length, answered before the next is read. A client that stops reading is waited for alone, and not for long.
"""

import asyncio
import contextlib
import hmac
import http
import secrets
import signal
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from backprop.errors import BackpropError
from backprop.lecture.live import page, wire

MOST_CLIENTS = 32
SLOW = 10  # seconds that a client may take to read an answer, or to finish its greeting
HOST = "127.0.0.1"


class Server:
    """Serves a Studio until it is stopped.

    >>> async def main(studio):
    ...     async with Server(studio).running() as server:
    ...         print(server.address)  # http://127.0.0.1:41235/?token=...
    ...         await server.until_interrupted()
    """

    def __init__(self, studio, host=HOST, port=0, token=None):
        self.studio, self.host, self.port = studio, host, port
        self.token = token or secrets.token_urlsafe(12)
        self.clients = 0

    @contextlib.asynccontextmanager
    async def running(self):
        """Listens while the block runs."""
        options = {"max_size": wire.LONGEST, "max_queue": 2, "write_limit": 1 << 20, "compression": None}
        options |= {"open_timeout": SLOW, "ping_interval": 2 * SLOW, "ping_timeout": 2 * SLOW, "close_timeout": 1}
        async with serve(self._talk, self.host, self.port, process_request=self._greet, **options) as listening:
            self.port = listening.sockets[0].getsockname()[1]
            yield self

    @property
    def address(self):
        """What to open in a browser."""
        host = HOST if self.host in ("", "0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}/?token={self.token}"

    async def until_interrupted(self):
        """Wait for Ctrl-C, or SIGTERM."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows has KeyboardInterrupt alone
                loop.add_signal_handler(number, done.set)
        await done.wait()

    def _greet(self, connection, request):
        """The answer to whoever comes: the page, a refusal, or None, which lets a WebSocket in."""
        try:
            there = urlsplit(request.path)
        except ValueError:
            return _plain(http.HTTPStatus.BAD_REQUEST, "this is no address")
        hosts = {f"{name}:{self.port}" for name in (HOST, "localhost", self.host)}
        if request.headers.get("Host") not in hosts:
            return _plain(http.HTTPStatus.MISDIRECTED_REQUEST, "this server answers to its own name alone")
        given = parse_qs(there.query).get("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            words = "open the address that the program printed: it ends in a token"
            return _plain(http.HTTPStatus.FORBIDDEN, words)
        if there.path == "/":
            nonce = secrets.token_urlsafe(12)
            return _response(http.HTTPStatus.OK, page.document(nonce), "text/html", page.policy(nonce))
        if there.path != "/socket":
            return _plain(http.HTTPStatus.NOT_FOUND, "there is one page, /")
        if request.headers.get("Origin") not in {f"http://{host}" for host in hosts}:
            return _plain(http.HTTPStatus.FORBIDDEN, "only the page of this server may speak to it")
        if self.clients >= MOST_CLIENTS:
            return _plain(http.HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_CLIENTS} pages are open; close some")
        return None

    async def _talk(self, connection):
        """Answer one client's requests, one after the other."""
        self.clients += 1
        way = None
        try:
            async for text in connection:
                answer, way = await self._answer(text, way)
                await asyncio.wait_for(connection.send(answer), SLOW)
        except (TimeoutError, ConnectionClosed):
            connection.transport.abort()
        finally:
            self.clients -= 1

    async def _answer(self, text, way):
        """(the bytes of an answer, the Pass that is on the client's page now)"""
        number = None
        try:
            request = wire.read(text)
            number, do = request.pop("id"), request.pop("do")
            studio = self.studio
            match do:
                case "see":
                    facts, arrays, way = await self._ask(studio.see, *request.values())
                    return wire.answer({"id": number, **facts}, arrays), way
                case "ask":
                    facts = await self._ask(studio.ask, way, *request.values())
                case "train":
                    facts = await self._ask(studio.learn, request["steps"]) or studio.status()
                case "build":
                    facts = await self._ask(studio.build, request["text"]) or studio.status()
                case _:
                    facts = await self._ask(getattr(studio, do))
            return wire.answer({"id": number, **facts}), way
        except BackpropError as error:
            return wire.answer({"id": number, "error": str(error)}), way
        except Exception as error:  # a fault of ours: the page learns of it, and goes on
            return wire.answer({"id": number, "error": f"{type(error).__name__}: {error}"}), way

    async def _ask(self, task, *args):
        return await asyncio.wrap_future(self.studio.do(task, *args))


def _plain(status, words):
    return _response(status, words + "\n", "text/plain")


def _response(status, text, kind, policy="default-src 'none'"):
    body = text.encode()
    headers = Headers(
        {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)
