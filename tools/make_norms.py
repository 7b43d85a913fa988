#!/usr/bin/env python3
"""Writes tests/data/matplotlib_norms.json: two small grids, and the colours that matplotlib gives their cells under each norm.

Needs: pip install matplotlib, of the version that tools/make_colormaps.py took the maps from. Run from the repository root;
the output is committed.
"""
import json
import pathlib
import sys

import matplotlib
import numpy as np
from matplotlib import colors

ROWS, COLUMNS = 9, 14
BAD, UNDER, OVER = "#ff00ff", "#00ffff", "#ff8800"


def positive(rng: np.random.Generator) -> np.ndarray:
    """Divergences: from 1e-3 to 10, some zeros and a NaN."""
    grid = np.exp(rng.uniform(np.log(1e-3), np.log(10), (ROWS, COLUMNS))).astype("f4")
    grid[0, :3], grid[1, :5], grid[8, 13] = 0, [0.25, 0.5, 1, 2, 4], np.nan
    return grid


def signed(rng: np.random.Generator) -> np.ndarray:
    """Differences: both signs, both ends beyond the ranges below, a NaN."""
    grid = (rng.normal(0, 1, (ROWS, COLUMNS)) * rng.choice([0.1, 1, 4], (ROWS, COLUMNS))).astype("f4")
    grid[0, 0] = np.nan
    return grid


def cases(grids: dict[str, np.ndarray]) -> list[tuple[str, str, str, colors.Normalize]]:
    """Grid, map, options of divlens, and the norm that they name; data ranges are matplotlib's own.

    Maps without _r: matplotlib rounds a reversed map anew, divlens reads the same table backwards (at most 1/255 apart).
    A LogNorm's vmin lies below the data: matplotlib's rounding puts its own smallest value under it.
    """
    p, s = grids["positive"], grids["signed"]
    low, high = np.nanpercentile(p, [2, 98])
    return [
        ("positive", "viridis", "", colors.Normalize(np.nanmin(p), np.nanmax(p))),
        ("positive", "Blues", "--vmin 0.01 --vmax 2", colors.Normalize(0.01, 2)),
        ("positive", "Blues", "--vmin 0.5", colors.Normalize(0.5, np.nanmax(p))),
        ("positive", "Blues", "--vmax 0.5", colors.Normalize(np.nanmin(p), 0.5)),
        ("positive", "magma", "--robust", colors.Normalize(low, high)),
        ("positive", "inferno", "--norm log --vmin 0.0005", colors.LogNorm(0.0005, np.nanmax(p))),
        ("positive", "inferno", "--norm log --vmin 0.01 --vmax 5", colors.LogNorm(0.01, 5)),
        ("positive", "plasma", "--norm power --gamma 0.3 --vmin 0 --vmax 9", colors.PowerNorm(0.3, 0, 9)),
        ("positive", "plasma", "--norm power --gamma 2 --vmin 0 --vmax 9", colors.PowerNorm(2, 0, 9)),
        ("positive", "YlOrRd", "--norm boundaries --boundaries 0.1,0.25,0.5,1,2,8", colors.BoundaryNorm([0.1, 0.25, 0.5, 1, 2, 8], 256)),
        ("positive", "YlOrRd", "--norm boundaries --boundaries 0.25,4.5", colors.BoundaryNorm([0.25, 4.5], 256)),
        ("signed", "RdBu", "--norm symlog --linthresh 0.3 --vmin -4 --vmax 4", colors.SymLogNorm(0.3, linscale=1, vmin=-4, vmax=4, base=10)),
        ("signed", "coolwarm", "--norm asinh --linthresh 0.2 --vmin -3 --vmax 5", colors.AsinhNorm(0.2, -3, 5)),
        ("signed", "PuOr", "--norm two-slope --center 0.5 --vmin -1 --vmax 4", colors.TwoSlopeNorm(0.5, -1, 4)),
        ("signed", "BrBG", "--norm centered", colors.CenteredNorm(0, np.nanmax(np.abs(s)))),
        ("signed", "BrBG", "--norm centered --center 0.25 --vmax 2.25", colors.CenteredNorm(0.25, 2)),
        # seaborn's --center: the range is as wide as its farther end, the map is not resampled.
        ("signed", "RdBu", "--center 0.5 --vmin -2 --vmax 1", colors.Normalize(0.5 - 2.5, 0.5 + 2.5)),
    ]


def off_edges(grid: np.ndarray, norm: colors.Normalize) -> np.ndarray:
    """False where the last bit of a float32 decides between two neighbouring entries of the map."""
    if isinstance(norm, colors.BoundaryNorm):
        return np.ones(grid.shape, bool)
    at = np.ma.filled(norm(np.ma.masked_invalid(grid.astype("f8"))), 0.5 / 256) * 256
    at = np.where(np.isfinite(at), at, 0)
    near = np.abs(at - np.round(at)) < 1e-3
    return ~near | (np.round(at) <= 0) | (np.round(at) >= 256)


def main() -> None:
    rng = np.random.default_rng(7)
    grids = {"positive": positive(rng), "signed": signed(rng)}
    every = cases(grids)
    for name, grid in grids.items():
        for _ in range(100):
            fine = np.all([off_edges(grid, norm) for which, _, _, norm in every if which == name], axis=0)
            if fine.all():
                break
            grid[~fine] *= np.float32(1.01)
        else:
            sys.exit(f"no grid without edges: {name}")
    out = {"matplotlib": matplotlib.__version__, "shape": [ROWS, COLUMNS], "bad": BAD, "under": UNDER, "over": OVER,
           "grids": {name: [None if np.isnan(v) else float(v) for v in grid.ravel()] for name, grid in grids.items()}, "cases": []}
    for which, name, options, norm in cases(grids):
        cmap = matplotlib.colormaps[name].copy()
        cmap.set_extremes(bad=BAD, under=UNDER, over=OVER)
        if options.startswith("--center"):
            low, high = -2, 1
            values = grids[which]
            rgba = cmap(norm(np.ma.masked_invalid(values)), bytes=True)
            rgba[values < low], rgba[values > high] = (*bytes.fromhex(UNDER[1:]), 255), (*bytes.fromhex(OVER[1:]), 255)
        else:
            rgba = cmap(norm(np.ma.masked_invalid(grids[which])), bytes=True)
        out["cases"].append({"grid": which, "cmap": name, "options": options.split(),
                             "colors": [bytes(c[:3]).hex() for c in rgba.reshape(-1, 4)]})
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/matplotlib_norms.json")
    path.write_text(json.dumps(out, indent=0, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
