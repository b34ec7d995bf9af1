"""MosaicML's StreamingDataset over MDS files written from the same rows, with its own shuffle.

Writing is not counted. A sample is a row; a batch is made of samples in the collate function.
"""

import numpy as np
import pyarrow.parquet as pq
import ragged
import torch
from side import COLUMNS, arguments, files, serve_batches
from streaming import MDSWriter, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torch.utils.data import DataLoader

KINDS = {"pairs": {"items": "ndarray:int32"},
         "sequences": {"items": "ndarray:int32", "lengths": "ndarray:int32", "train": "int"}}


def cut(array, lengths):
    """The pieces of these lengths that an array consists of."""
    return np.split(array, np.cumsum(lengths)[:-1])


def samples(args):
    for path in files(args.warehouse, args.transform):
        for batch in pq.ParquetFile(path).iter_batches(columns=COLUMNS[args.transform]):
            if args.transform == "pairs":
                for items in cut(*ragged.baskets(batch["items"])):
                    yield {"items": items}
            else:
                items, lengths, counts = ragged.sequences(batch["baskets"])
                lengths = cut(lengths, counts)
                rows = zip(cut(items, [row.sum() for row in lengths]), lengths, batch["train"].to_pylist())
                for items, row, train in rows:
                    yield {"items": items, "lengths": row, "train": train}


def joined(rows, name):
    """A column of all rows, one behind the other, and its length in each row."""
    parts = [row[name] for row in rows]
    return np.concatenate(parts), np.fromiter(map(len, parts), np.int32, len(parts))


def pairs(rows):
    return torch.from_numpy(ragged.pairs(*joined(rows, "items"))), len(rows)


def sequences(rows):
    items, _ = joined(rows, "items")
    lengths, counts = joined(rows, "lengths")
    train = np.fromiter((row["train"] for row in rows), np.int64, len(rows))
    return tuple(map(torch.from_numpy, ragged.trained(items, lengths, counts, train)))


def main():
    args = arguments(__doc__).parse_args()
    folder = str(args.work / "mds")
    with MDSWriter(out=folder, columns=KINDS[args.transform]) as writer:
        for sample in samples(args):
            writer.write(sample)
    clean_stale_shared_memory()
    torch.multiprocessing.set_sharing_strategy("file_system")
    rows = StreamingDataset(local=folder, batch_size=args.batch_rows, shuffle=True, shuffle_seed=args.seed)
    collate = pairs if args.transform == "pairs" else sequences
    loader = DataLoader(rows, batch_size=args.batch_rows, num_workers=args.workers, persistent_workers=True,
                        collate_fn=collate)
    serve_batches(loader, args.transform)


if __name__ == "__main__":
    main()
