"""Makes a large sparse checkpoint, takes statistics of it, and compares them with numpy in double precision."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LAYERS = 8
SHAPES = {
    "self_attn.q_proj": (4096, 4096),
    "self_attn.k_proj": (1024, 4096),
    "self_attn.v_proj": (1024, 4096),
    "self_attn.o_proj": (4096, 4096),
    "mlp.up_proj": (14336, 4096),
    "mlp.down_proj": (4096, 14336),
    "mlp.gate_proj": (14336, 4096),
}
METRICS = ["mean", "std", "norm", "kurtosis", "rel-change"]
FILLED = [(0, "mlp.up_proj"), (LAYERS - 1, "mlp.gate_proj"), (LAYERS // 2, "self_attn.k_proj")]
MOST_MEMORY = 500e6


def header_of():
    tensors, end = {}, 0
    for layer in range(LAYERS):
        for name, shape in SHAPES.items():
            size = 2 * shape[0] * shape[1]
            tensors[f"model.layers.{layer}.{name}.weight"] = {
                "dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
            end += size
    return tensors, end


def make(folder, seed):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": LAYERS}))
    tensors, end = header_of()
    text = json.dumps(tensors).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
        for layer, name in FILLED:
            rng = np.random.default_rng(layer)  # the same for both checkpoints but for what the seed adds
            w = rng.standard_normal(SHAPES[name], dtype=np.float32) * np.float32(0.02) + np.float32(0.01)
            w += np.random.default_rng(seed).standard_normal(SHAPES[name], dtype=np.float32) * np.float32(0.001)
            bits = (w.view(np.uint32) >> 16).astype(np.uint16)
            file.seek(8 + len(text) + tensors[f"model.layers.{layer}.{name}.weight"]["data_offsets"][0])
            bits.tofile(file)


def stored(folder, layer, name):
    tensors, _ = header_of()
    offset = 8 + len(json.dumps(tensors).encode())
    offset += tensors[f"model.layers.{layer}.{name}.weight"]["data_offsets"][0]
    bits = np.memmap(folder / "model.safetensors", np.uint16, "r", offset, SHAPES[name])
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def expected(metric, x, y):
    mean = x.mean()
    d = x - mean
    return {
        "mean": lambda: mean,
        "std": lambda: np.sqrt((d * d).mean()),
        "norm": lambda: np.sqrt((x * x).sum()),
        "kurtosis": lambda: (d**4).mean() / (d * d).mean() ** 2,
        "rel-change": lambda: np.sqrt(((x - y) ** 2).sum()) / np.sqrt((y * y).sum()),
    }[metric]()


def read_seconds(paths):
    buffer = bytearray(16 << 20)
    start = time.time()
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return time.time() - start


def main():
    with tempfile.TemporaryDirectory() as top:
        base, tuned, out = Path(top) / "base", Path(top) / "tuned", Path(top) / "out.npy"
        # In a process of its own: the peak that the system reports of a child starts with its parent's.
        subprocess.run([sys.executable, __file__, "make", top], check=True)
        files = [base / "model.safetensors", tuned / "model.safetensors"]
        size = sum(path.stat().st_size for path in files)
        limit = min(read_seconds(files) for _ in range(2))  # the first time the pages come into the cache
        command = [sys.argv[1], "compute", tuned, "--reference", f"file:{base}", "-o", out, "-q"]
        for metric in METRICS:
            command += ["--metric", metric]
        start = time.time()
        pid = os.posix_spawn(sys.argv[1], [str(word) for word in command], os.environ)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.time() - start
        if status != 0:
            sys.exit(f"divlens ended with {os.waitstatus_to_exitcode(status)}")
        cells = np.load(out)
        worst = 0.0
        for layer, name in FILLED:
            a, b = stored(tuned, layer, name), stored(base, layer, name)
            for panel, metric in enumerate(METRICS):
                value = expected(metric, a, b)
                worst = max(worst, abs(float(cells[panel, layer, list(SHAPES).index(name)]) / value - 1))
    peak = usage.ru_maxrss * 1024
    print(f"two checkpoints, {size / 1e9:.1f} GB in {seconds:.1f} s: {size / seconds / 1e9:.2f} GB/s, "
          f"reading alone {size / limit / 1e9:.2f} GB/s")
    print(f"largest relative error {worst:.1e} (14,336 x 4,096 among them), peak memory {peak / 1e6:.0f} MB")
    sys.exit(0 if worst < 1e-5 and peak < MOST_MEMORY and cells.shape == (len(METRICS), LAYERS, len(SHAPES)) else 1)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]) / "base", 101)
        make(Path(sys.argv[2]) / "tuned", 102)
    else:
        main()
