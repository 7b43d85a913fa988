#!/usr/bin/env python3
"""Writes the files in tests/data with numpy and safetensors, whose output the readers must understand.

    pip install numpy safetensors ml_dtypes
    python tools/make_test_data.py

Element i (in C order) of every array is ((7 i) mod 23 - 11) / 4 for floats, (7 i) mod 23 for integers, and whether that
is even for booleans; tests/dump_fixtures.h computes the same.
"""

import json
import pathlib

import ml_dtypes
import numpy as np
from numpy.lib import format as npy_format
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"
SHAPE = (3, 4, 5)
DTYPES = "f8 f4 f2 i1 u1 i2 u2 i4 u4 i8 u8 b1".split()


def array(dtype, shape=SHAPE):
    raw = (7 * np.arange(np.prod(shape)) % 23).reshape(shape)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return raw % 2 == 0
    return (raw if kind in "iu" else (raw - 11) / 4).astype(dtype)


def save_npy(name, value, version=None):
    with open(OUT / name, "wb") as file:
        npy_format.write_array(file, value, version=version)


def save_kld(name, context=9, vocab=11, chunks=3):
    """What llama-perplexity --kl-divergence-base writes: 16-bit log-probabilities of the second half of each chunk.

    Row r of all has the logits ((7 (11 r + v)) mod 23 - 11) / 4, times 10 in the last row, whose range is cut at 16.
    """
    first = context // 2
    rows = chunks * (context - 1 - first)
    logits = ((7 * np.arange(rows * vocab) % 23 - 11) / 4).reshape(rows, vocab).astype("f4")
    logits[-1] *= 10
    with open(OUT / name, "wb") as file:
        file.write(b"_logits_" + np.array([context, vocab, chunks], "<i4").tobytes())
        file.write((np.arange(chunks * context, dtype="<i4") % vocab).tobytes())
        for row in logits:
            largest, smallest = row.max(), max(row.min(), row.max() - 16)
            log_sum = np.float32(np.log(np.exp((row - largest).astype("f8")).sum()))
            scale = np.float32((largest - smallest) / 65535)
            file.write(np.array([scale, smallest - largest - log_sum], "<f4").tobytes())
            stored = np.where(row > smallest, np.rint((row - smallest) / scale), 0).astype("<u2")
            file.write(stored.tobytes() + b"\xff\xff" * (vocab % 2))


def main():
    OUT.mkdir(exist_ok=True)
    for dtype in DTYPES:
        save_npy(f"c_{dtype}.npy", array(dtype))
        save_npy(f"fortran_{dtype}.npy", np.asfortranarray(array(dtype)))
    for major in (1, 2, 3):
        save_npy(f"version_{major}.npy", array("f4"), (major, 0))
    save_npy("bf16.npy", array("f4").astype(ml_dtypes.bfloat16))
    save_npy("scalar.npy", np.array(2.5, "f4"))
    save_npy("vector.npy", array("f4", (7,)))

    save_npy("refused_object.npy", np.array([None, 1], object))
    save_npy("refused_structured.npy", np.zeros(3, [("a", "<f4"), ("b", "<i4")]))
    save_npy("refused_text.npy", np.array(["abc", "de"]))
    save_npy("refused_bytes.npy", np.array([b"abc", b"de"]))
    save_npy("refused_complex.npy", np.zeros(3, "c8"))
    save_npy("refused_date.npy", np.zeros(3, "M8[s]"))
    save_npy("refused_big_endian.npy", array(">f4"))
    save_npy("refused_long_double.npy", np.zeros(3, "g"))

    arrays = {"c_f4": array("f4"), "f_f2": np.asfortranarray(array("f2")), "c_i8": array("i8"), "words": np.array(["abc"])}
    np.savez(OUT / "savez.npz", **arrays)
    np.savez_compressed(OUT / "savez_compressed.npz", **arrays)

    save_kld("tiny.kld")

    tensors = {dtype: array(dtype) for dtype in DTYPES}
    tensors["bf16"] = array("f4").astype(ml_dtypes.bfloat16)
    axes = {"axes": ["layer", "token", "vocab"], "kind": "logits"}
    document = {
        "version": 1,
        "tensors": {"f4": axes, "f2": axes, "u1": {"axes": ["layer", "token", "flag"]}, "f8": {**axes, "mask": "u1"}},
        "labels": {"layer": ["0", "15", "27"], "token": ["The", "Ġcapital", "The", "\n"]},
        "coordinates": {"layer": [0, 15, 27.5]},
        "groups": {"token": ["a", "b", "a", "b"]},
        "title": "A title",
        "source": "written by safetensors",
        "prompt": "unknown keys are ignored",
    }
    save_file(tensors, OUT / "types.safetensors", metadata={"divlens": json.dumps(document)})


if __name__ == "__main__":
    main()
