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
        words = f"{', '.join(others)} or {most} ranks do" if others else "1 rank does"
        raise OptionError(f"{ranks} ranks do not divide the tree of {shards} shards; {words}")
    each = shards // ranks
    return rank * each, (rank + 1) * each


def within(leaf, first, last, *rooms):
    """The Vector that holds the sum of the shards first to last - 1. leaf(s) computes that of shard s, always in the
    same place, so what is there is first brought to a room; there is one for each level of the tree.
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
    """mine = the sum over all ranks: an all-reduce by recursive doubling, log2(size) exchanges.

    In each of them two ranks exchange what they have, and both add it: a + b and b + a are the same to the last bit.
    """
    distance = 1
    while distance < ranks.size:
        ranks.exchange(mine, theirs, ranks.rank ^ distance)  # sends one Vector, and receives the other
        mine.add(theirs)
        distance *= 2


def levels(count):
    """How many rooms `within` needs for so many shards.

    >>> [levels(count) for count in (1, 2, 3, 4, 8)]
    [0, 1, 2, 2, 3]
    """
    return (count - 1).bit_length()
