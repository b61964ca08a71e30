"""f = log x1 + x1 x2 - sin x2 of the lecture at (2, 5), forward and back; and the two judges. (16) - (20)."""

SESSIONS = {
    "16": """
>>> x1, x2 = bp.Value(2.), bp.Value(5.)
>>> v1, v2, v3 = np.log(x1), x1 * x2, np.sin(x2)
>>> v4 = v1 + v2
>>> v5 = v4 - v3
>>> np.array([v.item() for v in (v1, v2, v3, v4, v5)]).round(3)
array([ 0.693, 10.   , -0.959, 10.693, 11.652])
""",
    "17": """
>>> x1, x2 = bp.Value(2.), bp.Value(5.)
>>> f = np.log(x1) + x1 * x2 - np.sin(x2)
>>> f.backward()                               # the adjoint of f itself is 1
>>> x1.grad                                    # 1/x1 through the logarithm, x2 through the product: 0.5 + 5
array(5.5)
>>> x2.grad.round(3)                           # x1 through the product, -cos x2 through the sine: 2 - 0.284
np.float64(1.716)
""",
    "18": """
>>> x1, x2 = bp.Value(2.), bp.Value(5.)
>>> f = np.log(x1) + x1 * x2 - np.sin(x2)
>>> dots = dict(graph.forward(f, {x1: 1.0, x2: 0.0}))          # x1 moves, x2 stands still
>>> dots[f]                                    # one pass gives df/dx1 alone
array(5.5)
""",
    "19": """
>>> theta = np.array([2.])
>>> slope, error = differences.central(lambda: float(theta[0] ** 3), theta, np.array([0]), scale=8)
>>> slope.round(9)                             # 3 theta^2
array([12.])
>>> round((2.01 ** 3 - 1.99 ** 3) / 0.02, 4)   # by hand, with h = 0.01: the error is h^2
12.0001
""",
    "20": """
>>> theta = np.array([2. + 0j])
>>> differences.complex_step(lambda: theta[0] ** 3, theta, np.array([0]))
array([12.])
>>> h = 1e-30
>>> ((2 + 1j * h) ** 3).imag / h               # by hand: nothing is subtracted, so no digit is lost
12.0
""",
}
