"""ALS against Spark's: RMSE of ratings held out (ALS-WR), and seconds per iteration of either feedback.

RMSE is of the ratings that Spark's wheel carries (sample_movielens_ratings.txt, 30 users and 100 items), a fifth
held out in each of several splits; seconds are of made ratings. Both sides get the same ratings, rank, iterations
and regularisation, which both count once for each rating of a row, and both run on two threads. Spark's iteration
is what more iterations cost, divided by how many more, so that neither its start nor its blocks count.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

import numpy as np  # noqa: E402
import pyspark  # noqa: E402
from pyspark.ml.recommendation import ALS  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

RATINGS = Path(pyspark.__file__).parent / "data/mllib/als/sample_movielens_ratings.txt"


def sample():
    """Users, items and ratings of Spark's sample."""
    lines = [line.split("::") for line in RATINGS.read_text().split()]
    return tuple(np.array([line[at] for line in lines], kind) for at, kind in ((0, "<u4"), (1, "<u4"), (2, "<f4")))


def made(ratings, seed=1):
    """Ratings 1 to 5 of a matrix of rank 8 and noise, forty to a user, items by a power law."""
    random = np.random.default_rng(seed)
    users, items = ratings // 40, ratings // 300
    rows, columns = np.repeat(np.arange(users), 40), (items * random.random(users * 40) ** 2).astype(np.int64)
    both = np.unique(rows * items + columns)
    rows, columns = both // items, both % items
    x, y = random.normal(size=(users, 8)), random.normal(size=(items, 8))
    score = 3 + 0.4 * np.einsum("ij,ij->i", x[rows], y[columns]) + 0.5 * random.normal(size=len(rows))
    return rows.astype("<u4"), columns.astype("<u4"), np.clip(score, 1, 5).astype("<f4")


def ours(args, data, rank, iterations, feedback="explicit"):
    """Factors of users and items, and seconds of each iteration."""
    users, items, ratings = data
    entries = np.empty(len(users), dtype=[("user", "<u4"), ("item", "<u4"), ("rating", "<f4")])
    entries["user"], entries["item"], entries["rating"] = users, items, ratings
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "entries"
        path.write_bytes(np.array([users.max() + 1, items.max() + 1], "<u4").tobytes() + entries.tobytes())
        solver = args.solver if feedback == "explicit" else "conjugate"
        command = [args.program, path, rank, "--feedback", feedback, "--regularization", args.regularization,
                   "--alpha", 1.0, "--solver", solver, "--iterations", iterations, "--threads", args.threads, "--out", folder]
        out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
        factors = [np.fromfile(Path(folder) / f"{side}.f32", "<f4").reshape(-1, rank) for side in ("users", "items")]
    return *factors, [json.loads(line)["seconds"] for line in out.splitlines()]


def theirs(args, frame, rank, iterations, seed, feedback="explicit"):
    """The fitted model, and its seconds."""
    als = ALS(rank=rank, maxIter=iterations, regParam=args.regularization, userCol="user", itemCol="item",
              ratingCol="rating", seed=seed, implicitPrefs=feedback == "implicit", alpha=1.0, numUserBlocks=args.threads,
              numItemBlocks=args.threads, coldStartStrategy="drop")
    began = time.perf_counter()
    model = als.fit(frame)
    return model, time.perf_counter() - began


def frame_of(spark, args, data):
    """The ratings, in memory."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        np.savetxt(file, np.stack(data, 1), fmt=["%d", "%d", "%.6f"], delimiter=",")
        file.flush()
        frame = spark.read.csv(file.name, schema="user int, item int, rating float")
        frame = frame.repartition(args.threads).cache()
        frame.count()
    return frame


def quality(spark, args):
    """RMSE of what is held out on both sides, over splits."""
    data, errors = sample(), {"pannier": [], "spark": []}
    for split in range(args.splits):
        held = np.random.default_rng(split).random(len(data[0])) < 0.2
        train, test = (tuple(column[rows] for column in data) for rows in (~held, held))
        known = np.isin(test[0], train[0]) & np.isin(test[1], train[1])
        test = tuple(column[known] for column in test)
        x, y, _ = ours(args, train, 10, args.iterations)
        errors["pannier"].append(np.mean((np.einsum("ij,ij->i", x[test[0]], y[test[1]]) - test[2]) ** 2) ** 0.5)
        model, _ = theirs(args, frame_of(spark, args, train), 10, args.iterations, split)
        predicted = model.transform(frame_of(spark, args, test)).select("rating", "prediction").collect()
        assert len(predicted) == len(test[0])
        errors["spark"].append(np.mean([(row.prediction - row.rating) ** 2 for row in predicted]) ** 0.5)
    means = {side: float(np.mean(of)) for side, of in errors.items()}
    return {"ratings": len(data[0]), "splits": args.splits, "rank": 10, "rmse": means,
            "spread": {side: float(np.std(of)) for side, of in errors.items()},
            "ratio": means["pannier"] / means["spark"]}


def speed(spark, args, factors, feedback):
    """Seconds per iteration on both sides."""
    data, times = made(args.made), {"pannier": [], "spark": []}
    frame = frame_of(spark, args, data)
    theirs(args, frame, factors, 1, 0, feedback)
    for seed in range(args.rounds):
        times["pannier"] += ours(args, data, factors, 6, feedback)[2][1:]
        few, many = (theirs(args, frame, factors, iterations, seed, feedback)[1] for iterations in (1, 1 + args.more))
        times["spark"].append((many - few) / args.more)
    medians = {side: float(np.median(of)) for side, of in times.items()}
    return {"ratings": len(data[0]), "feedback": feedback, "factors": factors, "seconds_per_iteration": medians,
            "faster": medians["spark"] / medians["pannier"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--regularization", type=float, default=0.1)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--made", type=int, default=1_000_000, help="made ratings")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 256], help="of the made ratings")
    parser.add_argument("--feedback", nargs="+", default=["implicit", "explicit"], choices=["implicit", "explicit"])
    parser.add_argument("--more", type=int, default=5, help="iterations whose cost is one side's of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--solver", default="cholesky", choices=["conjugate", "cholesky", "blocks"], help="ours")
    parser.add_argument("--program", type=Path, required=True, help="the built example als_speed")
    args = parser.parse_args()
    args.program = args.program.resolve()
    builder = SparkSession.builder.master(f"local[{args.threads}]").appName("als")
    for key, value in {"spark.driver.memory": "3g", "spark.ui.enabled": "false", "spark.log.level": "ERROR",
                       "spark.ui.showConsoleProgress": "false", "spark.sql.shuffle.partitions": "4"}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    print(json.dumps(quality(spark, args)), flush=True)
    for feedback in args.feedback:
        for factors in args.factors:
            print(json.dumps(speed(spark, args, factors, feedback)), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
