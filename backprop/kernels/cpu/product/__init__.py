"""The product of two matrices, as a ladder from the textbook's loops to the machine's limit. One idea per file:

    textbook    out[m,n] = sum_k p[m,k] q[k,n], as it stands
    blocked     the same sums in an order that suits memory
    tile        a tile of results stays in registers from the first term to the last
    packed      the operand's columns that a tile needs lie side by side
    threads     each core owns a part of the result: the product that all layers use
    dots        beside the ladder: few columns, as dot products

Every rung computes the same, passes the same tests and can be run on its own; `scripts/bench.py ladder` shows what each
of them gains.
"""
