"""What this machine can move: bytes per second through memory, to disk and from it; and operators held against that.

An operator's bytes are the engine's own count: those of the batches that came out of it. Batches that are slices of one
array count the whole array each time, so an aggregate that emits large groups seems to move more than it does.
"""

import os
import tempfile
import time

BLOCK = 1 << 24  # larger than a core's caches
TOTAL = 1 << 30


def memory_speed():
    """Bytes per second that one core copies from memory to memory; the best of some tries."""
    source, best = bytearray(os.urandom(BLOCK)), 0.0
    target = bytearray(BLOCK)
    for _ in range(20):
        began = time.perf_counter()
        target[:] = source
        best = max(best, BLOCK / (time.perf_counter() - began))
    return best


def disk_speed(folder):
    """Bytes per second written to a file in `folder` until they are on the disk, and read back with an empty cache."""
    block = os.urandom(BLOCK)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        for _ in range(TOTAL // BLOCK):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        written = TOTAL / (time.perf_counter() - began)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        began = time.perf_counter()
        while file.read(BLOCK):
            pass
        return written, TOTAL / (time.perf_counter() - began)


def show(operators, wall, threads, folder):
    """Prints what Pannier's operators were busy with, and the least time that their bytes would take."""
    memory, (write, read) = memory_speed(), disk_speed(folder)
    print(f"\nlimits: one core copies {memory / 1e9:.1f} GB/s in memory; the disk takes {write / 1e9:.2f} GB/s and gives "
          f"{read / 1e9:.2f} GB/s")
    print("| operator | busy, s | rows out | bytes out | MB/s | least, s | of the limit |\n|---|---|---|---|---|---|---|")
    busy = 0.0
    for operator in operators:
        seconds, size = operator["seconds"], operator["bytes"]
        busy += seconds
        if seconds < 0.05:
            continue
        # What is written to the warehouse goes to the disk; all else is at least copied once.
        least = size / (write if operator["name"] == "WriteTable" else memory)
        print(f"| {operator['name']} | {seconds:.2f} | {operator['rows']:,} | {size:,} | {size / seconds / 1e6:,.0f} | {least:.2f} "
              f"| {100 * least / seconds:.0f} % |")
    print(f"operators were busy for {busy:.1f} s of {threads} times {wall:.1f} s: {100 * busy / (threads * wall):.0f} %; the rest is "
          "start, planning, commits, checks of files and waiting")
