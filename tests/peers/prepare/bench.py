"""The same preparation with Pannier, PySpark and DuckDB: times, peak memory, ratios, and whether the tables agree.

Each side is a process of its own with the same processors and the same memory, sides alternate, and every
round starts with another one. Prints a line for each run, then tables of medians, then one JSON object.
Exits with 1 where sides disagree; missed bars are printed and change nothing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import limits
from agree import differences, facts
from memory import Peak

HERE = Path(__file__).resolve().parent
SIDES = {"pannier": "pannier_prepare.py", "pyspark": "spark.py", "duckdb": "duckdb_prepare.py"}
# What Pannier is held to: so many times as fast as each peer, at k = 10, on 2 processors.
BARS = {"pyspark": 10.0, "duckdb": 1.5}
BARS_AT = 10
# What a line may cost at the largest k, in time and in memory, as a multiple of what it costs at the smallest.
GROWTH = 1.3
GIB = 1 << 30
LOG_SHOWN = 4000  # characters of a failed side's log


def pin(threads):
    """Keeps this process and its children to so many processors: a side's helper threads get no more than another's."""
    allowed = sorted(os.sched_getaffinity(0))[:threads]
    if len(allowed) < threads:
        sys.exit(f"{len(allowed)} processors are here, and --threads asks for {threads}")
    os.sched_setaffinity(0, allowed)


def warm(data):
    """Reads the input once, so that the first side does not pay the disk for the others."""
    for path in data.glob("*.parquet"):
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


def run(side, data, out, args):
    """Runs one side in its own process: its report, with its peak memory in bytes."""
    command = [sys.executable, HERE / SIDES[side], data, out, "--threads", str(args.threads), "--memory", str(args.memory)]
    if side == "pannier" and args.program:
        command += ["--program", args.program]
    with open(out / "stderr.txt", "w+") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as child, Peak(child.pid) as peak:
            printed = child.stdout.read()
        if child.returncode:
            log.seek(0)
            sys.exit(f"{side} ended with exit code {child.returncode}:\n{log.read()[-LOG_SHOWN:]}")
    return json.loads(printed.splitlines()[-1]) | {"memory": peak.bytes}


def one(side, data, args):
    """Runs one side with a fresh folder: (report, facts of its tables)."""
    out = Path(tempfile.mkdtemp(prefix=f"prepare-{side}-", dir=args.work))
    try:
        report = run(side, data, out, args)
        return report, facts(report["tables"], report["pairs"], args.memory)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def rounds(k, sides, args):
    """All rounds at one k: ({side: reports}, lines of text on what does not agree)."""
    data = args.data / f"cj-k{k}"
    if not (data / "products.parquet").exists():
        sys.exit(f"{data} is not there: python data.py SOURCE {data} --k {k}")
    reports, wrong, reference = {side: [] for side in sides}, [], None
    for number in range(args.rounds):
        warm(data)
        turn = number % len(sides)
        for side in sides[turn:] + sides[:turn]:
            report, found = one(side, data, args)
            reports[side].append(report)
            reference = reference or (side, found)
            differ = differences(reference, (side, found))
            wrong += differ
            steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in report["steps"].items())
            print(f"k={k} round {number + 1} {side}: {report['seconds']:.1f} s, {report['memory'] / GIB:.2f} GiB ({steps}); "
                  + ("; ".join(differ) or "agrees"), flush=True)
    print(f"k={k} rows: " + ", ".join(f"{table} {rows}" for table, (rows, _) in reference[1].items())
          + f"; checksum of the pairs {reference[1]['pairs'][1]}")
    return reports, wrong


def summary(reports):
    """{side: medians over the rounds}; Pannier's ratios are medians of ratios within a round."""
    found = {}
    for side, of_side in reports.items():
        found[side] = {key: statistics.median(r[key] for r in of_side) for key in ("seconds", "memory")}
        if "pannier" in reports:
            pairs = zip(of_side, reports["pannier"])
            found[side]["ratio"] = round(statistics.median(r["seconds"] / ours["seconds"] for r, ours in pairs), 2)
    return found


def show(k, found):
    """Prints the table of one k, and each bar with what was measured."""
    print(f"\n| k = {k} | seconds | peak memory, GiB | times Pannier's seconds |\n|---|---|---|---|")
    for side, of_side in found.items():
        print(f"| {side} | {of_side['seconds']:.1f} | {of_side['memory'] / GIB:.2f} | {of_side.get('ratio', '')} |")
    for side, bar in BARS.items():
        if "pannier" in found and side in found:
            ratio = found[side]["ratio"]
            verdict = "met" if ratio >= bar else "missed"
            note = "" if k == BARS_AT else f" (the bar is for k = {BARS_AT})"
            print(f"at least {bar:g} times as fast as {side}: {ratio:.2f} times, {verdict}{note}")


def grow(medians):
    """Prints how each side's seconds and memory per line grow from the smallest k to the largest."""
    small, large = min(medians), max(medians)
    for side in medians[small]:
        for key in ("seconds", "memory"):
            growth = (medians[large][side][key] / large) / (medians[small][side][key] / small)
            verdict = ("met" if growth <= GROWTH else "missed") if side == "pannier" else "no bar"
            print(f"{side}: {key} per line at k = {large} over k = {small}: {growth:.2f} (at most {GROWTH:g}: {verdict})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with data.py's folders cj-k1, cj-k10, …")
    parser.add_argument("--k", type=int, nargs="+", default=[10], help="copies; several also show the growth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SIDES, default=list(SIDES), help="sides to run")
    parser.add_argument("--threads", type=int, default=2, help="processors of every side")
    parser.add_argument("--memory", type=int, default=8, help="GiB: Spark's heap, DuckDB's limit, Pannier's pool")
    parser.add_argument("--program", type=Path, help="the built pannier, if not target/release/pannier")
    parser.add_argument("--work", type=Path, help="where tables go until they are compared; default: a temporary folder")
    args = parser.parse_args()
    pin(args.threads)
    medians, wrong = {}, []
    for k in args.k:
        reports, differ = rounds(k, args.only, args)
        wrong += differ
        medians[k] = summary(reports)
        show(k, medians[k])
        if "pannier" in reports:
            last = reports["pannier"][-1]
            limits.show(last["operators"], last["seconds"], args.threads, args.work)
    if len(args.k) > 1:
        grow(medians)
    print("\nthe sides disagree:\n" + "\n".join(wrong) if wrong else f"\nall of {', '.join(args.only)} agree")
    print(json.dumps({"medians": medians, "threads": args.threads, "rounds": args.rounds, "load": os.getloadavg()[0]}))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
