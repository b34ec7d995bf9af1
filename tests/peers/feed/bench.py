"""The feed against PyTorch's DataLoader and MosaicML's StreamingDataset: rows per second of a shuffled epoch.

Every side reads the same table of a warehouse with the same batch size and two workers, and makes the same rows of it.
Sides alternate, and every round starts with another. Prints a line of JSON for each epoch, then tables of medians, then
one JSON object. Exits with 1 where a side's rows are not the table's.
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

import numpy as np
import pyarrow.parquet as pq
import ragged
from side import COLUMNS, TABLES, files

HERE = Path(__file__).resolve().parent
RELEASE = HERE.parents[2] / "target" / "release"
PROGRAMS = {"flight": "flight.py", "dataloader": "loader.py", "mosaic": "mosaic.py"}
SIDES = ["pannier", *PROGRAMS]  # `pannier` comes first: it defines the feed that `flight` reads
SHORTEST = 1.0  # seconds that a side reads in a round: shorter epochs are read several times
CHECKED = ("rows", "baskets", "digest_sum")


def reader(args, transform):
    """The command line of the Rust reader: prints a line of JSON for each epoch it read."""
    return [args.reader, "peer", "--warehouse", args.warehouse, "--transform", transform]


class Reader:
    """The side `pannier`: executor's service and Rust reader in one process, over loopback, anew for each round."""

    def __init__(self, transform, args):
        self.command = reader(args, transform)
        self.epoch()

    def epoch(self):
        done = subprocess.run(self.command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"{self.command[0]} ended with exit code {done.returncode}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        epochs = [line for line in lines if line.get("side") == "pannier"]
        return epochs[-1] | {"seconds": statistics.median(line["seconds"] for line in epochs)}

    def close(self):
        pass


class Program:
    """Another side: a process that reads an epoch each time it is asked, so that starting it is not counted."""

    def __init__(self, side, transform, args):
        self.side, self.work = side, Path(tempfile.mkdtemp(prefix=f"feed-{side}-", dir=args.work))
        command = [sys.executable, HERE / PROGRAMS[side], "--warehouse", args.warehouse, "--transform", transform,
                   "--work", self.work, "--batch-rows", args.batch_rows, "--window-rows", args.window_rows,
                   "--workers", args.workers, "--program", args.program]
        self.process = subprocess.Popen(map(str, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()
        self.epoch()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.side} ended with exit code {self.process.wait()}")
        return json.loads(line)

    def epoch(self):
        """The median of as many epochs as fill `SHORTEST`."""
        answers = []
        while sum(answer["seconds"] for answer in answers) < SHORTEST:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            answers.append(self.answer())
        return answers[-1] | {"seconds": statistics.median(answer["seconds"] for answer in answers)}

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.work, ignore_errors=True)


def truth(warehouse, transform):
    """What every side must come to, from the table itself: rows, baskets and the sum of items."""
    found = dict.fromkeys(CHECKED, 0)
    for path in files(warehouse, transform):
        for batch in pq.ParquetFile(path).iter_batches(columns=COLUMNS[transform]):
            if transform == "pairs":
                items, lengths = ragged.known(*ragged.baskets(batch["items"]))
                others = np.repeat(lengths - 1, lengths).astype(np.int64)
                rows, baskets, total = others.sum(), len(lengths), (items * others).sum()
            else:
                items, lengths, counts = ragged.sequences(batch["baskets"])
                items, baskets, users = ragged.trained(items, lengths, counts, batch["train"].to_numpy())
                rows, baskets, total = len(users) - 1, len(baskets) - 1, items.sum(dtype=np.int64)
            for name, value in zip(CHECKED, (rows, baskets, total)):
                found[name] += int(value)
    return found


def differences(found, expected):
    """What a side came to that the table does not say. The Rust reader does not count baskets."""
    wrong = [name for name in CHECKED if name in found and found[name] != expected[name]]
    return [f"{name} {found[name]} instead of {expected[name]}" for name in wrong]


def rounds(transform, sides, args):
    """All rounds of one transform: ({side: seconds of each}, expected facts, lines on what does not agree)."""
    expected, running, seconds, wrong = truth(args.warehouse, transform), {}, {side: [] for side in sides}, []
    try:
        for side in sides:
            running[side] = Program(side, transform, args) if side in PROGRAMS else Reader(transform, args)
        for number in range(args.rounds):
            turn = number % len(sides)
            for side in sides[turn:] + sides[:turn]:
                found = running[side].epoch()
                seconds[side].append(found["seconds"])
                wrong += [f"{transform}, {side}: {line}" for line in differences(found, expected)]
                facts = {name: found.get(name) for name in CHECKED}
                print(json.dumps({"side": side, "feed": transform, "round": number + 1, **facts,
                                  "seconds": round(found["seconds"], 4),
                                  "rows_per_second": round(found["rows"] / found["seconds"])}), flush=True)
    finally:
        for program in running.values():
            program.close()
    return seconds, expected, wrong


def summary(seconds, rows):
    """{side: medians over the rounds}; `pannier` and `flight` as multiples of a side are medians of a round's ratios."""
    found = {}
    for side, of_side in seconds.items():
        found[side] = {"seconds": statistics.median(of_side), "rows_per_second": rows / statistics.median(of_side)}
        for ours in ("pannier", "flight"):
            if ours in seconds:
                ratios = [theirs / own for theirs, own in zip(of_side, seconds[ours])]
                found[side][f"{ours}_ratio"] = round(statistics.median(ratios), 2)
    return found


def show(transform, found, expected):
    print(f"\n| {transform}: {expected['rows']:,} rows of {expected['baskets']:,} baskets | seconds | rows a second "
          "| pannier is so many times as fast | flight is |\n|---|---|---|---|---|")
    for side, of_side in found.items():
        ratios = [of_side.get(f"{ours}_ratio", "") for ours in ("pannier", "flight")]
        print(f"| {side} | {of_side['seconds']:.3f} | {of_side['rows_per_second']:,.0f} | {ratios[0]} | {ratios[1]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True, help="a warehouse in which a run fitted a model")
    parser.add_argument("--transform", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--only", nargs="+", choices=SIDES, default=SIDES, help="sides to run")
    parser.add_argument("--rounds", type=int, default=5, help="after one that is not counted")
    parser.add_argument("--batch-rows", type=int, default=1024)
    parser.add_argument("--window-rows", type=int, default=262_144)
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the peers, feed threads of ours")
    parser.add_argument("--threads", type=int, default=2, help="processors of every side")
    parser.add_argument("--program", type=Path, default=RELEASE / "pannier", help="the built pannier")
    parser.add_argument("--reader", type=Path, default=RELEASE / "examples" / "feed_bench", help="the built Rust reader")
    parser.add_argument("--work", type=Path, help="where temporary files go; default: a temporary folder")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:args.threads])
    sides, medians, wrong = [side for side in SIDES if side in args.only], {}, []
    for transform in args.transform:
        seconds, expected, differ = rounds(transform, sides, args)
        medians[transform] = summary(seconds, expected["rows"])
        wrong += differ
        show(transform, medians[transform], expected)
    print("\nsides disagree:\n" + "\n".join(wrong) if wrong else f"\nall of {', '.join(sides)} read what the tables hold")
    print(json.dumps({"medians": medians, "threads": args.threads, "rounds": args.rounds, "load": os.getloadavg()[0]}))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
