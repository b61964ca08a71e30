"""Who is measured. A player is a module with a function for each kind of work that it can do:

    gemm(form, n, o, i)             conv(direction, ...)            step(model)

Each returns (run, result): run() does the work once, result() gives the arrays by which players are compared. For
`step` run() is one training step, and result() the loss of the last step and all parameters, flat, after it.
"""
