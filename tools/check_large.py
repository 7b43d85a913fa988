"""Makes large sparse dumps, runs divlens on them, and compares cells all over them with numpy in double precision."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

# layers, tokens, vocabulary, type: what each is there for
DUMPS = [
    ((8, 6700, 50257), "<f2"),  # 5.4 GB, rows at odd offsets
    ((4, 16500, 65537), "<f2"),  # more than 2^32 elements, 8.7 GB
    ((3, 1100, 262144), "<f4"),  # 3.5 GB, the largest vocabulary
    ((2, 40, 262143), "<f8"),
]


def log_softmax(x):
    x = x.astype(np.longdouble)
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def kl(reference, cell):
    p, q = log_softmax(reference), log_softmax(cell)
    d = q - p
    return float((np.exp(p) * (np.expm1(d) - d)).sum())


def write_header(path, shape, dtype):
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
        offset = file.tell()
        file.truncate(offset + int(np.prod([int(n) for n in shape])) * np.dtype(dtype).itemsize)
    return offset


def check(program, folder, shape, dtype):
    path, out = folder / "large.npy", folder / "out.npy"
    offset = write_header(path, shape, dtype)
    data = np.memmap(path, dtype, "r+", offset, shape)
    layers, tokens, width = shape
    rng = np.random.default_rng(tokens)
    last = layers - 1
    places = [(0, 0), (0, tokens - 1), (last // 2, tokens // 2), (last, 0), (last, tokens // 3), (last, tokens - 1)]
    for layer, token in places:
        data[layer, token] = rng.normal(0, 3, width)
    data.flush()
    start = time.time()
    command = [program, "compute", path, "--axes", "layer,token,vocab", "--metric", "kl", "-o", out, "-q"]
    subprocess.run([str(word) for word in command], check=True)
    seconds = time.time() - start
    got = np.load(out)
    expected = np.zeros(shape[:2])
    for layer in range(layers):
        for token in {token for _, token in places}:
            expected[layer, token] = kl(data[last, token], data[layer, token])
    error = np.abs(got - expected) / np.maximum(np.abs(expected), 1e-6)
    size = path.stat().st_size / 1e9
    print(f"{shape} {dtype}: {size:.1f} GB in {seconds:.1f} s, largest relative error {error.max():.1e}", flush=True)
    path.unlink()
    return got.shape == shape[:2] and error.max() < 1e-5


def main():
    with tempfile.TemporaryDirectory() as folder:
        good = [check(sys.argv[1], Path(folder), shape, dtype) for shape, dtype in DUMPS]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of divlens {peak:.0f} MiB, file pages included")
    sys.exit(0 if all(good) and peak < 600 else 1)


if __name__ == "__main__":
    main()
