#!/usr/bin/env python3
"""What other tools return for a pair of rows of logits: their formulas, transcribed to numpy, and their values on the vectors of
tests/data/conventions.json.

    tools/conventions.py            prints the table and compares it with the file; exit code 1 where they differ
    tools/conventions.py --write    writes the file

The test of --convention reads the file and needs no Python. Where numpy is at hand, it runs this script too."""
import argparse
import json
import os
import sys

import numpy as np

FILE = os.path.join(os.path.dirname(__file__), "..", "tests", "data", "conventions.json")
SIZE = 777


def log_softmax(x):
    d = x - x.max()
    return d - np.log(np.exp(d).sum())


def rel_entr(x, y):
    """scipy.special.rel_entr."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((x > 0) & (y > 0), x * np.log(x / y), np.where((x == 0) & (y >= 0), 0.0, np.inf))


def kl_div(log_input, target):
    """torch.nn.functional.kl_div(log_input, target, reduction='none'): xlogy(t, t) − t · input."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(target == 0, 0.0, target * np.log(target)) - target * log_input


def scipy_jsd(reference, cell):
    """scipy.spatial.distance.jensenshannon(p, q), _distance.py: rows are normalised, the root is taken."""
    p, q = np.exp(log_softmax(reference)), np.exp(log_softmax(cell))
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2.0
    return np.sqrt((rel_entr(p, m).sum() + rel_entr(q, m).sum()) / 2.0)


def dola_jsd(reference, cell):
    """voidism/DoLa, dola.py: kl_div of both log-softmaxes against M, each averaged over the vocabulary."""
    lp, lq = log_softmax(reference), log_softmax(cell)
    m = 0.5 * (np.exp(lp) + np.exp(lq))
    return 0.5 * (kl_div(lp, m).mean() + kl_div(lq, m).mean())


def tuned_lens_jsd(reference, cell):
    """AlignmentResearch/tuned-lens, PredictionTrajectory.js_divergence: half of both KL, without a mixture."""
    lp, lq = log_softmax(reference), log_softmax(cell)
    with np.errstate(invalid="ignore"):
        return 0.5 * (np.exp(lp) * (lp - lq)).sum() + 0.5 * (np.exp(lq) * (lq - lp)).sum()


def tuned_lens_tv(reference, cell):
    """PredictionTrajectory.total_variation: the largest difference."""
    return np.abs(np.exp(log_softmax(reference)) - np.exp(log_softmax(cell))).max()


def transformer_utils_kl(reference, cell):
    """nostalgebraist/transformer-utils, kl_div: probabilities clipped below at 1/(10 V), not normalised again."""
    p, q = (np.clip(np.exp(log_softmax(x)), 0.1 / len(x), 1.0) for x in (reference, cell))
    return (p * np.log(p / q)).sum()


def torch_kl(reference, cell):
    """F.kl_div(log_softmax(cell), softmax(reference), reduction='sum')."""
    return kl_div(log_softmax(cell), np.exp(log_softmax(reference))).sum()


def llama_cpp_kl(reference, cell):
    """ggerganov/llama.cpp, perplexity.cpp: log_softmax to 16 bits, then the KL of process_logits."""
    x, y = reference.astype(np.float32), cell.astype(np.float32)
    low = max(x.min(), x.max() - np.float32(16))
    least = low - x.max() - np.float32(np.log(np.exp(x - x.max(), dtype=np.float64).sum()))
    scale = (x.max() - low) / np.float32(65535)
    steps = np.where(x > low, np.rint((x - low) / scale), 0)
    log_base = scale * steps.astype(np.float32) + least
    log_sum = np.float32(np.log(np.exp(y - y.max(), dtype=np.float64).sum()))
    terms = np.exp(log_base) * (log_base - y + y.max() + log_sum)
    return terms[log_base > -16].astype(np.float64).sum()


CONVENTIONS = {("scipy", "jsd"): scipy_jsd, ("dola", "jsd"): dola_jsd, ("tuned-lens", "jsd"): tuned_lens_jsd,
               ("tuned-lens", "tv"): tuned_lens_tv, ("transformer-utils", "kl"): transformer_utils_kl, ("torch", "kl"): torch_kl,
               ("llama.cpp", "kl"): llama_cpp_kl}


def vectors():
    """Pairs of rows on a grid of 1/64, so that every element type but BF16 holds them exactly."""
    random = np.random.default_rng(7)
    grid = lambda x: np.round(np.asarray(x) * 64) / 64
    x = grid(random.normal(0, 3, SIZE))
    peaked = grid(random.normal(0, 1, SIZE))
    peaked[100] = 12
    other = peaked.copy()
    other[100], other[200] = 4, 11
    masked = x.copy()
    masked[random.random(SIZE) < 0.3] = -np.inf
    return {"random": (x, grid(random.normal(0, 3, SIZE))), "near": (x, grid(x + random.normal(0, 0.2, SIZE))),
            "peaked": (peaked, other), "masked on both sides": (masked, np.where(np.isinf(masked), masked, other))}


def number(value):
    return float(value) if np.isfinite(value) else str(float(value))


def table():
    out = []
    for name, (reference, cell) in vectors().items():
        values = [{"tool": tool, "metric": metric, "value": number(function(reference, cell))}
                  for (tool, metric), function in CONVENTIONS.items()]
        out.append({"name": name, "reference": [number(v) for v in reference], "cell": [number(v) for v in cell],
                    "values": values})
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    found = table()
    if parser.parse_args().write:
        with open(FILE, "w") as f:
            json.dump(found, f)
            f.write("\n")
    with open(FILE) as f:
        stored = json.load(f)
    same = True
    for new, old in zip(found, stored, strict=True):
        same = same and new["reference"] == old["reference"] and new["cell"] == old["cell"]
        for a, b in zip(new["values"], old["values"], strict=True):
            same = same and np.isclose(float(a["value"]), float(b["value"]), rtol=1e-9, equal_nan=True)
            print(f"{new['name']:22}{a['tool']:20}{a['metric']:6}{float(a['value']):.8g}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
