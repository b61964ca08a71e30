"""A team of threads that belongs to the engine and makes lists of kernel calls. One idea per file:

    words    memory that threads share
    walk     a list of calls, walked by all threads, in compiled code
    calls    such a list, from Python
    pace     whether the team makes it faster than one thread
    members  the helping threads, and what each Python thread wants of them

Numba's own parallel loops were slower: each begins and ends by itself, gives each thread a fixed share, so that all
wait for one that has no core, and cannot be used after a fork.
"""
