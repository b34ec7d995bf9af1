//! Rows in the order of a hash of theirs, which is a window's order. Pure.

/// A row and the hash that says where it stands.
type Hashed = (u64, u32);

/// Bits of the hash by which the rows of a part are dealt once more.
const FINE_BITS: u32 = 10;

/// `0..n` in the order of a hash that no two of them share. Hashes are spread evenly: rows are dealt
/// by their first bits into parts that stay in the processor's nearest memory, each part by the next
/// bits, and hardly a row has to move after that.
pub(super) fn sorted_by(n: u32, hash: impl Fn(u32) -> u64) -> Vec<u32> {
    let hashed: Vec<Hashed> = (0..n).map(|row| (hash(row), row)).collect();
    let coarse_bits = (n >> FINE_BITS).checked_ilog2().unwrap_or(0);
    let mut dealt = vec![(0, 0); n as usize];
    let mut ends = Vec::new();
    deal(
        &hashed,
        |hash| place(hash, 0, coarse_bits),
        coarse_bits,
        &mut dealt,
        &mut ends,
    );
    let (mut part, mut fine_ends, mut from) = (Vec::new(), Vec::new(), 0);
    let mut rows = Vec::with_capacity(n as usize);
    for to in ends {
        let hashed = &dealt[from..to as usize];
        part.resize(hashed.len(), (0, 0));
        deal(
            hashed,
            |hash| place(hash, coarse_bits, FINE_BITS),
            FINE_BITS,
            &mut part,
            &mut fine_ends,
        );
        settle(&mut part);
        rows.extend(part.iter().map(|(_, row)| *row));
        from = to as usize;
    }
    rows
}

/// The number that `bits` bits of a hash are, behind the first `skipped`.
fn place(hash: u64, skipped: u32, bits: u32) -> usize {
    (hash << skipped).checked_shr(64 - bits).unwrap_or(0) as usize
}

/// Counting sort by a place below `2^bits`; `ends` becomes the end of each place's rows.
fn deal(
    hashed: &[Hashed],
    place: impl Fn(u64) -> usize,
    bits: u32,
    dealt: &mut [Hashed],
    ends: &mut Vec<u32>,
) {
    ends.clear();
    ends.resize(1 << bits, 0);
    for (hash, _) in hashed {
        ends[place(*hash)] += 1;
    }
    let mut from = 0;
    for end in &mut *ends {
        (*end, from) = (from, from + *end);
    }
    // `ends[p]` begins as the first of the place's rows.
    for one in hashed {
        let end = &mut ends[place(one.0)];
        dealt[*end as usize] = *one;
        *end += 1;
    }
}

/// Insertion sort, for what is all but sorted.
fn settle(hashed: &mut [Hashed]) {
    for at in 1..hashed.len() {
        let one = hashed[at];
        let mut to = at;
        while to > 0 && hashed[to - 1].0 > one.0 {
            hashed[to] = hashed[to - 1];
            to -= 1;
        }
        hashed[to] = one;
    }
}
