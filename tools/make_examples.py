#!/usr/bin/env python3
"""Cuts the example dumps of assets/examples from full ones, and works out what divlens must say about them.

    tools/make_examples.py FOLDER --model MODEL [--out assets/examples]

FOLDER holds generated, interventions, lens, lens_hidden and steps.safetensors, steps.csv and checkpoints/base and /tuned; MODEL the
config.json and the model.safetensors (final norm and embedding) of the model of lens_hidden. A cut vocabulary keeps the KEEP entries that are
most probable on average over all rows of the file (token ids of the file are always among them), in ascending order of id; the
integer tensor `ids` holds the ids that they had. expected.json: float64 values from the bytes of the cut files. Needs numpy."""
import argparse
import json
import os
import shutil
import struct

import numpy as np

KEEP = 4096
STEP_TOKENS = [8, 16, 24]
TOP = 20
HIDDEN_KEEP = 512
WEIGHT_CELL = 16  # rows and columns of a matrix that stay
DTYPES = {"F16": np.float16, "F32": np.float32, "I32": np.int32, "BF16": np.uint16}


def read_dump(path):
    """A safetensors file as ({name: array}, its divlens metadata)."""
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
    meta = json.loads(header.pop("__metadata__", {}).get("divlens", "{}"))
    return {name: np.memmap(path, DTYPES[t["dtype"]], "r", 8 + size + t["data_offsets"][0], tuple(t["shape"]))
            for name, t in header.items()}, meta


def write_dump(path, tensors, meta):
    header, at = {"__metadata__": {"divlens": json.dumps(meta, ensure_ascii=False)}} if meta else {}, 0
    for name, values in tensors.items():
        dtype = next(k for k, v in DTYPES.items() if values.dtype == v)
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            f.write(np.ascontiguousarray(values).tobytes())


def log_softmax(logits):
    """ln softmax in float64; the maximum's own 1 goes through log1p, so that peaked rows keep their small logs."""
    x = np.asarray(logits, np.float64)
    d = x - x.max(-1, keepdims=True)
    e = np.exp(d)
    np.put_along_axis(e, d.argmax(-1)[..., None], 0.0, -1)
    return d - np.log1p(e.sum(-1, keepdims=True))


# Each metric of log p (reference) and log q (cell), natural logarithm, over the last axis.
def kl(lp, lq):
    p, d = np.exp(lp), lq - lp
    small = np.abs(d) < 1
    near = p * (np.expm1(np.where(small, d, 0)) - np.where(small, d, 0))
    return np.where(small, near, np.exp(lq) - p - p * d).sum(-1)


def jsd(lp, lq):
    p, q = np.exp(lp), np.exp(lq)
    m, x = (p + q) / 2, np.tanh((lp - lq) / 2)
    small = np.abs(x) < 0.5
    z = np.where(small, x, 0)
    near = m / 2 * ((1 + z) * np.log1p(z) + (1 - z) * np.log1p(-z))
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(p > 0, p * np.log(p / m), 0) / 2 + np.where(q > 0, q * np.log(q / m), 0) / 2
    return np.where(small, near, far).sum(-1)


METRICS = {
    "kl": kl,
    "kl-reverse": lambda lp, lq: kl(lq, lp),
    "jeffreys": lambda lp, lq: kl(lp, lq) + kl(lq, lp),
    "jsd": jsd,
    "js-distance": lambda lp, lq: np.sqrt(jsd(lp, lq)),
    "tv": lambda lp, lq: np.abs(np.exp(lp) - np.exp(lq)).sum(-1) / 2,
    "hellinger": lambda lp, lq: np.sqrt(((np.exp(lp / 2) - np.exp(lq / 2)) ** 2).sum(-1) / 2),
    "cross-entropy": lambda lp, lq: -(np.exp(lp) * lq).sum(-1),
    "entropy": lambda lp, lq: -(np.exp(lq) * lq).sum(-1),
}


