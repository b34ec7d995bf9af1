"""ALS against implicit's: seconds per iteration in turns, and nDCG@10 of what users bought later.

Both sides get the same counts, factors, confidence 1 + alpha * count, regularisation and iterations, and two
threads; implicit solves by conjugate gradient, its fastest solver, with BLAS on one thread as its docs say.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import scipy.sparse as sparse  # noqa: E402
from implicit.cpu.als import AlternatingLeastSquares  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
import machine  # noqa: E402

STEPS = 3  # of conjugate gradient: what both sides take


def files(warehouse, table):
    """The Parquet files of the table's largest version."""
    manifests = [json.loads(path.read_text()) for path in warehouse.glob(f"tables/{table}/*/manifest.json")]
    if not manifests:
        sys.exit(f"{warehouse} has no {table}: run a spec with a [[feed]] of it first")
    return [str(warehouse / file["path"]) for file in max(manifests, key=lambda m: m["rows"])["files"]]


def of_warehouse(warehouse):
    """Counts of train baskets and what was bought in test baskets, users and items from 0."""
    counts = duckdb.execute("select user_id, item_idx, count from read_parquet(?)", [files(warehouse, "counts")])
    counts = counts.fetchnumpy()
    users, rows = np.unique(counts["user_id"], return_inverse=True)
    items = int(counts["item_idx"].max()) + 1
    shape = (len(users), items)
    train = sparse.csr_matrix((counts["count"].astype(np.float32), (rows, counts["item_idx"])), shape=shape)
    query = "select distinct user_id, item_idx from read_parquet(?) where split = 'test' and item_idx > 1"
    later = duckdb.execute(query, [files(warehouse, "interactions")]).fetchnumpy()
    known = np.isin(later["user_id"], users)
    rows = np.searchsorted(users, later["user_id"][known])
    ones = np.ones(known.sum(), np.float32)
    return train, sparse.csr_matrix((ones, (rows, later["item_idx"][known])), shape=shape)


