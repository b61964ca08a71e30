"""The live page's server, as a friend and as an enemy meets it."""

import contextlib
import http.client
import json
import random
import socket
import threading
import time

import numpy as np
import pytest

pytest.importorskip("websockets", reason="the live page needs the extra `web`")

from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

from backprop.lecture.live import server as serving_module  # noqa: E402
from backprop.lecture.live import wire  # noqa: E402
from tests.lecture.live.served import ask, connected, serving, studio  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with serving(studio()) as running:
        yield running


def get(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def still_answers(server):
    with connected(server) as socket_:
        facts, _ = ask(socket_, "hello")
        return facts["image"] == [1, 28, 28]


def test_it_listens_on_this_machine_alone_and_its_address_has_the_token(server):
    assert server.address == f"http://127.0.0.1:{server.port}/?token=secret"
    assert serving_module.HOST == "127.0.0.1"


def test_the_page_loads_nothing_from_elsewhere(server):
    status, page, headers = get(server, "/?token=secret")
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "@" + "STYLE@" not in page and "default-src 'none'" in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'nonce="{nonce}"' in page and "://" not in page.replace("http://www.w3.org", "")
    assert get(server, "/?token=secret")[1] != page  # another nonce


@pytest.mark.parametrize(
    "path, headers, status",
    [
        ("/", {}, 403),
        ("/?token=wrong", {}, 403),
        ("/?token=s%C3%A9cret", {}, 403),
        ("/socket?token=secret", {"Origin": "http://evil.example"}, 403),
        ("/?token=secret", {"Host": "evil.example"}, 421),
        ("/../../etc/passwd?token=secret", {}, 404),
        ("/page.js?token=secret", {}, 404),
        ("//[", {}, 400),
    ],
)
def test_who_may_not_look_is_refused(server, path, headers, status):
    assert get(server, path, **headers)[0] == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:1", "file://"])
def test_a_page_of_another_origin_gets_no_socket(server, origin):
    with pytest.raises(InvalidStatus), connected(server, origin=origin):
        pass


def test_two_pages_see_their_own_pictures(server):
    with connected(server) as one, connected(server) as two:
        first, a = ask(one, "see", pixels="", drawn=False, test=0, target=3, first=0, last=99)
        second, b = ask(two, "see", pixels="", drawn=False, test=1, target=-1, first=0, last=99)
        assert not np.array_equal(a[:784], b[:784]) and second["rows"][0]["delta"] is None
        told, _ = ask(one, "ask", row=0, kind="value", entry=400)
        assert told["number"] == pytest.approx(float(a[400]))


def test_what_the_engine_refuses_is_said_and_the_page_goes_on(server):
    with connected(server) as page:
        refused, _ = ask(page, "build", text="net = bp.Sequential(bp.Linear(3, 4))", number=7)
        assert refused["id"] == 7 and "line 1" in refused["error"]
        assert ask(page, "status")[0]["steps"] >= 0


def test_ten_thousand_messages_of_garbage_are_answered_and_nothing_grows(server):
    chance = random.Random(0)
    valid = [
        {"do": "hello", "id": 1},
        {"do": "status", "id": 1},
        {"do": "see", "id": 2, "pixels": "AAAA", "drawn": True, "test": -1, "target": 3, "first": 0, "last": 9},
        {"do": "see", "id": 2, "pixels": "", "drawn": False, "test": 5, "target": 300, "first": 0, "last": 9},
        {"do": "ask", "id": 3, "row": 1, "kind": "value", "entry": 5},
        {"do": "build", "id": 4, "text": "net = bp.Sequential(bp.Linear(1 << 60, 1))"},
    ]
    odd = [None, True, -1, 1 << 70, 1e400, "", "x" * 500, [], {}, "__class__", "../..", "\0"]

    def garbage():
        message = dict(chance.choice(valid))
        kind = chance.randrange(4)
        if kind == 0:
            message[chance.choice([*message])] = chance.choice(odd)
        elif kind == 1:
            message.pop(chance.choice([*message]))
        text = json.dumps(message)
        if kind == 2:
            at = chance.randrange(len(text))
            return text[:at] + chr(chance.randrange(32, 1000)) + text[at + 1 :]
        return chance.randbytes(chance.randrange(100)) if kind == 3 else text

    threads = threading.active_count()
    with connected(server) as page:
        for _ in range(100):
            batch = [garbage() for _ in range(100)]
            for message in batch:
                page.send(message)
            for _ in batch:
                page.recv(timeout=30)
    assert still_answers(server) and threading.active_count() <= threads + 2


def test_a_message_that_is_too_long_ends_the_connection(server):
    with connected(server) as page, pytest.raises(ConnectionClosed):
        page.send("x" * (wire.LONGEST + 1))
        page.recv(timeout=10)
    assert still_answers(server)


def test_a_client_that_does_not_read_is_waited_for_alone(server):
    request = json.dumps(
        {"do": "see", "id": 1, "pixels": "", "drawn": False, "test": 0, "target": 1, "first": 0, "last": 99}
    )
    with connected(server) as lazy:
        raw = lazy.socket

        def flood():
            with contextlib.suppress(ConnectionClosed, OSError):
                for _ in range(20_000):
                    lazy.send(request)

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        time.sleep(0.5)
        started = time.monotonic()
        assert still_answers(server) and time.monotonic() - started < 5
        raw.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        assert not thread.is_alive()
    assert still_answers(server)


def test_half_open_connections_do_not_stop_others(server):
    half = []
    for words in (b"", b"GET", b"GET /?token=secret HTTP/1.1\r\nHost: ", b"\x16\x03\x01\x02\x00", b"\0" * 1000) * 8:
        one = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        one.sendall(words)
        half.append(one)
    assert still_answers(server)
    for one in half:
        one.close()
    assert still_answers(server)


def until_nobody_is_left(server):
    until = time.monotonic() + 20
    while server.clients and time.monotonic() < until:
        time.sleep(0.05)
    return server.clients == 0


def test_more_pages_than_it_serves_are_refused_and_closed_ones_make_room(server):
    assert until_nobody_is_left(server)
    with contextlib.ExitStack() as pages:
        for _ in range(serving_module.MOST_CLIENTS):
            ask(pages.enter_context(connected(server)), "status")
        with pytest.raises(InvalidStatus) as refused, connected(server):
            pass
        assert refused.value.response.status_code == 503
    assert until_nobody_is_left(server) and still_answers(server)


def test_pages_that_vanish_in_the_middle_of_an_answer_leave_nothing(server):
    for _ in range(20):
        with connected(server) as page:
            page.send(json.dumps({"do": "explain", "id": 1}))
            page.socket.shutdown(socket.SHUT_RDWR)
    assert until_nobody_is_left(server) and still_answers(server)


def test_a_fault_of_ours_is_an_answer_and_the_page_goes_on(server, monkeypatch):
    monkeypatch.setattr(server.studio, "explain", lambda: {}["missing"])
    with connected(server) as page:
        assert ask(page, "explain")[0]["error"] == "KeyError: 'missing'"
        assert ask(page, "status")[0]["steps"] >= 0
