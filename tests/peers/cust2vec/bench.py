"""cust2vec against gensim's Doc2Vec: the same users, the same parameters, in alternation.

Both sides learn a vector for each user from the same lists, with as many threads. Speed is items times epochs per
second of training, without reading or writing. Quality is the same code for both sides' user vectors: the AUC of
items a user bought later for the first time, against items of the same popularity that the user never bought.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import csv
import glob
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from gensim.models.doc2vec import Doc2Vec, TaggedDocument

sys.path.insert(0, str(Path(__file__).parents[1]))
import machine  # noqa: E402

ALPHA, MIN_ALPHA = 0.025, 0.0001
MODELS = {"dbow": {"dm": 0, "dbow_words": 0}, "dbow_words": {"dm": 0, "dbow_words": 1}, "dm": {"dm": 1, "dm_mean": 1},
          "dm_concat": {"dm": 1, "dm_concat": 1}}


def lgsr(folder, before):
    """(user, item) of weekly transaction files in the order of days and baskets; no lines without a user."""
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "transactions_*.csv*"))):
        if int(os.path.basename(path)[13:19]) >= before:
            continue
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", newline="") as lines:
            for row in csv.DictReader(lines):
                if row["CUST_CODE"]:
                    rows.append((row["SHOP_DATE"], int(row["SHOP_HOUR"]), row["BASKET_ID"], row["CUST_CODE"], row["PROD_CODE"]))
    rows.sort(key=lambda row: row[:3])
    return [(row[3], row[4]) for row in rows]


def complete_journey(folder):
    """The same of Complete Journey's Parquet file."""
    columns = ["household_id", "product_id", "basket_id", "transaction_timestamp"]
    table = parquet.read_table(os.path.join(folder, "transactions.parquet"), columns=columns)
    table = table.sort_by([("transaction_timestamp", "ascending"), ("basket_id", "ascending")])
    return list(zip(table["household_id"].to_pylist(), table["product_id"].to_pylist()))


def lists(rows, least, share):
    """Train lists of users, and items of each user's last `share` of lines that are new to the user."""
    of_user = {}
    for user, item in rows:
        of_user.setdefault(user, []).append(str(item))
    counts = {}
    for items in of_user.values():
        for item in items:
            counts[item] = counts.get(item, 0) + 1
    train, later = [], []
    for items in of_user.values():
        items = [item for item in items if counts[item] >= least]
        cut = int(len(items) * (1 - share))
        if cut >= 5:
            train.append(items[:cut])
            later.append(list(dict.fromkeys(item for item in items[cut:] if item not in set(items[:cut]))))
    return train, later


def ours(args, folder, seed, model, shared, threads):
    """Items per second, and vectors of the users."""
    command = [args.program, folder / "users.txt", folder / "vectors.f32", f"model={model}", f"dim={args.dim}",
               f"window={args.window}", f"negatives={args.negatives}", f"epochs={args.epochs}", f"shared={shared}",
               f"learning_rate={ALPHA}", f"min_learning_rate={MIN_ALPHA}", f"seed={seed}", f"threads={threads}"]
    line = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    vectors = np.fromfile(folder / "vectors.f32", "<f4").reshape(-1, args.dim)
    return json.loads(line)["items_per_second"], vectors


def gensims(args, folder, train, from_file, seed, model):
    """The same of gensim."""
    doc2vec = Doc2Vec(vector_size=args.dim, window=args.window, negative=args.negatives, alpha=ALPHA, min_alpha=MIN_ALPHA,
                      hs=0, sample=0, min_count=1, ns_exponent=0.75, workers=args.threads, seed=seed, **MODELS[model])
    corpus = {"corpus_file": str(folder / "users.txt")} if from_file else {
        "corpus_iterable": [TaggedDocument(items, [user]) for user, items in enumerate(train)]}
    doc2vec.build_vocab(**corpus)
    words = {"total_words": doc2vec.corpus_total_words} if from_file else {}
    began = time.perf_counter()
    doc2vec.train(**corpus, **words, total_examples=doc2vec.corpus_count, epochs=args.epochs)
    seconds = time.perf_counter() - began
    return sum(map(len, train)) * args.epochs / seconds, doc2vec.dv.vectors[:len(train)].copy()


def auc(vectors, train, later, seed=0):
    """For each user the chance that a later item scores above a negative. An item's score is the cosine of the
    user's vector with the mean of the vectors of all users who bought the item, the user never being among them."""
    random = np.random.default_rng(seed)
    ids = {item: number for number, item in enumerate(sorted({item for items in train for item in items}))}
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    unit = unit - unit.mean(axis=0)
    buyers, sums = np.zeros(len(ids)), np.zeros((len(ids), vectors.shape[1]), np.float32)
    own = [np.unique([ids[item] for item in items]) for items in train]
    for user, items in enumerate(own):
        buyers[items] += 1
        sums[items] += unit[user]
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    by_buyers = np.argsort(-buyers, kind="stable")
    rank = np.empty(len(ids), int)
    rank[by_buyers] = np.arange(len(ids))
    totals = []
    for user, items in enumerate(later):
        new = np.array([ids[item] for item in items if item in ids], int)
        if len(new) == 0:
            continue
        # Negatives of the same popularity: neighbours in the order by buyers that the user did not buy.
        bought = np.zeros(len(ids), bool)
        bought[own[user]] = bought[new] = True
        near = rank[new][:, None] + random.integers(-25, 26, (len(new), 8))
        near = by_buyers[np.clip(near, 0, len(ids) - 1)]
        keep = ~bought[near]
        scores = means @ unit[user]
        above = (scores[new][:, None] > scores[near]) + 0.5 * (scores[new][:, None] == scores[near])
        if keep.any():
            totals.append(above[keep].mean())
    return np.array(totals)


