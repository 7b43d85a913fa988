#!/usr/bin/env python3
"""Writes assets/colors/named.csv, lines "name,#rrggbb": the colours that matplotlib knows by name, but for the survey's xkcd:...

Needs: pip install matplotlib. Run from the repository root; the output is committed.
"""
import pathlib

from matplotlib import colors

names = {**colors.BASE_COLORS, **colors.CSS4_COLORS, **colors.TABLEAU_COLORS}
names |= {f"C{i}": value for i, value in enumerate(colors.TABLEAU_COLORS.values())}
names["tab:grey"] = names["tab:gray"]
lines = sorted(f"{name},{colors.to_hex(value)}" for name, value in names.items())
file = pathlib.Path("assets/colors/named.csv")
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text("\n".join(lines) + "\n")