def cut_vocabulary(path, out, source_note):
    tensors, meta = read_dump(path)
    floats = [name for name, values in tensors.items() if values.dtype == np.float16]
    rows = [np.exp(log_softmax(tensors[name])).reshape(-1, tensors[name].shape[-1]) for name in floats]
    order = np.argsort(-np.concatenate(rows).mean(0), kind="stable")
    named = [name for name in tensors if name not in floats]
    must = np.unique(np.concatenate([tensors[name].ravel() for name in named])) if named else np.array([], int)
    rest = order[~np.isin(order, must)][: KEEP - len(must)]
    ids = np.sort(np.concatenate([must, rest])).astype(np.int32)
    result = {"ids": ids}
    for name, values in tensors.items():
        if name in floats:
            result[name] = np.asarray(values)[..., ids]
        else:
            result[name] = np.searchsorted(ids, values).astype(np.int32)
    meta["tensors"]["ids"] = {"axes": ["vocab"], "kind": "scalar"}
    meta["source"] += source_note
    write_dump(out, result, meta)


def cut_steps(path, out):
    tensors, meta = read_dump(path)
    result = {name: np.take(values, STEP_TOKENS, axis=meta["tensors"][name]["axes"].index("token"))
              for name, values in tensors.items()}
    meta["labels"]["token"] = [meta["labels"]["token"][i] for i in STEP_TOKENS]
    meta["source"] += f"; cut to positions {','.join(map(str, STEP_TOKENS))} of 32"
    write_dump(out, result, meta)


def cut_lists(path, out):
    """The TOP most probable entries of each row of logits, as many inference servers return them."""
    tensors, meta = read_dump(path)
    logs = log_softmax(tensors["logits"])
    ids = np.argsort(-logs, -1, kind="stable")[..., :TOP]
    axes = ["layer", "token", "k"]
    meta["tensors"] = {"top": {"axes": axes, "kind": "topk", "ids": "top_ids"}, "top_ids": {"axes": axes, "kind": "scalar"},
                       "targets": {"axes": ["token"], "kind": "scalar"}}
    meta["labels"] = {name: meta["labels"][name] for name in ("layer", "token")}
    meta["source"] += f"; the {TOP} most probable entries of each row"
    write_dump(out, {"top": np.take_along_axis(logs, ids, -1).astype(np.float32), "top_ids": ids.astype(np.int32),
                     "targets": np.asarray(tensors["targets"])}, meta)


