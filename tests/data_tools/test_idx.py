"""IDX files: what is written comes back; what is damaged is refused, in bounded memory."""

import gzip
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_tools import idx
from data_tools.idx import IDXError

DTYPES = [np.dtype(name).newbyteorder("=") for name in idx.TYPES.values()]
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5))
)
in_folder = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@in_folder
@given(array=arrays, suffix=st.sampled_from(["", ".gz"]))
def test_every_type_and_rank_comes_back_as_it_was(tmp_path, array, suffix):
    path = tmp_path / f"array{suffix}"
    idx.write(path, array)
    back = idx.read(path)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


def test_the_bytes_are_the_formats(tmp_path):
    idx.write(tmp_path / "a", np.array([[1, -2]], np.int16))
    assert (tmp_path / "a").read_bytes() == bytes.fromhex("00000b02 00000001 00000002 0001fffe")


def test_the_same_array_gives_the_same_compressed_bytes(tmp_path):
    for name in ("a.gz", "b.gz"):
        idx.write(tmp_path / name, np.arange(100, dtype=np.uint8))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_other_byte_orders_and_strides_are_written_right(tmp_path):
    array = np.arange(12, dtype=">i4").reshape(3, 4).T[::2]
    idx.write(tmp_path / "a", array)
    np.testing.assert_array_equal(idx.read(tmp_path / "a"), array)


def test_a_gzip_file_without_the_name_is_read_by_its_content(tmp_path):
    idx.write(tmp_path / "a.gz", np.arange(3, dtype=np.uint8))
    (tmp_path / "a.gz").rename(tmp_path / "a")
    assert idx.read(tmp_path / "a").tolist() == [0, 1, 2]


