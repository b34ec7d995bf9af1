"""The preparation on Pannier: `pannier run` in the embedded mode, of a spec that trains nothing.

The clock runs from the start of the process to its end: start-up, canonical order, digests and commits are all in it.
"""

import json
import subprocess
import sys
from pathlib import Path

from side import MIN_BASKETS, TABLES, Clock, arguments

ROOT = Path(__file__).resolve().parents[3]

SPEC = f'''
name = "prepare"

[source]
layout = "complete-journey"
path = "to be set"
max_reject_share = 0.02

[prepare]
min_item_baskets = {MIN_BASKETS}
profile = false

[split]
by = "last-basket"

[[table]]
name = "pairs"
sql = """
select count(*) as count,
  sum((cast(pair['center'] as bigint) * 31 + cast(pair['context'] as bigint) * 17) % 1000003) as checksum
from (select unnest(skipgram_pairs(items, 5)) as pair from baskets where split = 'train')
"""
key = ["count"]
sort = ["count"]
parts = 1
'''

CONFIG = """
[executor]
vcores = {threads}
memory = "{memory}GiB"
"""


def run(program, args):
    """Runs the spec with everything below `args.out`, so that no table is there already; gives its operators, added up."""
    spec, config = args.out / "spec.toml", args.out / "config.toml"
    spec.write_text(SPEC)
    config.write_text(CONFIG.format(threads=args.threads, memory=args.memory))
    command = [program, "run", spec, "--config", config, "--data", args.out / "pannier-data", "--json",
               "--set", f"source.path={args.data / 'transactions*.parquet'}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"pannier run ended with exit code {done.returncode}")
    return operators(done.stdout)


def operators(events):
    """What each operator of the engine cost in all steps together, the dearest first."""
    sums = {}
    for line in events.splitlines():
        event = json.loads(line)
        if event.get("event") != "operators":
            continue
        for operator in event["operators"]:
            of_name = sums.setdefault(operator["name"], dict.fromkeys(("seconds", "rows", "bytes", "spilled"), 0))
            for key in of_name:
                of_name[key] += operator[key]
    named = [{"name": name} | of_name for name, of_name in sums.items()]
    return sorted(named, key=lambda operator: -operator["seconds"])


def files_of(warehouse, table):
    """The Parquet files that the table's one manifest names."""
    manifests = sorted(warehouse.glob(f"tables/{table}/*/manifest.json"))
    if len(manifests) != 1:
        sys.exit(f"{len(manifests)} versions of the table {table} in {warehouse}, not one")
    return [warehouse / file["path"] for file in json.loads(manifests[0].read_text())["files"]]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "pannier", help="the built pannier")
    args = parser.parse_args()
    if not args.program.exists():
        sys.exit(f"{args.program} is not there: cargo build --release -p pannier, or --program")
    clock = Clock()
    with clock.step("run"):
        cost = run(args.program, args)
    warehouse = args.out / "pannier-data" / "warehouse"
    # Count and checksum stay in a table here: reading Parquet would cost this small process the memory of a library.
    tables = {name: files_of(warehouse, name) for name in (*TABLES, "pairs")}
    clock.report(tables, operators=cost)


if __name__ == "__main__":
    main()
