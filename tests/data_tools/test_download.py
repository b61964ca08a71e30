"""Fetching, against a server on this machine that is honest, slow, torn, wrong, endless, or absent."""

import gc
import gzip
import hashlib
import http.server
import threading
import time

import pytest

import data_tools
from data_tools import download, sources
from data_tools.download import cached, check, fetch

FILES = {
    "train-images-idx3-ubyte": b"images " * 2000,
    "train-labels-idx1-ubyte": b"labels",
    "t10k-images-idx3-ubyte": b"test images",
    "t10k-labels-idx1-ubyte": b"test labels",
}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in FILES.items()}
PAGE = b"<!DOCTYPE html><title>Moved</title>"


pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Handler(http.server.BaseHTTPRequestHandler):
    """The first part of the path is how to behave."""

    def do_GET(self):
        _, manner, file = self.path.split("/")
        self.server.asked.append((manner, file))
        content = PACKED[file.removesuffix(".gz")]
        if manner == "missing":
            return self.send_error(404)
        if manner == "page":
            content = PAGE
        if manner == "lies":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if manner != "endless" else 10**12))
        self.end_headers()
        try:
            if manner == "truncates":
                self.wfile.write(content[: len(content) // 2])
            elif manner == "stalls":
                self.wfile.write(content[:10])
                self.wfile.flush()
                self.server.stop.wait(10)
            elif manner == "drips":
                for byte in content * 100:
                    if self.server.stop.wait(0.02):
                        break
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
            elif manner == "endless":
                while not self.server.stop.is_set():
                    self.wfile.write(bytes(1 << 16))
            else:
                self.wfile.write(content)
        except OSError:
            pass
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A running server; the hashes of "mnist" are those of its files."""
    hashes = {
        name: sources.Source(hashlib.md5(packed).hexdigest(), hashlib.sha256(packed).hexdigest())
        for name, packed in PACKED.items()
    }
    monkeypatch.setitem(sources.HASHES, "mnist", hashes)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.stop, server.daemon_threads = [], threading.Event(), True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    gc.collect()  # requests leaves the socket of a failed answer to the garbage collector: now, not in another test


def mirrors(server, *manners):
    return [f"http://127.0.0.1:{server.server_port}/{manner}" for manner in manners]


def get(server, folder, *manners, **options):
    return fetch("mnist", folder, mirrors(server, *manners), progress=False, **options)


def test_an_honest_mirror_gives_four_files_and_is_not_asked_twice(server, tmp_path):
    assert get(server, tmp_path, "honest") == tmp_path
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {f"{k}.gz": v for k, v in PACKED.items()}
    assert len(server.asked) == 4
    get(server, tmp_path, "honest")
    assert len(server.asked) == 4


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    get(server, tmp_path, "honest")
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(PAGE)
    get(server, tmp_path, "honest")
    assert server.asked[4:] == [("honest", "t10k-labels-idx1-ubyte.gz")]


@pytest.mark.parametrize("manner", ["missing", "page", "lies", "truncates"])
def test_a_bad_mirror_is_passed_over_for_the_next(server, tmp_path, manner):
    get(server, tmp_path, manner, "honest")
    assert [manner for manner, _ in server.asked] == [manner, "honest"] * 4


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("missing", "404"),
        ("page", "beginning b'<!DOCTYPE html>"),
        ("lies", "with the wrong hashes: expected MD5"),
        ("truncates", "127.0.0.1"),
    ],
)
def test_when_no_mirror_is_sound_the_error_lists_each_and_no_file_is_left(server, tmp_path, manner, words):
    with pytest.raises(data_tools.DownloadError) as caught:
        get(server, tmp_path, manner, "page")
    message = str(caught.value)
    assert message.startswith("no mirror gave a sound train-images-idx3-ubyte.gz:")
    assert words in message
    assert all(mirror in message for mirror in mirrors(server, manner, "page"))
    assert list(tmp_path.iterdir()) == []


def test_wrong_hashes_are_printed_with_what_was_found(server, tmp_path):
    with pytest.raises(data_tools.DownloadError) as caught:
        get(server, tmp_path, "page")
    expected = sources.HASHES["mnist"]["train-images-idx3-ubyte"]
    for words in (expected.md5, expected.sha256, hashlib.md5(PAGE).hexdigest(), hashlib.sha256(PAGE).hexdigest()):
        assert words in str(caught.value)


def test_a_mirror_that_stalls_is_given_up(server, tmp_path):
    start = time.monotonic()
    get_error = pytest.raises(data_tools.DownloadError, match="Read timed out")
    with get_error:
        get(server, tmp_path, "stalls", timeout=0.3)
    assert time.monotonic() - start < 5
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_drips_is_given_up(server, tmp_path):
    with pytest.raises(data_tools.DownloadError, match=r"too slow: \d+ bytes in \d+ s"):
        get(server, tmp_path, "drips", patience=0.3)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_end_is_cut_off(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MAX_FILE", 1 << 20)
    with pytest.raises(data_tools.DownloadError, match="more than 1048576 bytes"):
        get(server, tmp_path, "endless")
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_is_not_there_is_passed_over(server, tmp_path):
    fetch("mnist", tmp_path, ["http://127.0.0.1:1/nobody", *mirrors(server, "honest")], progress=False)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_recompressed_file_is_sound_by_its_content(tmp_path):
    content = b"the same bytes" * 100
    source = sources.Source("0" * 32, "0" * 64, hashlib.sha256(content).hexdigest())
    path = tmp_path / "a.gz"
    for level in (1, 9):
        path.write_bytes(gzip.compress(content, level))
        assert check(path, source) is None
    path.write_bytes(gzip.compress(content + b"!"))
    assert "wrong hashes" in check(path, source)


def test_the_cache_counts_only_when_it_is_whole(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "cache_directory", lambda name: tmp_path)
    assert cached("mnist") is None
    fetch("mnist", mirrors=mirrors(server, "honest"), progress=False)
    assert cached("mnist") == tmp_path
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    assert cached("mnist") is None


def test_an_unknown_data_set_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="name must be one of mnist, fashion, kmnist, cifar10, cifar100, got 'cifar'"):
        fetch("cifar", tmp_path)


def test_every_data_set_has_hashes_for_its_four_files_and_a_mirror():
    assert set(sources.NAMES) == sources.MIRRORS.keys()
    for hashes in sources.HASHES.values():
        assert hashes.keys() == FILES.keys()
        for source in hashes.values():
            assert (len(source.md5), len(source.sha256)) == (32, 64)


def test_real_mnist_passes_its_own_hashes(mnist_folder):
    for name, source in sources.HASHES["mnist"].items():
        assert check(mnist_folder / f"{name}.gz", source) is None
