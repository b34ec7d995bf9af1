"""Peak memory of a process and all below it, as Linux counts it."""

import threading
from pathlib import Path

EVERY = 0.05  # seconds


def parents():
    """Parent of every process that is there now."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name stands in parentheses and may hold anything, spaces too.
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # ended meanwhile
    return found


def tree(root):
    """The process and all below it."""
    children = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, []))
    return found


def resident(pid):
    """Bytes resident now; 0 where the process has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Peak:
    """Watches a process tree while in its `with`; `bytes` is the most that it held at one time."""

    def __init__(self, root):
        self.root, self.bytes = root, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(EVERY):
            self.bytes = max(self.bytes, sum(map(resident, tree(self.root))))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
