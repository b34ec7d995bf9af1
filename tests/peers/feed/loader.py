"""PyTorch's DataLoader over the table's Parquet files, shuffled as the feed shuffles.

Row groups are permuted and dealt to the workers; a worker reads row groups until it holds a window, shuffles the
window's rows and cuts batches. What is left of a window begins the next batch.

Tried here and slower: sharing tensors by file descriptors, as PyTorch does by default (.8 of the speed); more batches
prefetched, and pairs written straight into shared memory, made no difference.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ragged
import torch
from side import COLUMNS, arguments, files, serve_batches
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


class Baskets(IterableDataset):
    """A new epoch each time it is iterated; workers persist and count alike."""

    def __init__(self, args):
        self.args, self.epoch = args, 0
        self.columns = COLUMNS[args.transform]
        self.files = files(args.warehouse, args.transform)
        self.groups = [(path, group) for path in self.files for group in range(pq.read_metadata(path).num_row_groups)]

    def windows(self, groups, random):
        """Shuffled rows of so many row groups as make a window, until the row groups end."""
        opened = {path: pq.ParquetFile(path) for path, _ in groups}
        read, rows = [], 0
        for number, (path, group) in enumerate(groups, 1):
            table = opened[path].read_row_group(group, columns=self.columns, use_threads=False)
            read += table.to_batches()
            rows += len(table)
            if rows >= self.args.window_rows or number == len(groups):
                yield pa.concat_batches(read).take(pa.array(random.permutation(rows)))
                read, rows = [], 0

    def batches(self, groups, random):
        size, rest = self.args.batch_rows, None
        for window in self.windows(groups, random):
            window = pa.concat_batches([rest, window]) if rest else window
            whole = len(window) - len(window) % size
            for start in range(0, whole, size):
                yield window.slice(start, size)
            rest = window.slice(whole)
        if rest:
            yield rest

    def __iter__(self):
        worker = get_worker_info()
        place, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        key = [self.args.seed, self.epoch]
        self.epoch += 1
        order = np.random.default_rng(key).permutation(len(self.groups))
        mine = [self.groups[group] for group in order[place::workers]]
        for batch in self.batches(mine, np.random.default_rng([*key, place])):
            if self.args.transform == "pairs":
                yield torch.from_numpy(ragged.pairs(*ragged.baskets(batch["items"]))), len(batch)
            else:
                parts = ragged.trained(*ragged.sequences(batch["baskets"]), batch["train"].to_numpy())
                yield tuple(map(torch.from_numpy, parts))


def main():
    args = arguments(__doc__).parse_args()
    torch.multiprocessing.set_sharing_strategy("file_system")
    loader = DataLoader(Baskets(args), batch_size=None, num_workers=args.workers, persistent_workers=args.workers > 0)
    serve_batches(loader, args.transform)


if __name__ == "__main__":
    main()
