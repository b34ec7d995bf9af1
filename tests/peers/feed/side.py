"""What the sides' programs share: their arguments, their checks, and how they are asked for one epoch after another.

A program prints an empty line of JSON once it is ready. It then reads a line for each epoch wanted, and answers with
a line: rows, seconds and what agreement is judged by.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

FIRST_ITEM = 2  # below are PAD and UNK
TABLES = {"pairs": "train_baskets", "sequences": "sequences"}
COLUMNS = {"pairs": ["items"], "sequences": ["baskets", "train"]}


def arguments(doc):
    """What is read, and how; the same for all sides."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--transform", choices=TABLES, required=True)
    parser.add_argument("--work", type=Path, required=True, help="empty folder for temporary files")
    parser.add_argument("--batch-rows", type=int, default=1024)
    parser.add_argument("--window-rows", type=int, default=262_144)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", type=Path, help="the built pannier")
    return parser


def manifest(warehouse, transform):
    """The manifest of the largest version of the table that a transform reads."""
    found = warehouse.glob(f"tables/{TABLES[transform]}/*/manifest.json")
    largest = max((json.loads(path.read_text()) for path in found), key=lambda manifest: manifest["rows"], default=None)
    if largest is None:
        sys.exit(f"{warehouse} has no table {TABLES[transform]}: run a spec with a [[train]] first")
    return largest


def files(warehouse, transform):
    """Its Parquet files."""
    return [str(warehouse / file["path"]) for file in manifest(warehouse, transform)["files"]]


class Tally:
    """Counts an epoch's batches: none of the numbers depends on the order of rows."""

    def __init__(self):
        self.rows = self.baskets = self.digest_sum = 0

    def add(self, rows, baskets, *items):
        """A batch: rows that came out, baskets in it, and tensors whose items are summed."""
        self.rows += rows
        self.baskets += baskets
        self.digest_sum += sum(int(tensor.numpy().sum(dtype=np.int64)) for tensor in items)

    def batch(self, transform, batch):
        """A batch as the peers make it."""
        if transform == "pairs":
            (centers, _), baskets = batch
            self.add(len(centers), baskets, centers)
        else:
            items, basket_offsets, user_offsets = batch
            self.add(len(user_offsets) - 1, len(basket_offsets) - 1, items)


def serve(epoch):
    """Runs `epoch(number, tally)` for each line read, and prints what it came to."""
    torch.set_num_threads(1)
    print("{}", flush=True)
    for number, _ in enumerate(sys.stdin):
        tally = Tally()
        began = time.perf_counter()
        epoch(number, tally)
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, **vars(tally)}), flush=True)


def serve_batches(batches, transform):
    """As `serve`: all batches of a loader are an epoch."""
    def epoch(_, tally):
        for batch in batches:
            tally.batch(transform, batch)

    serve(epoch)
