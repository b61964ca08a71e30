"""A picture that a notebook shows when it is the value of a cell's last line."""

import io


class Picture:
    """What `draw(file, ...)` draws, kept in memory: Picture(lambda file: plots.curves(history, file, "a run"))."""

    def __init__(self, draw):
        file = io.BytesIO()
        draw(file)
        self.png = file.getvalue()

    def _repr_png_(self):
        return self.png

    def __repr__(self):
        return f"Picture({len(self.png)} bytes)"
