"""KL and JSD of float16 logits, layers x tokens x vocab, against the last layer: divlens beside numpy, scipy and torch.

Every contender runs in turn, round after round, so that a machine whose speed drifts treats all alike; the table shows the medians over the
rounds of each one's rate and of its time divided by divlens's. Times are of a process that has started and compiled: for divlens
that is the whole run less a run over one token; for the others the computation and the reading of the file. Each has a process of its
own: behind numpy in one process torch finds memory that the allocator keeps, and eager is up to four times faster.
"""
import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import numpy as np


def divlens_seconds(metric, path, extra=()):
    command = ["build/divlens", "compute", path, "--axes", "layer,token,vocab", "--metric", metric, "-q", "-o", path + ".out.npy", *extra]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def divlens(metric):
    def run(path):
        start = divlens_seconds(metric, path, ["--select", "token=0"])
        return max(divlens_seconds(metric, path) - start, 1e-9), np.load(path + ".out.npy")

    return run


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def kl(lp, lq):
    return (np.exp(lp) * (lp - lq)).sum(-1)


def jsd(lp, lq):
    p, q = np.exp(lp), np.exp(lq)
    lm = np.log(0.5 * (p + q))
    return 0.5 * ((p * (lp - lm)).sum(-1) + (q * (lq - lm)).sum(-1))


FORMS = {"kl": kl, "jsd": jsd}


def numpy_plain(metric):
    """A layer at a time, both sides normalised each time."""

    def run(path):
        logits = np.load(path, mmap_mode="r")
        last = logits[-1].astype(np.float32)
        return np.stack([FORMS[metric](log_softmax(last), log_softmax(layer.astype(np.float32))) for layer in logits])

    return run


def numpy_best(metric):
    """The reference normalised once, a few rows at a time so that they stay in the cache."""

    def run(path, rows=4):
        logits = np.load(path, mmap_mode="r")
        out = np.empty(logits.shape[:2], np.float32)
        for t in range(0, logits.shape[1], rows):
            lp = log_softmax(logits[-1, t : t + rows].astype(np.float32))
            for i, layer in enumerate(logits):
                out[i, t : t + rows] = FORMS[metric](lp, log_softmax(layer[t : t + rows].astype(np.float32)))
        return out

    return run


def scipy_jsd(path):
    from scipy.spatial.distance import jensenshannon
    from scipy.special import softmax

    logits = np.load(path, mmap_mode="r")
    last = softmax(logits[-1].astype(np.float32), -1)
    return np.stack([jensenshannon(last, softmax(layer.astype(np.float32), -1), axis=-1) ** 2 for layer in logits])


def torch_run(metric, compiled):
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"

    def form(x, y):
        lp, lq = torch.log_softmax(x.float(), -1), torch.log_softmax(y.float(), -1)
        if metric == "kl":
            return (lp.exp() * (lp - lq)).sum(-1)
        p, q = lp.exp(), lq.exp()
        lm = (0.5 * (p + q)).log()
        return 0.5 * ((p * (lp - lm)).sum(-1) + (q * (lq - lm)).sum(-1))

    whole = torch.compile(form) if compiled else form

    def run(path):
        logits = torch.from_numpy(np.load(path)).to(device)
        out = whole(logits[-1:], logits) if compiled else torch.stack([form(logits[-1], layer) for layer in logits])
        return out.cpu().numpy()

    return run


def contenders(metric):
    found = {"divlens": divlens(metric), "numpy": numpy_plain(metric), "numpy, best form": numpy_best(metric)}
    if metric == "jsd":
        try:
            import scipy.spatial.distance  # noqa: F401

            found["scipy"] = scipy_jsd
        except ImportError:
            pass
    try:
        import torch  # noqa: F401

        found["torch eager"] = torch_run(metric, False)
        found["torch.compile"] = torch_run(metric, True)
    except ImportError:
        pass
    return found


def timed(run, path):
    start = time.perf_counter()
    out = run(path)
    if isinstance(out, tuple):
        return out
    return time.perf_counter() - start, out


def serve(pipe, metric, name):
    run = contenders(metric)[name]
    while path := pipe.recv():
        pipe.send(timed(run, path))


class Apart:
    """A contender in a process of its own."""

    def __init__(self, metric, name):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, metric, name), daemon=True)
        self.process.start()

    def timed(self, path):
        self.pipe.send(path)
        return self.pipe.recv()

    def end(self):
        self.pipe.send(None)
        self.process.join()


def main():
    parser = argparse.ArgumentParser()
    for name, value in (("layers", 32), ("tokens", 128), ("vocab", 50304), ("repeats", 5)):
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    pairs = args.layers * args.tokens * args.vocab
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "logits.npy")
        rng = np.random.default_rng(0)
        np.save(path, rng.normal(0, 3, (args.layers, args.tokens, args.vocab)).astype(np.float16))
        print(f"{'':24}{'G pairs/s':>12}{'times slower':>14}{'largest difference':>20}")
        for metric in FORMS:
            runs = {name: Apart(metric, name) for name in contenders(metric)}
            rounds = {name: [] for name in runs}
            worst = {}
            for i in range(args.repeats + 1):
                for name, run in runs.items():
                    seconds, out = run.timed(path)
                    if i:  # the first round warms caches and compiles
                        rounds[name].append(seconds)
                    if name == "divlens":
                        ours = out
                    worst[name] = float(np.abs(out - ours).max())
            for run in runs.values():
                run.end()
            for name, seconds in rounds.items():
                ratio = np.median(np.array(seconds) / np.array(rounds["divlens"]))
                print(f"{metric + ' ' + name:24}{pairs / np.median(seconds) * 1e-9:12.3f}{ratio:14.1f}{worst[name]:20.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
