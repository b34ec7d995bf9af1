"""prod2vec against gensim: the same baskets, the same parameters, in alternation.

Prints each run as a line, then one JSON object with medians, the ratios and all sides' quality.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import csv
import glob
import gzip
import json
import random
import statistics
import subprocess
import tempfile
import time

import numpy as np
from gensim.models import Word2Vec

import machine

ALPHA, MIN_ALPHA = 0.025, 0.0001


def lgsr(folder, before):
    """Baskets of weekly transaction files: distinct PROD_CODEs by BASKET_ID, in file order."""
    baskets = {}
    for path in sorted(glob.glob(os.path.join(folder, "transactions_*.csv*"))):
        if int(os.path.basename(path)[13:19]) >= before:
            continue
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", newline="") as lines:
            for row in csv.DictReader(lines):
                baskets.setdefault(row["BASKET_ID"], {})[row["PROD_CODE"]] = None
    return [list(items) for items in baskets.values()]


def complete_journey(folder):
    """The same of Complete Journey's Parquet file, in the order of basket ids."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(os.path.join(folder, "transactions.parquet"), columns=["basket_id", "product_id"])
    baskets = {}
    for basket, item in sorted(zip(table["basket_id"].to_pylist(), table["product_id"].to_pylist())):
        baskets.setdefault(basket, {})[str(item)] = None
    return [list(items) for items in baskets.values()]


def made_up(n=60_000, items=3_000, topics=60, seed=1):
    """Baskets of one of some topics, popular items first in each."""
    rng = random.Random(seed)
    of_topic = [rng.sample(range(items), 80) for _ in range(topics)]
    def basket():
        topic = rng.choice(of_topic)
        return sorted({f"item{topic[min(int(rng.expovariate(0.06)), 79)]}" for _ in range(rng.randint(2, 14))})
    return [basket() for _ in range(n)]


def build():
    """Builds our program; its path."""
    command = "cargo build --release -p pannier-trainer --example prod2vec_speed --message-format=json".split()
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    lines = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    made = [json.loads(line) for line in lines]
    return [m["executable"] for m in made if m.get("executable") and m["target"]["name"] == "prod2vec_speed"][-1]


def gensim_run(train, path, from_file, args, vectors, seed):
    """Trains gensim; tokens per second of its training alone."""
    model = Word2Vec(vector_size=args.dim, window=args.window, negative=args.negatives, alpha=ALPHA, min_alpha=MIN_ALPHA,
                     sg=1, hs=0, sample=0, min_count=1, ns_exponent=0.75, workers=args.workers, seed=seed)
    corpus = {"corpus_file": path} if from_file else {"corpus_iterable": train}
    model.build_vocab(**corpus)
    words = {"total_words": model.corpus_total_words} if from_file else {}
    began = time.perf_counter()
    model.train(**corpus, **words, total_examples=model.corpus_count, epochs=args.epochs)
    seconds = time.perf_counter() - began
    model.wv.save_word2vec_format(vectors, binary=False)
    return model.corpus_total_words * args.epochs / seconds


# Ours: the deterministic mode, the fast one, and the fast one in which an item's pairs share negatives.
MODES = {"ours": [], "fast": ["fast=1"], "fast_shared": ["fast=1", "shared=1"]}


def our_run(program, path, args, vectors, seed, mode):
    """Trains ours; tokens per second."""
    command = [program, path, vectors, f"dim={args.dim}", f"window={args.window}", f"negatives={args.negatives}",
               f"epochs={args.epochs}", f"learning_rate={ALPHA}", f"min_learning_rate={MIN_ALPHA}", f"seed={seed}",
               f"threads={args.workers}", *mode]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(line)["items_per_second"]


def quality(vectors, held_out):
    """HitRate@10 and MRR of a hidden item of each basket, by cosine with the mean of the others."""
    with open(vectors) as lines:
        n, dim = map(int, next(lines).split())
        ids, rows = {}, np.zeros((n, dim), np.float32)
        for i, line in enumerate(lines):
            name, *floats = line.rstrip().split(" ")
            ids[name], rows[i] = i, floats
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    rng, hits, reciprocal = random.Random(0), [], []
    for basket in held_out:
        known = [ids[i] for i in basket if i in ids]
        if len(known) < 2:
            continue
        target = known.pop(rng.randrange(len(known)))
        scores = unit @ rows[known].mean(axis=0)
        scores[known] = -np.inf
        rank = 1 + int((scores > scores[target]).sum())
        hits.append(rank <= 10)
        reciprocal.append(1 / rank)
    return {"hit_rate@10": np.array(hits, float), "mrr": np.array(reciprocal)}


