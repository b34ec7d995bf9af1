"""What this machine can do at most, for a benchmark to hold its numbers against: multiply, and move bytes."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def together(work, threads):
    """Seconds that `threads` threads take for a piece of work each; the best of five tries."""
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            began = time.perf_counter()
            list(pool.map(lambda one: one(), work))
            best = min(best, time.perf_counter() - began)
    return best


def gemm(threads=2, n=1024):
    """FLOP/s of products of f32 matrices in the BLAS of numpy, a product for each thread at a time: give the BLAS itself
    one thread (OPENBLAS_NUM_THREADS=1), or all of them meet in each product."""
    def of(seed):
        a, b = (np.random.default_rng(seed + i).random((n, n), np.float32) for i in (0, 100))
        out = np.empty_like(a)
        return lambda: [np.matmul(a, b, out) for _ in range(4)]
    return threads * 4 * 2 * n**3 / together([of(seed) for seed in range(threads)], threads)


def memory(threads=2, size=1 << 28):
    """Bytes per second that threads read from memory, a quarter of a gigabyte each."""
    def of(_):
        block = np.ones(size // 8)
        return block.sum
    return threads * size / together([of(i) for i in range(threads)], threads)


def against(seconds, flops, moved, limits):
    """What was done in so many seconds, and its shares of the machine's limits: (FLOP/s, bytes/s)."""
    return {"gflop_per_s": round(flops / seconds / 1e9, 1), "of_gemm": round(flops / seconds / limits[0], 3),
            "gb_per_s": round(moved / seconds / 1e9, 1), "of_memory": round(moved / seconds / limits[1], 3)}
