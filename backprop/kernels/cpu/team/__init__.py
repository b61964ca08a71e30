"""A team of threads that belongs to the engine and makes lists of kernel calls. One idea per file:

words    memory that threads share
walk     a list of calls, walked by all threads, in compiled code
members  the helping threads, and what each Python thread wants of them
"""
