"""Downloads, from a server of our own that misbehaves in every way it can."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from conftest import idx

import pellucid as pl
from pellucid.data.catalogue import Archive, File
from pellucid.data.download import fetch

CONTENT = idx(np.arange(512_000) % 251)
PACKED = gzip.compress(CONTENT)
FILE = File("digits-idx1-ubyte", (512_000,), sha256=hashlib.sha256(CONTENT).hexdigest())
PACKED_FILE = File("digits-idx1-ubyte", (512_000,), packed_sha256=hashlib.sha256(PACKED).hexdigest())
ARCHIVE = Archive("digits-idx1-ubyte.gz", "digits", "", len(PACKED), hashlib.sha256(PACKED).hexdigest())

Answer = Callable[[BaseHTTPRequestHandler, int], None]


class Mirror:
    """A server that gives its n-th answer by the n-th function, the last one for all that follow."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[str | None] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append(self.headers.get("Range"))
                begin = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
                answers[min(len(mirror.requests), len(answers)) - 1](self, int(begin))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def send(handler: BaseHTTPRequestHandler, status: int, content: bytes, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def good(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 206 if begin else 200, PACKED[begin:])


def without_ranges(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 200, PACKED)


def breaks_off(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 206 if begin else 200, PACKED[begin : begin + 500], len(PACKED) - begin)


def error_500(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 500, b"sorry")


def web_page(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 200, b"<html>please log in</html>")


def other_content(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 200, gzip.compress(CONTENT[::-1]))


def too_long_inside(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 200, gzip.compress(CONTENT + bytes(2**28)))


def endless(handler: BaseHTTPRequestHandler, begin: int) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(1000):
            handler.wfile.write(bytes(2**16))
    except OSError:
        pass


@pytest.fixture
def mirror() -> Iterator[Callable[..., Mirror]]:
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    probe.listen()
    try:
        socket.create_connection(probe.getsockname(), timeout=5).close()
    except OSError:
        pytest.skip("this machine has no network at all, not even to itself")
    finally:
        probe.close()
    started: list[Mirror] = []

    def start(*answers: Answer) -> Mirror:
        started.append(Mirror(*answers))
        return started[-1]

    yield start
    for one in started:
        one.server.shutdown()
        one.server.server_close()


def nothing_left(handler: BaseHTTPRequestHandler, begin: int) -> None:
    send(handler, 416 if begin else 200, b"" if begin else PACKED)


@pytest.mark.parametrize("wanted", [FILE, PACKED_FILE, ARCHIVE], ids=["content", "packed", "archive"])
def test_a_file_is_fetched_and_verified(mirror: Callable[..., Mirror], tmp_path: Path, wanted: File | Archive) -> None:
    heard: list[tuple[str, int, int]] = []
    server = mirror(good)
    path = fetch(wanted, [server.url], tmp_path, progress=lambda *news: heard.append(news))
    assert path.read_bytes() == PACKED
    assert [path] == list(tmp_path.iterdir())
    assert server.requests == [None]
    assert heard[-1] == ("digits-idx1-ubyte.gz", len(PACKED), len(PACKED))


def test_what_is_there_already_is_not_fetched_again(mirror: Callable[..., Mirror], tmp_path: Path) -> None:
    server = mirror(good)
    for name in ("digits-idx1-ubyte.gz", "digits-idx1-ubyte.gz.part"):
        (tmp_path / name).write_bytes(PACKED)
        assert fetch(FILE, [server.url], tmp_path).read_bytes() == PACKED
    assert server.requests == []


def test_a_download_goes_on_where_it_broke_off(mirror: Callable[..., Mirror], tmp_path: Path) -> None:
    server = mirror(breaks_off, breaks_off, good)
    assert fetch(FILE, [server.url], tmp_path).read_bytes() == PACKED
    assert server.requests == [None, "bytes=500-", "bytes=1000-"]


def test_it_goes_on_at_another_mirror_too(mirror: Callable[..., Mirror], tmp_path: Path) -> None:
    first, second = mirror(breaks_off), mirror(good)
    assert fetch(FILE, [first.url, second.url], tmp_path).read_bytes() == PACKED
    assert second.requests == ["bytes=500-"]


def test_it_goes_on_in_another_process_too(mirror: Callable[..., Mirror], tmp_path: Path) -> None:
    with pytest.raises(pl.DataError, match="HTTP Error 500"):
        fetch(FILE, [mirror(breaks_off, error_500).url], tmp_path)
    server = mirror(good)
    assert fetch(FILE, [server.url], tmp_path).read_bytes() == PACKED
    assert server.requests == ["bytes=500-"]


@pytest.mark.parametrize("what", [PACKED[::-1][:700], PACKED + b"more"], ids=["other bytes", "too many"])
@pytest.mark.parametrize("answer", [good, nothing_left])
def test_remains_of_something_else_are_no_obstacle(
    mirror: Callable[..., Mirror], tmp_path: Path, what: bytes, answer: Answer
) -> None:
    (tmp_path / "digits-idx1-ubyte.gz.part").write_bytes(what)
    assert fetch(FILE, [mirror(answer).url], tmp_path).read_bytes() == PACKED


def test_a_mirror_without_ranges_begins_again(mirror: Callable[..., Mirror], tmp_path: Path) -> None:
    server = mirror(breaks_off, without_ranges)
    assert fetch(FILE, [server.url], tmp_path).read_bytes() == PACKED


@pytest.mark.parametrize("bad", [error_500, web_page, other_content, too_long_inside, endless])
def test_a_bad_answer_is_followed_by_another_try(mirror: Callable[..., Mirror], tmp_path: Path, bad: Answer) -> None:
    first, second = mirror(bad), mirror(good)
    assert fetch(FILE, [first.url, second.url], tmp_path).read_bytes() == PACKED
    assert second.requests == [None]


@pytest.mark.parametrize(
    ("bad", "message"),
    [(error_500, "HTTP Error 500"), (web_page, "not the file"), (other_content, "not the file")],
)
@pytest.mark.parametrize("wanted", [FILE, PACKED_FILE, ARCHIVE], ids=["content", "packed", "archive"])
def test_what_never_comes_right_is_an_error_that_says_why(
    mirror: Callable[..., Mirror], tmp_path: Path, bad: Answer, message: str, wanted: File | Archive
) -> None:
    with pytest.raises(pl.DataError, match=message):
        fetch(wanted, [mirror(bad).url], tmp_path)
    assert not (tmp_path / "digits-idx1-ubyte.gz").exists()


def test_a_silent_network_is_given_up(mirror: Callable[..., Mirror], tmp_path: Path) -> None:
    given_up, spoke = threading.Event(), threading.Event()

    def silent(handler: BaseHTTPRequestHandler, begin: int) -> None:
        given_up.wait(60)
        spoke.set()

    with pytest.raises(pl.DataError, match="no answer"):
        fetch(FILE, [mirror(silent).url], tmp_path, patience=0.5)
    assert not spoke.is_set()  # bounded by its patience, not by the server's
    given_up.set()


def test_a_refused_connection_is_given_up_at_once(tmp_path: Path) -> None:
    with pytest.raises(pl.DataError, match="could not be fetched"):
        fetch(FILE, ["http://127.0.0.1:9/"], tmp_path)
