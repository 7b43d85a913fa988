#!/usr/bin/env python3
"""Writes tests/data/python_formats.tsv: what Python's format() gives for many specs and floats, or that it refuses a spec.
A line is a spec, a value and the text, between tabs; a spec that is refused has neither."""
import os

FILE = os.path.join(os.path.dirname(__file__), "..", "tests", "data", "python_formats.tsv")
VALUES = [0.0, -0.0, 1.0, -1.5, 0.125, 2.5, 0.1, 9.995, -0.004, 0.256, 999.9996, 12345.0, 1234567.875, -1234567.875, 1e-05,
          0.0001, 9999999999999998.0, 1e16, 1e22, -6.02e23, 1.5e306, 5e-324, float("nan")]
SPECS = ["", ".2", ".0", ",", "_", "8", "#", "+", " ", "z", "08", ".2f", ".0f", "5.2f", "08.3f", "_.1f", ",.1f", "+.2f", " .2f",
         "-.2f", "z.2f", "z.0f", "z.1%", "ze", "#.0f", "#.3g", "#g", "#.0e", "#.0%", "<8.2f", ">8.2f", "^9.2f", "=9.2f",
         "*<12.2f", "->12.2f", "·^13.2f", "0=12.2f", "0<12.2f", "<012.2f", "*<012.2f", "012,.1f", "013,.1f", "014_.2f", "+012,.0f",
         "*=+15,.2f", "e", ".1e", ".0e", "E", ".2E", "f", "F", "g", "G", ".3g", ".1g", ".0g", ".12g", ",.5g", ".2G", "n", ".3n",
         "010n", "%", ".0%", ".1%", ",.1%", "+.1%", "10.1%", ".17g", ".20f", "é>10.3e", "<<9.1f", "^^9.1f", "==9.1f", "x=+9.1f",
         "+z#012_.3f", "<", "^5", "00.1f", "1_.1f", "😀^9.2f"]
REFUSED = [".2d", "x", "s", "c", "b", "o", "i", "%n", "%s", "{}", ".f", "f2", ".-1f", ".2f}", ",_f", "_,f", ",,f", ",n", "_n",
           "8,8f", ".2.2f", "+-f", "f.2", "#zf", "z+f", "0#f", "**f", "ab>8f", " 8 f", "8 ", "2f2", ".", "+.", "lf", ".2F%"]

lines = [f"{spec}\t{value!r}\t{value:{spec}}" for spec in SPECS for value in VALUES]
for spec in REFUSED:
    try:
        format(1.5, spec)
    except ValueError:
        lines.append(spec)
    else:
        raise SystemExit(f"Python takes {spec!r}")
with open(FILE, "w", encoding="utf-8") as out:
    out.write("\n".join(lines) + "\n")
