"""A list of calls, walked by all threads of a team, in compiled code.

A call is a row of five words: its kernel's entry, its packed arguments, how much work it is, into how many parts for
each thread it may be divided, and how many words its arguments take. Small calls are made by whoever comes by. Of a
larger one each thread claims a part, then the next one, until none is left; the thread that finishes the last part
goes on to the next call. So a thread that the system does not let run holds nobody up unless it is within a part.

The claims are one word, the ticket: how many calls have been published, and in its last 16 bits how many parts of the
current one are left. A claim takes one off, in one go, and fails if anything has changed meanwhile. So whoever comes
late, with the ticket of a call that is over, claims nothing and touches nothing.
"""

from backprop.kernels.cpu.jit import callable_from_c, inner, single
from backprop.kernels.cpu.team.words import add, call_kernel, call_system, get, load, put, store, swap

ENTRY, RECORD, WORK, SPLIT, SIZE, ROW = range(6)  # the words of a call, and how many they are

SMALL = 1 << 15  # work, about as many numbers read or written, that one thread does before another has started

# A thread's own words, through which kernels find the team and what to do. LISTED: where a call is put instead of being
# made, or 0, with room for so many words.
WALK, TEAM, THREADS, LISTED, ROOM, CONTEXT = range(6)

# The team's words. Those that are written at different times lie in different cache lines, of 8 words.
TICKET, DONE = 0, 8
CALL, CALL_RECORD, CALL_PARTS = 16, 17, 18  # the call of which parts are claimed
TABLE, LEFT, TOGETHER, FAILED = 19, 20, 21, 22  # the rows after it, how many; threads that work; whether one has failed
BUSY, HELPERS, QUIT = 24, 25, 26
GIVE_WAY, ACQUIRE, RELEASE = 32, 33, 34  # addresses of functions
ASLEEP, LOCK, EACH = 40, 41, 8  # for each helper: whether it sleeps, and its lock
PARTS = (1 << 16) - 1  # the ticket's bits for the parts that are left

SPINS, TURNS = 20000, 2000  # how often a thread looks for another list before it sleeps, for a part before it gives way

FINE, RAISED, WITHOUT_TEAM, ANSWERS = range(4)  # what `walk` returns, one of three answers


@callable_from_c
def walk(context, table, count, threads):
    """Make the calls of a table with `count` rows by so many threads, or put its only one into this thread's list.

    Returns FINE; RAISED if a kernel has raised an exception; WITHOUT_TEAM if helpers would have been of use.
    """
    if get(context, LISTED) != 0:
        return copied(context, table)
    divisible = False
    for row in range(count):
        divisible = divisible or get(table, ROW * row + WORK) > SMALL
    if threads == 1 or not divisible:
        return alone(table, count)
    team = get(context, TEAM)
    helpers = load(team, HELPERS)
    if helpers == 0:
        return alone(table, count) or WITHOUT_TEAM
    if not swap(team, BUSY, 0, 1):  # they work for another Python thread
        return alone(table, count)
    together(team, table, count, min(threads, helpers + 1))
    failed = get(team, FAILED)
    store(team, BUSY, 0)
    return failed


@inner
def copied(context, table):
    """Copy a row and, after it, the arguments to which it points into LISTED."""
    to, record, size = get(context, LISTED), get(table, RECORD), get(table, SIZE)
    if ROW + size > get(context, ROOM):
        return RAISED
    for word in range(ROW):
        put(to, word, get(table, word))
    for word in range(size):
        put(to, ROW + word, get(record, word))
    return FINE


@inner
def alone(table, count):
    """Make all calls in this thread, each in one part."""
    failed = FINE
    for row in range(count):
        failed |= call_kernel(get(table, ROW * row + ENTRY), get(table, ROW * row + RECORD), 0, 1, 0)
    return failed