@pytest.mark.parametrize("array", [np.zeros(2, np.int64), np.zeros(2, bool), np.array(["a"]), np.zeros(2, complex)])
def test_types_that_idx_does_not_have_are_refused_and_nothing_is_written(tmp_path, array):
    with pytest.raises(TypeError, match="IDX holds uint8, int8, int16, int32, float32, float64, got"):
        idx.write(tmp_path / "a", array)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a"
    idx.write(path, np.arange(3, dtype=np.uint8))

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(idx, "_write", fail)
    with pytest.raises(OSError, match="disk full"):
        idx.write(path, np.arange(9, dtype=np.uint8))
    assert idx.read(path).tolist() == [0, 1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


GOOD = bytes.fromhex("00000802 00000002 00000003") + bytes(range(6))


def refuse(tmp_path, content, name="a"):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(IDXError) as caught:
        idx.read(path)
    return caught.value


def test_errors_name_file_offset_expected_and_found(tmp_path):
    error = refuse(tmp_path, GOOD[:-2])
    assert error.offset == 12
    assert str(error) == (
        f"{tmp_path}/a: at byte 12 expected 6 bytes of elements for sizes (2, 3), found a file that ends before byte 16"
    )


@pytest.mark.parametrize(
    ("content", "offset", "words"),
    [
        (b"", 0, "4 more bytes of the header"),
        (GOOD[:2], 2, "2 more bytes of the header"),
        (GOOD[:7], 7, "5 more bytes of the header"),
        (GOOD + b"x", 18, "expected the end of the file, found more bytes"),
        (b"\1" + GOOD[1:], 0, "found 01 00 08 02"),
        (GOOD[:2] + b"\x0a" + GOOD[3:], 0, "a type code (08 09 0b 0c 0d 0e)"),
        (GOOD[:3] + b"\xff" + bytes(2000), 3, "a rank of at most 32, found 255"),
        (GOOD[:4] + b"\xff" * 8 + GOOD[12:], 4, "sizes of at most 4294967296 bytes in all"),
        (b"\0\0\x0c\2" + b"\0\0\0\0" + b"\xff" * 4, 4, "sizes of at most 4294967296 bytes in all"),
        (b"<!DOCTYPE html><title>404</title>", 0, "(an HTML page?)"),
    ],
)
def test_each_kind_of_damage_has_its_message(tmp_path, content, offset, words):
    error = refuse(tmp_path, content)
    assert words in str(error)
    assert error.offset == offset


def test_an_html_page_named_gz_is_recognised(tmp_path):
    error = refuse(tmp_path, b"<html><body>Not found</body></html>", "train-images-idx3-ubyte.gz")
    assert "expected the gzip magic 1f 8b that the name promises" in str(error)
    assert "(an HTML page?)" in str(error)


def test_a_plain_file_named_gz_is_refused(tmp_path):
    assert "the name promises, found 00 00 08 02" in str(refuse(tmp_path, GOOD, "a.gz"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda z: z[:-1],
        lambda z: z[: len(z) // 2],
        lambda z: z[:-5] + bytes([z[-5] ^ 1]) + z[-4:],
        lambda z: z + b"rubbish",
    ],
    ids=["no last byte", "half", "checksum", "rubbish behind"],
)
def test_damaged_gzip_is_refused(tmp_path, damage):
    big = (
        bytes.fromhex("00000801 00001000") + np.random.default_rng(0).integers(0, 256, 4096).astype(np.uint8).tobytes()
    )
    refuse(tmp_path, damage(gzip.compress(big)), "a.gz")


def peak_while(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_refused_in_bounded_memory(tmp_path):
    """A header for 6 bytes before 200 MB of zeros in 200 kB; and a header that asks for 200 MB and gets 1 kB."""
    bomb = gzip.compress(GOOD + bytes(200_000_000), compresslevel=1)
    assert peak_while(lambda: refuse(tmp_path, bomb, "a.gz")) < 2_000_000 + len(bomb)
    promise = gzip.compress(bytes.fromhex("00000801 0c000000") + bytes(1000))
    assert peak_while(lambda: refuse(tmp_path, promise, "b.gz")) < 2_000_000


def test_a_limit_can_be_set(tmp_path):
    (tmp_path / "a").write_bytes(GOOD)
    with pytest.raises(IDXError, match="sizes of at most 5 bytes in all"):
        idx.read(tmp_path / "a", max_bytes=5)


@st.composite
def damaged(draw):
    """A sound file of random type and shape, then damaged so that it cannot be sound any more."""
    code = draw(st.sampled_from(sorted(idx.TYPES)))
    shape = draw(st.lists(st.integers(0, 6), max_size=4))
    count = math.prod(shape) * np.dtype(idx.TYPES[code]).itemsize
    header = bytes([0, 0, code, len(shape)]) + np.array(shape, ">u4").tobytes()
    content = header + draw(st.binary(min_size=count, max_size=count))
    kind = draw(st.sampled_from(["cut", "longer", "magic", "type", "sizes", "noise", "page", "gzip cut", "gzip flip"]))
    if kind == "cut":
        content = content[: draw(st.integers(0, len(content) - 1))]
    elif kind == "longer":
        content += draw(st.binary(min_size=1, max_size=20))
    elif kind == "magic":
        content = (
            draw(st.binary(min_size=2, max_size=2).filter(lambda b: b not in (b"\0\0", idx.GZIP_MAGIC))) + content[2:]
        )
    elif kind == "type":
        content = content[:2] + bytes([draw(st.integers(0, 255).filter(lambda c: c not in idx.TYPES))]) + content[3:]
    elif kind == "sizes":
        assume(shape)
        other = draw(st.lists(st.integers(0, 2**32 - 1), min_size=len(shape), max_size=len(shape)))
        assume(math.prod(other) != math.prod(shape))
        content = content[:4] + np.array(other, ">u4").tobytes() + content[len(header) :]
    elif kind == "noise":
        content = draw(st.binary(max_size=200).filter(lambda b: b[:2] != b"\0\0"))
    elif kind == "page":
        content = b"<!DOCTYPE html>" + draw(st.binary(max_size=100))
    elif kind == "gzip cut":
        packed = gzip.compress(content)
        content = packed[: draw(st.integers(0, len(packed) - 1))]
    else:
        packed = bytearray(gzip.compress(content))
        place = draw(st.integers(10, len(packed) - 1))  # bytes 3 to 9 are flags and dates, harmless or not
        packed[place] ^= draw(st.integers(1, 255))
        content = bytes(packed)
        assume(not _unpacks(content))
    return content


def _unpacks(packed):
    """Whether flipped bits cancelled out: the padding at the end of a deflate stream belongs to nobody."""
    try:
        return gzip.decompress(packed)
    except Exception:
        return False


@settings(
    max_examples=2000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(content=damaged(), name=st.sampled_from(["a", "a.gz"]))
@example(content=b"\x1f\x8b", name="a")
def test_2000_damaged_files_are_refused_with_idx_error_in_bounded_memory(tmp_path, content, name):
    assert peak_while(lambda: refuse(tmp_path, content, name)) < 1_000_000


def test_real_mnist_reads_as_its_hashes_say(mnist_folder):
    import hashlib

    from data_tools import load
    from data_tools.sources import HASHES

    data = load(mnist_folder)
    assert data.train_images.shape == (60000, 28, 28)
    header = bytes.fromhex("00000803 0000ea60 0000001c 0000001c")
    digest = hashlib.sha256(header + data.train_images.tobytes()).hexdigest()
    assert digest == HASHES["mnist"]["train-images-idx3-ubyte"].content_sha256
