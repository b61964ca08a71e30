"""How a product of matrices becomes fast on a GPU, one idea at a time. All rungs compute C[m,n] = sum_k A[m,k] B[k,n].

    textbook    a thread for each result, every operand from memory: a number is fetched as often as it is used
    shared      a block fetches a tile of each operand once, for all its threads
    registers   a thread keeps many results, so that what comes from shared memory is used many times, too
    choice      small tiles for small products; and where there are too few results to keep all multiprocessors busy,
                several blocks share the sums over k

`choice.product` is what layers call. An operand is an array and two strides: the transposed one is the same
array with the strides exchanged, so nothing is ever copied to be transposed.
"""