@inner
def together(team, table, count, threads):
    """Publish the list, wake the helpers, and work with them until it is done."""
    put(team, TABLE, table)
    store(team, LEFT, count)
    store(team, TOGETHER, threads)
    put(team, FAILED, FINE)
    publish(team, 0)
    wake(team, threads - 1)
    turns, seen = 0, load(team, TICKET)
    while True:
        take_parts(team, 0)
        if load(team, LEFT) < 0:
            return
        ticket = load(team, TICKET)
        turns = turns + 1 if ticket == seen else 0
        seen = ticket
        wait(team, turns)


@inner
def publish(team, worker):
    """Go on to the next call that is divided, making the small ones on the way. LEFT is -1 after the last.

    Only the thread that has finished the call before does this, and meanwhile nobody can claim anything.
    """
    table, left = get(team, TABLE), get(team, LEFT)
    while left > 0:
        entry, record = get(table, ENTRY), get(table, RECORD)
        work, split = get(table, WORK), get(table, SPLIT)
        table, left = table + 8 * ROW, left - 1
        if work > SMALL:
            parts = min(split * get(team, TOGETHER), PARTS)
            put(team, CALL, entry)
            put(team, CALL_RECORD, record)
            put(team, CALL_PARTS, parts)
            put(team, TABLE, table)
            store(team, LEFT, left)
            store(team, DONE, 0)
            store(team, TICKET, (load(team, TICKET) | PARTS) + 1 + parts)
            return
        if call_kernel(entry, record, 0, 1, worker) != FINE:
            put(team, FAILED, RAISED)
    store(team, TICKET, (load(team, TICKET) | PARTS) + 1)
    store(team, LEFT, -1)  # at last: whoever waits for it may then publish the next list


@inner
def take_parts(team, worker):
    """Claim parts and compute them as long as there are any."""
    while True:
        ticket = load(team, TICKET)
        left = ticket & PARTS
        if left == 0:
            return
        if swap(team, TICKET, ticket, ticket - 1):
            parts = get(team, CALL_PARTS)
            if call_kernel(get(team, CALL), get(team, CALL_RECORD), parts - left, parts, worker) != FINE:
                put(team, FAILED, RAISED)
            if add(team, DONE, 1) == parts:
                publish(team, worker)


@inner
def wait(team, turns):
    """After some turns of waiting, let another thread or process have the core."""
    if turns > TURNS:
        call_system(get(team, GIVE_WAY), 0)


@inner
def wake(team, helpers):
    """Wake those of the first helpers that sleep."""
    for helper in range(helpers):
        if load(team, ASLEEP + EACH * helper) == 1 and swap(team, ASLEEP + EACH * helper, 1, 0):
            call_system(get(team, RELEASE), get(team, LOCK + EACH * helper))


@single
def wake_all(team, helpers):
    """Wake them although there is nothing to do."""
    wake(team, helpers)


@single
def help_team(team, helper):
    """What a helper does all its life: take parts; wait for more; sleep if there is nothing for a while."""
    seen, turns = 0, 0
    while load(team, QUIT) == 0:
        if helper + 1 < load(team, TOGETHER):
            take_parts(team, helper + 1)
        ticket = load(team, TICKET)
        turns = turns + 1 if ticket == seen else 0
        seen = ticket
        if load(team, LEFT) >= 0:
            wait(team, turns)
        elif turns > SPINS:
            sleep(team, helper, ticket)
            turns = 0


@inner
def sleep(team, helper, ticket):
    """Sleep until a list is published. Whoever publishes one looks for sleepers after it has changed the ticket, and a
    sleeper looks at the ticket after it has said that it sleeps: so one of them sees the other.
    """
    store(team, ASLEEP + EACH * helper, 1)
    if (load(team, TICKET) != ticket or load(team, QUIT) != 0) and swap(team, ASLEEP + EACH * helper, 1, 0):
        return
    call_system(get(team, ACQUIRE), get(team, LOCK + EACH * helper))
