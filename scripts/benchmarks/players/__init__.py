"""Who is measured. A player is a module with a function for each kind of work that it can do:

    gemm(form, n, o, i)       conv(direction, ...)       layer(name, shape, target)       step(model)       epoch(model)

Each returns (run, result): run() does the work once, result() gives the arrays by which players are compared. For
`step` run() is one training step and result() its loss and then all parameters, flat. For `epoch` run() is one epoch
over images in memory and result() the last step's loss alone: in a hundred steps rounding makes parameters diverge.
"""