def paired(ours, theirs):
    """Mean difference over the users, each the mean of their rounds, and its 95 % interval."""
    by_user = np.mean(ours, axis=0) - np.mean(theirs, axis=0)
    half = 1.96 * by_user.std() / len(by_user) ** 0.5
    return [round(float(x), 4) for x in (by_user.mean(), by_user.mean() - half, by_user.mean() + half)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", help="folder of LGSR files, or of Complete Journey's transactions.parquet")
    parser.add_argument("--before", type=int, default=999999, help="LGSR: weeks below this one")
    parser.add_argument("--program", type=Path, required=True, help="the built example cust2vec_speed")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["dbow", "dm"])
    parser.add_argument("--least", type=int, default=5, help="items bought less often are left out")
    parser.add_argument("--share", type=float, default=0.2, help="of each user's last lines, held out")
    for key, value in {"dim": 128, "window": 5, "negatives": 5, "epochs": 10, "threads": 2, "rounds": 3}.items():
        parser.add_argument(f"--{key}", type=int, default=value)
    args = parser.parse_args()
    args.program = args.program.resolve()
    of_lgsr = glob.glob(os.path.join(args.input, "transactions_*.csv*"))
    rows = lgsr(args.input, args.before) if of_lgsr else complete_journey(args.input)
    train, later = lists(rows, args.least, args.share)
    print(f"{len(train)} users, {sum(map(len, train))} items", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "users.txt").write_text("".join(" ".join(items) + "\n" for items in train))
        for model in args.models:
            compare(args, folder, train, later, model)


def work(args, model):
    """FLOP of an item: a product and two sums for each target, and what mixes the input, where it is mixed."""
    targets, around = 6 * args.dim * (1 + args.negatives), args.window + 2
    return {"dbow": targets, "dm": targets + 4 * args.dim * around, "dm_concat": targets * (2 * args.window + 1)}.get(model)


def compare(args, folder, train, later, model):
    """Prints both sides' medians over the rounds, and their ratios."""
    once = argparse.Namespace(**{**vars(args), "epochs": 1})
    inputs = {kind: gensims(once, folder, train, kind == "file", 1, model)[0] for kind in ("memory", "file")}
    fastest = max(inputs, key=inputs.get)
    sides = {"deterministic": (0, 0), "fast": (0, args.threads)}
    if model != "dm":
        sides["fast_shared"] = (1, args.threads)
    speeds = {side: [] for side in [*sides, "gensim"]}
    # From a file each of gensim's workers counts itself alone against the whole corpus, so that the learning rate falls
    # too slowly; from memory it falls as asked.
    grades = {side: [] for side in [*speeds, "gensim_from_memory"]}
    for seed in range(1, args.rounds + 1):
        for side in speeds:
            if side == "gensim":
                speed, vectors = gensims(args, folder, train, fastest == "file", seed, model)
            else:
                speed, vectors = ours(args, folder, seed, model, *sides[side])
            speeds[side].append(speed)
            grades[side].append(auc(vectors, train, later))
        grades["gensim_from_memory"].append(auc(gensims(args, folder, train, False, seed, model)[1], train, later))
    medians = {side: statistics.median(of_side) for side, of_side in speeds.items()}
    ratios = {side: [a / b for a, b in zip(speeds[side], speeds["gensim"])] for side in sides}
    flops = work(args, model)
    print(json.dumps({"model": model, "gensim_reads": fastest, "dim": args.dim, "epochs": args.epochs,
                      "items_per_second": {side: round(speed) for side, speed in medians.items()},
                      "faster": {side: round(statistics.median(r), 2) for side, r in ratios.items()},
                      "ratios": {side: [round(x, 2) for x in r] for side, r in ratios.items()},
                      "auc": {side: round(float(np.mean(g)), 4) for side, g in grades.items()},
                      "auc_less_gensims": {side: paired(grades[side], grades["gensim"]) for side in sides},
                      "auc_less_gensims_from_memory": {s: paired(grades[s], grades["gensim_from_memory"]) for s in sides},
                      "users": len(grades["gensim"][0]), "gemm_gflop_per_s": round(machine.gemm(args.threads) / 1e9, 1),
                      "gflop_per_s": {s: round(v * flops / 1e9, 1) for s, v in medians.items() if flops and s != "fast_shared"},
                      "cores": os.cpu_count(), "load": os.getloadavg()[0]}), flush=True)


if __name__ == "__main__":
    main()
