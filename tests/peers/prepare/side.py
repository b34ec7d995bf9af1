"""What the sides' programs share: their arguments, their clock, and the one line of JSON they end with."""

import argparse
import json
import time
from contextlib import contextmanager
from pathlib import Path

# What all sides write; `agree.py` compares them.
TABLES = ("transactions", "vocab", "baskets", "sequences")
MIN_BASKETS = 5
WINDOW = 5


def arguments(doc):
    """Where to read, where to write, and what one side may use of the machine."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("data", type=Path, help="folder that data.py made")
    parser.add_argument("out", type=Path, help="empty folder for tables and temporary files")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, default=8, help="GiB")
    return parser


def transactions(data):
    """The input's transactions files: one, or several with numbers."""
    return sorted(str(path) for path in data.glob("transactions*.parquet"))


def checksum_term(center, context):
    """SQL of a pair's term of the checksum; the sum of all terms does not depend on the pairs' order."""
    center, context = (f"cast({name} as bigint)" for name in (center, context))
    return f"(({center} * 31 + {context} * 17) % 1000003)"


class Clock:
    """Seconds since its making, and of each step."""

    def __init__(self):
        self.began = time.perf_counter()
        self.steps = {}

    @contextmanager
    def step(self, name):
        began = time.perf_counter()
        yield
        self.steps[name] = round(time.perf_counter() - began, 3)

    def report(self, tables, pairs=None, operators=None):
        """Prints what bench.py reads: seconds, steps, files of each table, (count, checksum) of the pairs, costs."""
        seconds = round(time.perf_counter() - self.began, 3)
        files = {name: [str(path) for path in paths] for name, paths in tables.items()}
        print(json.dumps({"seconds": seconds, "steps": self.steps, "tables": files, "pairs": pairs,
                          "operators": operators}), flush=True)
