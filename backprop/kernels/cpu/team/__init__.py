"""A team of threads that belongs to the engine and makes lists of kernel calls. One idea per file:

words    memory that threads share
walk     a list of calls, walked by all threads, in compiled code
calls    such a list, from Python
pace     whether the team makes it faster than one thread
members  the helping threads, and what each Python thread wants of them
"""
