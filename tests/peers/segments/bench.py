"""k-means against scikit-learn's KMeans: seconds in turns, and the inertia that either finds.

Both sides get the same vectors, number of segments, starts from greedy k-means++ and iterations at most, and
two threads. Seconds are of making centres from vectors in memory; neither reading nor starting counts.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

THREADS = int(os.environ.get("THREADS", "2"))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)

import numpy as np  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

warnings.simplefilter("ignore", ConvergenceWarning)


def made(rows, dim, apart, seed=1):
    """Vectors of forty groups of unequal size, unit noise around centres `apart` wide."""
    random = np.random.default_rng(seed)
    centres = apart * random.normal(size=(40, dim))
    group = random.choice(40, rows, p=random.dirichlet(np.ones(40)))
    return (centres[group] + random.normal(size=(rows, dim))).astype("<f4")


def ours(args, path, vectors, segments, seed):
    """Seconds, inertia and iterations of the best start."""
    command = [args.program, path, vectors.shape[1], segments, "--starts", args.starts, "--iterations", args.iterations,
               "--tolerance", args.tolerance, "--threads", THREADS, "--seed", seed]
    out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
    result = json.loads(out)
    return result["seconds"], result["inertia"], result["iterations"]


def theirs(args, vectors, segments, seed):
    """The same of scikit-learn."""
    model = KMeans(segments, n_init=args.starts, max_iter=args.iterations, tol=args.tolerance, random_state=seed)
    began = time.perf_counter()
    model.fit(vectors)
    return time.perf_counter() - began, float(model.inertia_), int(model.n_iter_)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[5_000, 100_000])
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--apart", type=float, nargs="*", default=[0.6], help="0 is no groups at all")
    parser.add_argument("--vectors", type=Path, help="a file of f32 [rows, --dim] instead of made vectors")
    parser.add_argument("--segments", type=int, nargs="+", default=[8, 20, 100])
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", type=Path, required=True, help="the built example segments_speed")
    args = parser.parse_args()
    inputs = {f"made {rows} {apart}": made(rows, args.dim, apart) for rows in args.rows for apart in args.apart}
    if args.vectors:
        inputs = {args.vectors.name: np.fromfile(args.vectors, "<f4").reshape(-1, args.dim)}
    for name, vectors in inputs.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vectors"
            path.write_bytes(vectors.tobytes())
            for segments in args.segments:
                runs = {"pannier": [], "scikit-learn": []}
                for seed in range(args.rounds):
                    runs["pannier"].append(ours(args, path, vectors, segments, seed))
                    runs["scikit-learn"].append(theirs(args, vectors, segments, seed))
                medians = {side: np.median(np.array(of), axis=0).tolist() for side, of in runs.items()}
                seconds = {side: median[0] for side, median in medians.items()}
                print(json.dumps({
                    "input": name, "rows": len(vectors), "dim": vectors.shape[1], "segments": segments,
                    "starts": args.starts, "seconds": seconds,
                    "faster": seconds["scikit-learn"] / seconds["pannier"],
                    "least_seconds": {side: min(run[0] for run in of) for side, of in runs.items()},
                    "inertia": {side: median[1] for side, median in medians.items()},
                    "iterations": {side: median[2] for side, median in medians.items()},
                }), flush=True)


if __name__ == "__main__":
    main()