def made(entries, items=None, users=None, seed=1):
    """About so many counts: users with lists of geometric lengths, forty each unless said, items by a power law."""
    random = np.random.default_rng(seed)
    users = users or max(entries // 40, 1)
    items = items or max(entries // 300, 100)
    rows = np.repeat(np.arange(users), np.minimum(random.geometric(users / entries, users), items // 2))
    columns = (items * random.random(len(rows)) ** 3).astype(np.int64)
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(users, items))
    matrix.sum_duplicates()
    return matrix, None


def ours(args, folder, matrix, factors):
    """Seconds of each iteration, and the factors."""
    coo = matrix.tocoo()
    entries = np.empty(coo.nnz, dtype=[("user", "<u4"), ("item", "<u4"), ("count", "<f4")])
    entries["user"], entries["item"], entries["count"] = coo.row, coo.col, coo.data
    path = folder / "entries"
    path.write_bytes(np.array(coo.shape, "<u4").tobytes() + entries.tobytes())
    command = [args.program, path, factors, "--iterations", args.iterations, "--alpha", args.alpha,
               "--regularization", args.regularization, "--threads", args.threads, "--solver", args.solver, "--block", args.block,
               "--top", 0 if args.alone else 10, "--out", folder]
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    seconds = [line["seconds"] for line in lines if "seconds" in line]
    ranking = next((line["top_s"] for line in lines if "top_s" in line), 0.0)
    read = [np.fromfile(folder / f"{side}.f32", "<f4").reshape(-1, factors) for side in ("users", "items")]
    return seconds, ranking, *read


def implicits(args, matrix, factors):
    """The same of implicit."""
    model = AlternatingLeastSquares(factors=factors, regularization=args.regularization, iterations=args.iterations,
                                    num_threads=args.threads, random_state=1)
    seconds = []
    confidence = matrix.copy()
    confidence.data = 1 + args.alpha * confidence.data
    model.fit(confidence, show_progress=False, callback=lambda _, elapsed, *__: seconds.append(elapsed))
    began = time.perf_counter()
    model.recommend(np.arange(matrix.shape[0]), matrix, N=10, filter_already_liked_items=False)
    return seconds, time.perf_counter() - began, model.user_factors, model.item_factors


def ndcg(users, items, later, k=10):
    """nDCG@10 over the whole catalogue (Järvelin and Kekäläinen 2002), relevance 1 for what was bought later."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    totals = []
    wanted = np.flatnonzero(np.diff(later.indptr))
    for start in range(0, len(wanted), 512):
        block = wanted[start:start + 512]
        scores = users[block] @ items.T
        scores[:, :2] = -np.inf
        top = np.argpartition(-scores, k, axis=1)[:, :k]
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable"), 1)
        for user, places in zip(block, top):
            bought = later.indices[later.indptr[user]:later.indptr[user + 1]]
            gains = np.isin(places, bought) @ discounts
            totals.append(gains / discounts[:len(bought)].sum())
    return np.array(totals)


def limits_of(args, matrix, factors, medians, rankings, limits):
    """How far our side is from the machine's limits. An entry and step of conjugate gradient is two products of vectors;
    a row is turned into the basis and back; a row of factors comes from memory at least once for each entry."""
    users, items, entries = *matrix.shape, matrix.nnz
    flops = 2 * entries * STEPS * 4 * factors + 3 * (users + items) * 2 * factors**2
    moved = 2 * entries * 4 * factors
    every = 2 * users * items * factors
    return {"iteration": machine.against(medians["pannier"], flops, moved, limits),
            "top_10": machine.against(rankings["pannier"], every, 4 * factors * (users + items), limits)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, help="has `counts` and `interactions`")
    parser.add_argument("--made", type=int, nargs="*", default=[], help="entries of made matrices")
    parser.add_argument("--items", type=int, help="items of made matrices")
    parser.add_argument("--users", type=int, help="users of made matrices")
    parser.add_argument("--alone", action="store_true", help="without implicit: how our side grows, and what it takes")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--alpha", type=float, default=40.0)
    parser.add_argument("--regularization", type=float, default=0.01)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--solver", default="conjugate", choices=["conjugate", "cholesky", "blocks"], help="ours")
    parser.add_argument("--block", type=int, default=64, help="factors of a block of the solver `blocks`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", type=Path, required=True, help="the built example als_speed")
    args = parser.parse_args()
    args.program = args.program.resolve()
    inputs = {str(size): made(size, args.items, args.users) for size in args.made}
    if args.warehouse:
        inputs["warehouse"] = of_warehouse(args.warehouse)
    limits = machine.gemm(args.threads), machine.memory(args.threads)
    print(json.dumps({"gemm_gflop_per_s": round(limits[0] / 1e9, 1), "memory_gb_per_s": round(limits[1] / 1e9, 1)}), flush=True)
    for name, (matrix, later) in inputs.items():
        for factors in args.factors:
            times, rankings = {"pannier": [], "implicit": []}, {"pannier": [], "implicit": []}
            for _ in range(args.rounds):
                with tempfile.TemporaryDirectory() as folder:
                    mine, ranking, *our_factors = ours(args, Path(folder), matrix, factors)
                rankings["pannier"].append(ranking)
                # The first iteration is of random factors and warms up.
                times["pannier"] += mine[1:]
                if not args.alone:
                    theirs, ranking, *their_factors = implicits(args, matrix, factors)
                    rankings["implicit"].append(ranking)
                    times["implicit"] += theirs[1:]
            medians = {side: float(np.median(seconds)) for side, seconds in times.items() if seconds}
            tops = {side: float(np.median(seconds)) for side, seconds in rankings.items() if seconds}
            result = {"input": name, "users": matrix.shape[0], "items": matrix.shape[1], "entries": matrix.nnz,
                      "factors": factors, "seconds_per_iteration": medians, "top_10_of_all": tops,
                      "ns_per_entry": 1e9 * medians["pannier"] / matrix.nnz}
            if not args.alone:
                result |= {"faster": medians["implicit"] / medians["pannier"], "top_faster": tops["implicit"] / tops["pannier"]}
            if args.solver == "conjugate" and not args.alone:
                result["of_the_machine"] = limits_of(args, matrix, factors, medians, tops, limits)
            if later is not None and not args.alone:
                here, there = ndcg(*our_factors, later), ndcg(*their_factors, later)
                error = 1.96 * (here - there).std() / len(here) ** 0.5
                result["ndcg@10"] = {"pannier": here.mean(), "implicit": there.mean(),
                                     "difference": [(here - there).mean() - error, (here - there).mean() + error]}
            result["peak_gib_of_ours"] = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, 2)
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
