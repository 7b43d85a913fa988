#!/usr/bin/env python3
"""Writes assets/colormaps/NAME.csv, 256 lines "r,g,b", from matplotlib's and seaborn's own tables, and NAME_r.csv where
matplotlib rounds some entries of the reversed map otherwise.

Needs: pip install matplotlib seaborn. Run from the repository root; the output is committed.
"""
import pathlib
import sys

import matplotlib
import numpy as np
import seaborn  # noqa: F401  (registers rocket, mako, vlag, icefire, flare, crest)

NAMES = """viridis magma inferno plasma cividis turbo Blues Reds Greens Greys Oranges Purples YlOrRd YlGnBu YlOrBr RdBu
RdYlBu coolwarm PuOr BrBG PiYG PRGn seismic bwr vlag icefire rocket mako flare crest Spectral gray hot twilight""".split()


def table(name: str) -> np.ndarray:
    """256 colours as matplotlib gives them to an image: nearest entry, bytes=True."""
    cmap = matplotlib.colormaps[name]
    at = np.arange(256) if cmap.N == 256 else (np.arange(256) + 0.5) / 256
    return cmap(at, bytes=True)[:, :3]


def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "assets/colormaps")
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        tables = {name: table(name)}
        if not np.array_equal(table(name)[::-1], table(f"{name}_r")):
            tables[f"{name}_r"] = table(f"{name}_r")
        for title, colors in tables.items():
            lines = (",".join(str(int(c)) for c in row) for row in colors)
            (folder / f"{title}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
