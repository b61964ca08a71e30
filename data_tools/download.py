"""Fetch a data set from its public mirrors, trust nothing but its hashes, and keep it in the user's cache."""

import gzip
import hashlib
import tempfile
import threading
import time
import warnings
import zlib
from pathlib import Path

from data_tools.archives import is_unpacked, unpack
from data_tools.atomic import replacing
from data_tools.sources import ARCHIVES, HASHES, MIRRORS, NAMES

MAX_FILE = 200 << 20  # no file of these data sets is larger, compressed or not


class DownloadError(OSError):
    """No mirror gave a valid file; the message lists the mirrors and what each of them gave."""


def cache_directory(name):
    """Where the data set `name` is kept: a folder of the user's own cache directory."""
    return Path(_pooch().os_cache("backprop")) / name


def _pooch():
    """Pooch, the library that downloads, imported when needed and without its warning about notebook widgets."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    return pooch


def fetch(name, directory=None, mirrors=None, progress=True, timeout=10, patience=30, slowest=4096):
    """Make sure that the files of data set `name` are in `directory`, and return that folder.

    name        "mnist", "fashion", "kmnist", "cifar10" or "cifar100"
    directory   by default the user's cache
    mirrors     base addresses to try in order, by default the public ones
    timeout     seconds to wait for a connection, and for each piece of an answer
    patience    seconds after which a mirror must have sent `slowest` bytes per second on average

    A valid file that is already there is not fetched again. Each new one is written beside its destination, checked,
    and only then moved there; an archive is unpacked and deleted. Raises DownloadError, leaving no broken file behind.
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
    directory = cache_directory(name) if directory is None else Path(directory)
    mirrors = MIRRORS[name] if mirrors is None else mirrors
    pace = progress, timeout, patience, slowest
    if name in ARCHIVES:
        if not is_unpacked(ARCHIVES[name], directory):
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=directory) as beside:
                path = Path(beside) / ARCHIVES[name].file
                _fetch_file(path, ARCHIVES[name].source, mirrors, pace)
                unpack(path, ARCHIVES[name], directory)
        return directory
    for file, source in HASHES[name].items():
        path = directory / f"{file}.gz"
        if not path.is_file() or check(path, source) is not None:
            _fetch_file(path, source, mirrors, pace)
    return directory


def _fetch_file(path, source, mirrors, pace):
    answers = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{path.name}"
        try:
            with replacing(path) as temporary:
                _download(url, temporary, *pace)
                if wrong := check(temporary, source):
                    raise DownloadError(wrong)
            return
        except OSError as error:  # what requests raises is an OSError too
            answers.append(f"  {url}\n    {_reason(error)}")
    raise DownloadError(f"no mirror gave a sound {path.name}:\n" + "\n".join(answers))


def _reason(error):
    """The error that requests reports, without its wrappers."""
    return getattr(error.args[0], "reason", error) if error.args else error


def cached(name):
    """The cache folder of data set `name` if all its files are there and sound, else None."""
    directory = cache_directory(name)
    if name in ARCHIVES:
        return directory if is_unpacked(ARCHIVES[name], directory) else None
    sound = all(
        (directory / f"{file}.gz").is_file() and check(directory / f"{file}.gz", source) is None
        for file, source in HASHES[name].items()
    )
    return directory if sound else None


def check(path, source):
    """None if any published hash of `source` fits the file, else what was expected and what was found."""
    content = path.read_bytes() if path.stat().st_size <= MAX_FILE else b""
    md5, sha256 = hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest()
    if md5 == source.md5 or sha256 == source.sha256:
        return None
    inner = _sha256_of_gzip(path)
    if source.content_sha256 and inner == source.content_sha256:
        return None
    expected_md5, expected_inner = source.md5 or "(not known)", source.content_sha256 or "(not known)"
    return (
        f"{len(content)} bytes, beginning {content[:16]!r}, with the wrong hashes: expected MD5 {expected_md5}, "
        f"SHA-256 {source.sha256} or SHA-256 {expected_inner} decompressed; "
        f"found {md5}, {sha256} and {inner}"
    )


def _sha256_of_gzip(path):
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) as stream:
            while chunk := stream.read(1 << 16):
                digest.update(chunk)
                size += len(chunk)
                if size > MAX_FILE:
                    return "more bytes than it may hold"
    except (OSError, EOFError, zlib.error) as error:
        return f"not valid gzip ({error})"
    return digest.hexdigest()


class _Sink:
    """Where the downloader writes: it counts bytes, and stops a file that grows without end or is no longer wanted."""

    def __init__(self, file):
        self.file, self.size, self.given_up = file, 0, False

    def write(self, chunk):
        self.size += len(chunk)
        if self.given_up or self.size > MAX_FILE:
            raise DownloadError(f"more than {MAX_FILE} bytes")
        self.file.write(chunk)

    def flush(self):
        pass


def _download(url, path, progress, timeout, patience, slowest):
    """Pooch's downloader in a thread of its own, so that a mirror that sends byte by byte cannot block us."""
    # A .gz that the server compressed once more would be unpacked twice: ask for the bytes as they are.
    downloader = _pooch().HTTPDownloader(progress, timeout=timeout, headers={"Accept-Encoding": "identity"})
    failures = []
    with open(path, "wb") as file:
        sink = _Sink(file)

        def run():
            try:
                downloader(url, sink, None)
            except Exception as error:
                failures.append(error)

        worker, start = threading.Thread(target=run, daemon=True), time.monotonic()
        worker.start()
        while worker.is_alive():
            worker.join(0.05)
            waited = time.monotonic() - start
            if waited > patience and sink.size < slowest * waited:
                sink.given_up = True
                raise DownloadError(f"too slow: {sink.size} bytes in {waited:.0f} s")
    if failures:
        raise failures[0] if isinstance(failures[0], OSError) else DownloadError(f"{failures[0]}")
