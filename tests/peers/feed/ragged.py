"""Baskets and sequences as flat arrays, and what the transforms make of them: the same numpy for all peers."""

from functools import lru_cache

import numpy as np
from side import FIRST_ITEM


def offsets(lengths):
    """Where lists of these lengths begin and end, one behind the other."""
    return np.concatenate((np.zeros(1, np.int32), np.cumsum(lengths, dtype=np.int32)))


def baskets(column):
    """Items (int32) and lengths of a `list<uint32>` column."""
    bounds = column.offsets.to_numpy()
    return column.values.to_numpy()[bounds[0]:bounds[-1]].view(np.int32), np.diff(bounds)


def sequences(column):
    """Items (int32), lengths of the baskets and number of baskets of each row of a `list<list<uint32>>` column."""
    bounds = column.offsets.to_numpy()
    return *baskets(column.values.slice(0, bounds[-1])[bounds[0]:]), np.diff(bounds)


@lru_cache(maxsize=256)
def others(length):
    """Places of center and context of all ordered pairs in a basket with so many items."""
    return np.nonzero(~np.eye(length, dtype=bool))


def known(items, lengths):
    """Baskets without what is below the first item: most have no such item."""
    keep = items >= FIRST_ITEM
    if keep.all():
        return items, lengths
    before = np.concatenate(([0], np.cumsum(keep)))
    ends = np.cumsum(lengths)
    return items[keep], before[ends] - before[ends - lengths]


def pairs(items, lengths):
    """All ordered pairs of two items of a basket, as two rows of int32; baskets of one length are made together.

    Tried here and slower: index arithmetic over all pairs at once with `np.repeat` (.6 of the speed; the same in 32
    bits .4), and strided copies of an n × n grid without its diagonal (.85).
    """
    items, lengths = known(items, lengths)
    starts = np.cumsum(lengths) - lengths
    order = np.argsort(lengths, kind="stable")
    sizes, firsts = np.unique(lengths[order], return_index=True)
    ends = np.append(firsts[1:], len(lengths))
    out = np.empty((2, int((sizes.astype(np.int64) * (sizes - 1) * (ends - firsts)).sum())), np.int32)
    at = 0
    for size, first, end in zip(sizes.tolist(), firsts.tolist(), ends.tolist()):
        if size < 2:
            continue
        same = items[starts[order[first:end], None] + np.arange(size)]
        until = at + (end - first) * size * (size - 1)
        for row, places in zip(out, others(size)):
            np.take(same, places, axis=1, out=row[at:until].reshape(end - first, -1), mode="clip")
        at = until
    return out


def trained(items, lengths, counts, train):
    """The first `train` baskets of each row that has two of them: items, offsets of baskets, offsets of rows."""
    taken = np.where(train >= 2, np.minimum(train, counts), 0)
    place = np.arange(len(lengths)) - np.repeat(np.cumsum(counts) - counts, counts)
    mask = place < np.repeat(taken, counts)
    return items[np.repeat(mask, lengths)], offsets(lengths[mask]), offsets(taken[taken > 0])