def cut_hidden(path, model, out):
    """Every third layer and sixth token of hidden states before the final norm, and the part of the head that their targets need."""
    tensors, meta = read_dump(path)
    weights, _ = read_dump(os.path.join(model, "model.safetensors"))
    layers, tokens = np.arange(0, 31, 3), np.arange(0, 48, 6)
    targets = np.asarray(tensors["targets"])[tokens]
    head = np.asarray(weights["model.embed_tokens.weight"])
    rest = np.setdiff1d(np.arange(0, len(head), len(head) // HIDDEN_KEEP), targets)
    ids = np.sort(np.concatenate([np.unique(targets), rest]))[:HIDDEN_KEEP + len(np.unique(targets))]
    meta["tensors"] = {name: meta["tensors"][name] for name in ("hidden", "targets")}
    meta["labels"] = {"layer": [str(i) for i in layers], "token": [meta["labels"]["token"][i] for i in tokens]}
    meta.pop("prompt", None)
    meta["source"] += f"; every third layer and sixth token, vocabulary cut to {len(ids)} entries"
    write_dump(os.path.join(out, "hidden.safetensors"),
               {"hidden": np.asarray(tensors["hidden"])[np.ix_(layers, tokens)],
                "targets": np.searchsorted(ids, targets).astype(np.int32)}, meta)
    folder = os.path.join(out, "model")
    os.makedirs(folder, exist_ok=True)
    write_dump(os.path.join(folder, "model.safetensors"),
               {"model.embed_tokens.weight": head[ids], "model.norm.weight": np.asarray(weights["model.norm.weight"])}, {})
    with open(os.path.join(model, "config.json")) as f:
        config = json.load(f)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({**config, "vocab_size": len(ids)}, f, indent=1)
        f.write("\n")


def shards_of(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))
    found = {}
    for name in names:
        found.update(read_dump(os.path.join(folder, name))[0])
    return found


def cut_checkpoint(source, out):
    """Every matrix of the layers, cut to WEIGHT_CELL x WEIGHT_CELL entries spread over it, in one file."""
    os.makedirs(out, exist_ok=True)
    spread = lambda n: np.linspace(0, n - 1, WEIGHT_CELL).astype(int)
    kept = {name: np.asarray(w)[np.ix_(spread(w.shape[0]), spread(w.shape[1]))]
            for name, w in shards_of(source).items() if w.ndim == 2 and ".layers." in name}
    write_dump(os.path.join(out, "model.safetensors"), kept, {})
    with open(os.path.join(source, "config.json")) as f:
        config = json.load(f)
    with open(os.path.join(out, "config.json"), "w") as f:
        json.dump({k: config[k] for k in ("model_type", "num_hidden_layers")}, f)
        f.write("\n")


def widened(w):
    """Stored weights in float64; uint16 are the upper halves of float32."""
    return (w.astype(np.uint32) << 16).view(np.float32).astype(np.float64) if w.dtype == np.uint16 else np.asarray(w, np.float64)


COMPONENTS = [("self_attn", c) for c in "qkvo"] + [("mlp", c) for c in ("up", "down", "gate")]


def component_grid(weights, value):
    layers = 1 + max(int(name.split(".")[2]) for name in weights)
    return np.array([[value(f"model.layers.{l}.{block}.{c}_proj.weight") for block, c in COMPONENTS] for l in range(layers)])


def opened(logs):
    """Probabilities and what a list of float32 log-probs leaves open: at least what their rounding can hide."""
    p = np.exp(logs)
    hidden = (p * -logs).sum() * 2.0**-24 + 4e-9
    rest = max(1 - p.sum(), hidden)
    return p / (p.sum() + rest), rest / (p.sum() + rest)


def closest(ids_p, lp, ids_q, lq):
    """ln p and ln q of the two distributions with those entries that are closest: shared entries, then what only one side lists
    against what the other leaves open; all of it in one where no side lists more than the other leaves room for."""
    (p, r), (q, s) = opened(lp), opened(lq)
    p, q = dict(zip(ids_p, p)), dict(zip(ids_q, q))
    shared = [i for i in p if i in q]
    a, b = sum(p[i] for i in p if i not in q), sum(q[i] for i in q if i not in p)
    rests = [(a + r, b + s)] if a * b <= r * s else [(a, s), (r, b)]
    pairs = np.array([(p[i], q[i]) for i in shared] + rests)
    return np.log(pairs[:, 0]), np.log(pairs[:, 1])


def expected_values(folder):
    found = {}

    def add(file, tensor, values, **args):
        extra = " ".join(f"{k}={v}" for k, v in args.items() if k not in ("rows", "columns", "metric"))
        key = " ".join(filter(None, [file.split(".")[0], args["metric"], extra]))
        as_list = lambda v: np.where(np.isfinite(v), v, None).tolist()
        lists = {k: as_list(v) for k, v in values.items()} if isinstance(values, dict) else as_list(values)
        text = json.dumps(lists).replace("null", '"nan"')
        found[key] = {"file": file, "tensor": tensor, "args": args, "values": json.loads(text)}

    tensors, _ = read_dump(os.path.join(folder, "generated.safetensors"))
    p, q = log_softmax(tensors["clean"])[None], log_softmax(tensors["ablated"])
    for name, metric in METRICS.items():
        add("generated.safetensors", "ablated", metric(p, q), rows="layer", columns="token", reference="tensor:clean", metric=name)

    tensors, meta = read_dump(os.path.join(folder, "interventions.safetensors"))
    p, q = log_softmax(tensors["clean"])[:, None, None], log_softmax(tensors["intervened"])
    for name in ("jsd", "kl", "tv"):
        cells = METRICS[name](p, q)
        where = dict(rows="site", columns="layer", reference="tensor:clean", metric=name)
        add("interventions.safetensors", "intervened", cells.mean(0), **where)
        if name == "jsd":
            groups = np.array(meta["groups"]["example"])
            add("interventions.safetensors", "intervened", {g: cells[groups == g].mean(0) for g in dict.fromkeys(groups)}, **where,
                group="example")

    tensors, _ = read_dump(os.path.join(folder, "lens.safetensors"))
    q, where = log_softmax(tensors["logits"]), dict(rows="layer", columns="token")
    for name in ("kl", "jsd"):
        add("lens.safetensors", "logits", METRICS[name](q[-1:], q), **where, metric=name, reference="layer=-1")
    before = np.concatenate([np.full((1, q.shape[1]), np.nan), jsd(q[:-1], q[1:])])
    add("lens.safetensors", "logits", before, **where, metric="jsd", reference="layer:prev")
    add("lens.safetensors", "logits", METRICS["entropy"](q, q), **where, metric="entropy")
    at_target = np.take_along_axis(q, np.asarray(tensors["targets"])[None, :, None], -1)[..., 0]
    add("lens.safetensors", "logits", at_target, **where, metric="logprob", reference="target")

    tensors, _ = read_dump(os.path.join(folder, "topk.safetensors"))
    ids, logs = np.asarray(tensors["top_ids"]), np.asarray(tensors["top"], np.float64)
    for name in ("kl", "jsd", "tv"):
        bounds = [[METRICS[name](*closest(ids[-1, t], logs[-1, t], ids[l, t], logs[l, t])) for t in range(ids.shape[1])]
                  for l in range(len(ids) - 1)]
        add("topk.safetensors", "top", np.array(bounds), rows="layer", columns="token", metric=name, reference="layer=-1",
            select={"layer": ":-1"})

    tensors, _ = read_dump(os.path.join(folder, "steps.safetensors"))
    q = log_softmax(tensors["logits"])
    for name in ("kl", "jsd"):
        add("steps.safetensors", "logits", METRICS[name](q[:, -1:], q).mean(2), rows="step", columns="layer", reference="layer=-1",
            metric=name)

    tensors, _ = read_dump(os.path.join(folder, "hidden.safetensors"))
    weights, _ = read_dump(os.path.join(folder, "model", "model.safetensors"))
    h = np.asarray(tensors["hidden"], np.float64)
    h = h / np.sqrt((h * h).mean(-1, keepdims=True) + 1e-5) * np.asarray(weights["model.norm.weight"], np.float64)
    q = log_softmax(h @ np.asarray(weights["model.embed_tokens.weight"], np.float64).T)
    for name in ("kl", "jsd"):
        add("hidden.safetensors", "hidden", METRICS[name](q[-1:], q), **where, metric=name, reference="layer=-1", lens="model")
    add("hidden.safetensors", "hidden", METRICS["entropy"](q, q), **where, metric="entropy", lens="model")
    at_target = np.take_along_axis(q, np.asarray(tensors["targets"])[None, :, None], -1)[..., 0]
    add("hidden.safetensors", "hidden", at_target, **where, metric="logprob", reference="target", lens="model")

    a, b = (shards_of(os.path.join(folder, "checkpoints", name)) for name in ("tuned", "base"))
    a, b = ({name: widened(w) for name, w in each.items()} for each in (a, b))
    where = dict(rows="layer", columns="component")
    pair = dict(where, reference="file:checkpoints/base")
    norm = np.linalg.norm
    add("checkpoints/tuned", None, component_grid(a, lambda n: norm(a[n] - b[n]) / norm(b[n])), **pair, metric="rel-change")
    add("checkpoints/tuned", None, component_grid(a, lambda n: (a[n] * b[n]).sum() / norm(a[n]) / norm(b[n])), **pair, metric="cosine")
    add("checkpoints/tuned", None, component_grid(a, lambda n: (a[n] * b[n] < 0).mean()), **pair, metric="sign-flips")
    add("checkpoints/base", None, component_grid(b, lambda n: b[n].std()), **where, metric="std")

    with open(os.path.join(folder, "steps.csv")) as f:
        table = [line.split(",")[1:] for line in f.read().splitlines()[1:]]
    found["steps.csv"] = {"file": "steps.csv", "tensor": None, "args": {"axes": "step,layer", "rows": "step", "columns": "layer"},
                          "values": [[float(v) for v in row] for row in table]}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "assets", "examples"))
    args = parser.parse_args()
    source = lambda name: os.path.join(args.folder, name)
    target = lambda name: os.path.join(args.out, name)
    os.makedirs(args.out, exist_ok=True)
    for name in ("generated.safetensors", "steps.csv"):
        shutil.copyfile(source(name), target(name))
    for name in ("interventions.safetensors", "lens.safetensors"):
        cut_vocabulary(source(name), target(name), f"; vocabulary cut to the {KEEP} entries most probable on average")
    cut_hidden(source("lens_hidden.safetensors"), args.model, args.out)
    for name in ("base", "tuned"):
        cut_checkpoint(source(f"checkpoints/{name}"), target(f"checkpoints/{name}"))
    cut_lists(target("lens.safetensors"), target("topk.safetensors"))
    cut_steps(source("steps.safetensors"), target("steps.safetensors"))
    with open(target("expected.json"), "w") as f:
        json.dump(expected_values(args.out), f)
        f.write("\n")


if __name__ == "__main__":
    main()
