r"""How shards are added: in one binary tree, whoever computes its leaves. The page beside it is README.md.

               sum of 8 shards                  rounded numbers depend on the order in which they are added:
             /                 \                (a + b) + (c + d) is not a + (b + (c + d)), so the tree is fixed.
          0-3                   4-7             With 2 ranks each adds one half, and the last sum is made between
        /     \               /     \           them; with 4 ranks, the last two. The sums are the same.
     0-1       2-3         4-5       6-7
     / \       / \         / \       / \
    0   1     2   3       4   5     6   7
"""

from backprop.errors import OptionError
from backprop.kernels.buffers import LINE


def cut(count, shards):
    """Where `count` samples are cut into shards: shard s has those from cut[s] to cut[s+1] - 1, perhaps none.

    >>> cut(10, 4)
    [0, 2, 5, 7, 10]
    """
    return [count * s // shards for s in range(shards + 1)]


def own_shards(rank, ranks, shards):
    """(first, last + 1) of the shards of a rank: a whole branch of the tree.

    Raises OptionError, naming those that do, for a number of ranks that does not divide the tree.

    >>> own_shards(1, 2, 8)
    (4, 8)
    """
    fitting = [2**k for k in range(shards.bit_length()) if shards % 2**k == 0]
    if ranks not in fitting:
        *others, most = map(str, fitting)
        words = f"{', '.join(others)} or {most} ranks do" if others else "one rank does"
        raise OptionError(f"{ranks} ranks do not divide the tree of {shards} shards; {words}")
    each = shards // ranks
    return rank * each, (rank + 1) * each


def within(leaf, first, last, *rooms):
    """The Vector that holds the sum of the shards first to last - 1. leaf(s) computes that of shard s, always in the
    same place, so a left leaf is first copied into a room. There is one for each level: with 4 shards and rooms A, B

        A = 0;  A += 1;  B = 2;  B += 3;  A += B
    """
    if last - first == 1:
        return leaf(first)
    middle, (room, *others) = (first + last) // 2, rooms
    left = within(leaf, first, middle, *rooms)
    if left is not room:
        room.copy(left)
    room.add(within(leaf, middle, last, *others))
    return room


def between(mine, theirs, ranks):
    """mine = the sum over all ranks, on each of them: an all-reduce along the tree. `theirs` is room for another one.

    ranks.exchange(given, taken, other) sends bytes to another rank, and receives others into `taken`.
    """
    (by_halves if len(mine.bytes) > large(ranks.size) else whole)(mine, theirs, ranks)


def large(ranks):
    """Bytes from which on an all-reduce by halves takes less time. Two ranks send as much either way: measured. For
    more of them it is where the two formulas of README.md meet, on an Ethernet.
    """
    return 1 << 18 if ranks == 2 else 1 << 16


def whole(mine, theirs, ranks):
    """By recursive doubling: log2(size) exchanges of everything. Two ranks exchange what they have, and both add it:
    a + b and b + a are the same to the last bit.
    """
    for distance in distances(ranks):
        ranks.exchange(mine.bytes, theirs.bytes, ranks.rank ^ distance)
        mine.add(theirs)


def by_halves(mine, theirs, ranks):
    """By recursive halving, then doubling: twice as many exchanges, but of at most two times everything in all.

    Two ranks share the work of adding what they have: each sends the half that the other will add. In the end every
    rank has one piece of the sum; then all pieces go back the same way. The tree is the same, so the bits are.
    """
    first, last, way = 0, len(mine.bytes) // LINE, []
    for distance in distances(ranks):
        other, middle = ranks.rank ^ distance, (first + last) // 2
        pieces = slice(first * LINE, middle * LINE), slice(middle * LINE, last * LINE)
        own, given = pieces if ranks.rank < other else pieces[::-1]
        ranks.exchange(mine.bytes[given], theirs.bytes[own], other)
        mine.add(theirs, own)
        first, last = own.start // LINE, own.stop // LINE
        way.append((other, own, given))
    for other, own, given in reversed(way):
        ranks.exchange(mine.bytes[own], mine.bytes[given], other)


def distances(ranks):
    """1, 2, 4, ... below the number of ranks: how far away each one's partner in a round is."""
    return [1 << k for k in range(ranks.size.bit_length() - 1)]


def levels(count):
    """How many rooms `within` needs for so many shards.

    >>> [levels(count) for count in (1, 2, 3, 4, 8)]
    [0, 1, 2, 2, 3]
    """
    return (count - 1).bit_length()