def paired(ours, theirs):
    """Mean difference over the queries, each the mean of its rounds, and its 95 % interval."""
    by_query = np.mean(ours, axis=0) - np.mean(theirs, axis=0)
    half = 1.96 * by_query.std() / len(by_query) ** 0.5
    return [round(float(x), 4) for x in (by_query.mean(), by_query.mean() - half, by_query.mean() + half)]


def contexts(train, window):
    """Pairs of a pass: each item with those as far away as a window drawn from 1 to `window` reaches."""
    near = [sum(min(n - 1 - at, by) + min(at, by) for at in range(n)) for n in range(60) for by in range(1, window + 1)]
    sums = [sum(near[n * window:(n + 1) * window]) / window for n in range(60)]
    return sum(sums[len(basket)] if len(basket) < 60 else len(basket) * (window + 1) for basket in train)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="?", help="folder of LGSR files or of Complete Journey's, or a file of baskets")
    parser.add_argument("--made", type=int, default=60_000, help="made-up baskets, without an input")
    parser.add_argument("--before", type=int, default=999999, help="LGSR: weeks below this one")
    parser.add_argument("--ours", help="the built example prod2vec_speed")
    for key, value in {"dim": 128, "window": 5, "negatives": 5, "epochs": 5, "workers": 2, "rounds": 3, "queries": 5000}.items():
        parser.add_argument(f"--{key}", type=int, default=value)
    args = parser.parse_args()
    program = args.ours or build()
    if args.input is None:
        baskets = made_up(args.made)
    elif os.path.exists(os.path.join(args.input, "transactions.parquet")):
        baskets = complete_journey(args.input)
    elif os.path.isdir(args.input):
        baskets = lgsr(args.input, args.before)
    else:
        with open(args.input) as lines:
            baskets = [line.split() for line in lines]
    random.Random(1).shuffle(baskets)
    held_out, train = baskets[: args.queries], baskets[args.queries :]
    tokens = sum(map(len, train))
    print(f"{len(train)} baskets, {tokens} tokens, {len(held_out)} held out", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "baskets.txt")
        vectors = os.path.join(folder, "vectors.txt")
        with open(path, "w") as out:
            out.writelines(" ".join(b) + "\n" for b in train)
        probe = argparse.Namespace(**{**vars(args), "epochs": 1})
        inputs = {kind: gensim_run(train, path, kind == "file", probe, vectors, 1) for kind in ("memory", "file")}
        fastest = max(inputs, key=inputs.get)
        print(f"gensim reads from {fastest}: " + json.dumps({k: round(v) for k, v in inputs.items()}), flush=True)
        sides = [*MODES, "gensim"]
        speeds, grades = {side: [] for side in sides}, {side: [] for side in sides}
        for seed in range(1, args.rounds + 1):
            for side in sides:
                if side == "gensim":
                    speeds[side].append(gensim_run(train, path, fastest == "file", args, vectors, seed))
                else:
                    speeds[side].append(our_run(program, path, args, vectors, seed, MODES[side]))
                grades[side].append(quality(vectors, held_out))
                print(side, round(speeds[side][-1]), "items/s", json.dumps({k: round(v.mean(), 4) for k, v in grades[side][-1].items()}), flush=True)
    median = {side: statistics.median(s) for side, s in speeds.items()}
    mean = {side: {k: round(float(np.mean([g[k] for g in all_])), 4) for k in ("hit_rate@10", "mrr")} for side, all_ in grades.items()}
    ratios = {side: sorted(o / t for o, t in zip(speeds[side], speeds["gensim"])) for side in MODES}
    hits = {side: [g["hit_rate@10"] for g in all_] for side, all_ in grades.items()}
    # A pair and its negatives: a product of two vectors and two sums of vectors each.
    per_item = contexts(train, args.window) / tokens * (1 + args.negatives) * 6 * args.dim
    limit = machine.gemm(args.workers)
    print(json.dumps({"items_per_second": {s: round(v) for s, v in median.items()},
                      "ratio_median": {side: round(statistics.median(r), 2) for side, r in ratios.items()},
                      "ratios": {side: [round(x, 2) for x in r] for side, r in ratios.items()},
                      "quality": mean, "queries": len(hits["gensim"][0]),
                      "hit_rate@10_less_gensims": {side: paired(hits[side], hits["gensim"]) for side in MODES},
                      "gemm_gflop_per_s": round(limit / 1e9, 1),
                      "gflop_per_s": {s: round(v * per_item / 1e9, 1) for s, v in median.items() if s != "fast_shared"}, "cores": os.cpu_count(), "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
