"""The preparation on DuckDB, as fast as its SQL was found to allow.

Tried and slower here: `list(distinct … order by …)` and `list_distinct` for the baskets (a sorted list filtered
against its neighbour is twice as fast); a vocab by `count(distinct basket_id)` over the lines; `list(… order by …)`
for the sequences (sorting the rows first is faster, but then DuckDB promises no order); pairs by `lead`, by lambdas, by
`unnest` of the next five, or by a cross join with the distances.
"""

import duckdb

from side import MIN_BASKETS, TABLES, WINDOW, Clock, arguments, checksum_term, transactions

# `s` is a sorted list: what equals its neighbour goes.
DISTINCT = "list_filter(s, lambda x, i: i = 1 or s[i - 1] <> x)"

STAGING = """
copy (
  select household_id as user_id, basket_id, transaction_timestamp as ordered_at, week, product_id as item_id,
         quantity, sales_value::decimal(12, 2) as spend, store_id
  from read_parquet({transactions})
  semi join '{data}/products.parquet' using (product_id)
  where quantity > 0
) to '{out}/transactions' (format parquet, per_thread_output)
"""

# Gathered once, and read by split, vocab and baskets.
GATHER = f"""
create table basket_items as
select basket_id, user_id, ordered_at, {DISTINCT} as items
from (
  select basket_id, min(user_id) as user_id, min(ordered_at) as ordered_at, list_sort(list(item_id)) as s
  from '{{out}}/transactions/*.parquet'
  group by basket_id
)
"""

SPLIT = """
create table splits as
with ends as (
  select user_id, max(row(ordered_at, basket_id)) as last
  from basket_items
  group by user_id
  having count(*) > 1
)
select b.basket_id, b.user_id, b.ordered_at, case when e.user_id is null then 'train' else 'test' end as split
from basket_items b
left join ends e on b.user_id = e.user_id and e.last = row(b.ordered_at, b.basket_id)
"""

VOCAB = f"""
create table vocab as
with counts as (
  select item_id, count(*) as count
  from (
    select unnest(items) as item_id
    from basket_items
    anti join (from splits where split = 'test') using (basket_id)
  )
  group by item_id
  having count(*) >= {MIN_BASKETS}
)
select (1 + row_number() over (order by count desc, item_id))::uinteger as item_idx, item_id, count
from counts;
copy vocab to '{{out}}/vocab.parquet' (format parquet)
"""

BASKETS = f"""
create table baskets as
with encoded as (
  select basket_id, list_sort(list(coalesce(item_idx, 1::uinteger))) as s
  from (select basket_id, unnest(items) as item_id from basket_items)
  left join vocab using (item_id)
  group by basket_id
)
select basket_id, user_id, ordered_at, split, {DISTINCT} as items
from encoded join splits using (basket_id);
copy baskets to '{{out}}/baskets.parquet' (format parquet)
"""

SEQUENCES = """
copy (
  select user_id, [x.items for x in s] as baskets, [x.ordered_at for x in s] as ordered_at, len(s) as count
  from (
    select user_id, list_sort(list({{'ordered_at': ordered_at, 'basket_id': basket_id, 'items': items}})) as s
    from baskets
    group by user_id
  )
) to '{out}/sequences.parquet' (format parquet)
"""


def pairs_sql():
    """Pairs by distance: two slices of the list, side by side. Both directions of a pair come from one row."""
    apart = (
        f"select unnest(items[:len(items) - {d}]) as a, unnest(items[{d + 1}:]) as b from known where len(items) > {d}"
        for d in range(1, WINDOW + 1)
    )
    return f"""
    with known as materialized (
      select case when items[1] = 1 then items[2:] else items end as items from baskets where split = 'train'
    ),
    pairs as ({" union all ".join(apart)})
    select 2 * count(*), sum({checksum_term("a", "b")} + {checksum_term("b", "a")})::bigint from pairs
    """


def files_of(out, table):
    """A table is one file, or a folder of them where threads wrote their own."""
    return sorted((out / table).glob("*.parquet")) or [out / f"{table}.parquet"]


def main():
    args = arguments(__doc__).parse_args()
    connection = duckdb.connect(config={"threads": args.threads, "memory_limit": f"{args.memory}GiB",
                                        "temp_directory": str(args.out / "tmp"), "preserve_insertion_order": False})
    names = {"data": args.data, "out": args.out, "transactions": transactions(args.data)}
    clock = Clock()
    for step, sql in {"staging": STAGING, "gather": GATHER, "split": SPLIT, "vocab": VOCAB, "baskets": BASKETS,
                      "sequences": SEQUENCES}.items():
        with clock.step(step):
            connection.execute(sql.format(**names))
    with clock.step("pairs"):
        pairs = connection.execute(pairs_sql()).fetchone()
    clock.report({name: files_of(args.out, name) for name in TABLES}, pairs)


if __name__ == "__main__":
    main()
