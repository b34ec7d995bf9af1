"""A whole run with very many users: staged, trained by ALS, judged and published, in one process.

    python many_users.py --pannier target/release/pannier [--users 10000000] [--factors 64] [--folder many-users]

Writes transactions of three lines a user (30,000 items by Zipf's law) as Parquet into the folder, runs
Pannier on them and prints how long every step took, and the most memory that the process held.
"""

import argparse
import pathlib
import resource
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ITEMS, LINES, CHUNK = 30_000, 3, 500_000
DAY, BEGIN = 86_400, 1_700_000_000
SPEC = """name = "many-users"
seed = 1
[source]
layout = "transactions"
path = "transactions.parquet"
[source.columns]
user_id = "user"
item_id = "item"
basket_id = "basket"
ordered_at = "at"
[prepare]
profile = false
[split]
by = "last-basket"
[[train]]
name = "factors"
model = "als"
params = {{ factors = {factors}, iterations = {iterations} }}
[[baseline]]
model = "popularity"
"""


def write(path: pathlib.Path, users: int) -> None:
    rng = np.random.default_rng(1)
    shares = 1 / np.arange(1, ITEMS + 1) ** 0.8
    below = np.cumsum(shares / shares.sum())
    writer = None
    for first in range(0, users, CHUNK):
        count = min(CHUNK, users - first)
        lines = LINES * count
        days = rng.integers(0, 200, lines)
        table = pa.table(
            {
                "user": np.repeat(np.arange(first, first + count), LINES),
                "item": np.minimum(np.searchsorted(below, rng.random(lines)), ITEMS - 1),
                "basket": np.arange(LINES * first, LINES * first + lines),
                "at": (days * DAY + BEGIN).astype("datetime64[s]"),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pannier", required=True, type=pathlib.Path)
    parser.add_argument("--users", type=int, default=10_000_000)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("many-users"))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    write(args.folder / "transactions.parquet", args.users)
    (args.folder / "spec.toml").write_text(SPEC.format(factors=args.factors, iterations=args.iterations))
    command = [args.pannier.resolve(), "run", "spec.toml", "--data", "data"]
    subprocess.run(command, cwd=args.folder, check=True)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"most memory of the process: {most / 2**20:.1f} GiB")


if __name__ == "__main__":
    main()
