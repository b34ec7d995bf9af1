"""Whether the sides made the same tables: row counts and digests that depend neither on order nor on files.

A digest is the sum of a 64-bit hash of every row; ids are compared as numbers, whatever a side stores them as.
"""

import duckdb

# What is compared of each table; {time} stands for the basket's second, or the list of a user's.
ROWS = {
    "transactions": "user_id::bigint, basket_id::bigint, {time}, week::bigint, item_id::bigint, quantity::bigint, "
                    "(spend * 100)::bigint, store_id::bigint",
    "vocab": "item_idx::bigint, item_id::bigint, count::bigint",
    "baskets": "basket_id::bigint, user_id::bigint, {time}, split, items::bigint[]",
    "sequences": "user_id::bigint, baskets::bigint[][], {time}",
}


def seconds(connection, files):
    """SQL of `ordered_at` in whole seconds: Parquet knows no such timestamps, so Arrow writes them as integers."""
    described = connection.execute(f"select column_name, column_type from (describe from read_parquet({files}))")
    kind = dict(described.fetchall()).get("ordered_at", "")
    if not kind.startswith("TIMESTAMP"):
        return "ordered_at"
    return "[epoch(t)::bigint for t in ordered_at]" if kind.endswith("[]") else "epoch(ordered_at)::bigint"


def facts(tables, pairs, memory):
    """{table: (rows, digest)} of one side, and (count, checksum) of its pairs, from its table where it stored one."""
    connection = duckdb.connect(config={"memory_limit": f"{memory}GiB"})
    found = {}
    for table, columns in ROWS.items():
        row = columns.format(time=seconds(connection, tables[table]))
        sql = f"select count(*), sum(hash({row})) from read_parquet({tables[table]})"
        found[table] = connection.execute(sql).fetchone()
    if pairs is None:
        pairs = connection.execute(f'select "count", "checksum" from read_parquet({tables["pairs"]})').fetchone()
    found["pairs"] = tuple(map(int, pairs))
    return found


def differences(first, second):
    """What two sides disagree on, as lines of text; `first` and `second` are (name, facts)."""
    (one, ours), (other, theirs) = first, second
    differ = [table for table in ours if ours[table] != theirs[table]]
    return [f"{table}: {one} has {ours[table]}, {other} has {theirs[table]}" for table in differ]
