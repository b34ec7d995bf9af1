//! How well apart segments are: the silhouette.

use pannier_proto::feed::mix;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::panels::{Each, Panels};
use super::points::Points;
use crate::error::TrainerError;
use crate::lanes::{Instructions, Lane, Simd, WIDTH};

/// Rows that a thread takes at a time.
const ROWS: usize = 64;
/// Members of a segment that rows are measured against at a time.
const MEMBERS: usize = 512;

/// Silhouettes (Rousseeuw 1987, "Silhouettes: a graphical aid to the interpretation and validation
/// of cluster analysis"): (b - a) / max(a, b) of a row, with a its mean distance to the others of its
/// segment and b that to the nearest other segment; 0 for a row alone in its segment. 1 is well
/// apart, 0 on the border, below 0 in the wrong segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Silhouette {
    /// Over the rows.
    pub mean: f64,
    /// Over the rows of each segment; none where the sample has none of it.
    pub segments: Vec<Option<f64>>,
    /// Rows that were measured, each against all of them.
    pub rows: usize,
}

/// The silhouette of labels, a label for each point: of all where there are no more than `sample`,
/// else of so many, drawn by a hash of (seed, row). Distances grow by the square of the rows.
///
/// # Errors
/// [`TrainerError::Data`] where labels are not as many as points, or those measured are of fewer than
/// two segments.
pub fn silhouette(
    points: &Points,
    labels: &[u32],
    sample: usize,
    seed: u64,
) -> Result<Silhouette, TrainerError> {
    if labels.len() != points.rows() {
        let reason = format!("{} labels of {} points", labels.len(), points.rows());
        return Err(TrainerError::data("labels", reason));
    }
    let segments = labels.iter().max().map_or(0, |most| *most as usize + 1);
    let mut members = vec![Vec::new(); segments];
    for row in sampled(points.rows(), sample, seed) {
        members[labels[row as usize] as usize].push(row);
    }
    if members.iter().filter(|own| !own.is_empty()).count() < 2 {
        let reason = "a silhouette needs rows of two segments at least";
        return Err(TrainerError::data("labels", reason));
    }
    let panels = panels(points, &members);
    let rows: Vec<(usize, u32)> = members
        .iter()
        .enumerate()
        .flat_map(|(label, own)| own.iter().map(move |row| (label, *row)))
        .collect();
    let blocks = (0..rows.len().div_ceil(ROWS)).into_par_iter();
    let values = blocks.map(|block| {
        let rows = &rows[block * ROWS..rows.len().min((block + 1) * ROWS)];
        of_block(points, &members, &panels, rows)
    });
    let values: Vec<f64> = values.collect::<Vec<_>>().into_iter().flatten().collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut from = 0;
    let of_segment = members.iter().map(|own| {
        let range = from..from + own.len();
        from = range.end;
        (!own.is_empty()).then(|| mean(&values[range]))
    });
    Ok(Silhouette {
        segments: of_segment.collect(),
        mean: mean(&values),
        rows: values.len(),
    })
}

/// So many rows, ascending: those of the smallest hashes.
pub(crate) fn sampled(rows: usize, sample: usize, seed: u64) -> Vec<u32> {
    let mut all: Vec<u32> = (0..rows as u32).collect();
    if sample < rows {
        let key = mix(seed ^ 0x7361_6D70_6C65_6421);
        let hash = |row: &u32| mix(key ^ mix(u64::from(*row)));
        all.select_nth_unstable_by_key(sample, |row| (hash(row), *row));
        all.truncate(sample);
        all.sort_unstable();
    }
    all
}

/// A block of members of one segment.
struct Block {
    label: usize,
    /// Position of the first among the segment's members.
    first: usize,
    count: usize,
    panels: Panels,
}

fn panels(points: &Points, members: &[Vec<u32>]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (label, own) in members.iter().enumerate() {
        for (at, some) in own.chunks(MEMBERS).enumerate() {
            let rows = some.iter().map(|row| *row as usize);
            blocks.push(Block {
                label,
                first: at * MEMBERS,
                count: some.len(),
                panels: Panels::new(&points.vectors, rows),
            });
        }
    }
    blocks
}

fn of_block(
    points: &Points,
    members: &[Vec<u32>],
    blocks: &[Block],
    rows: &[(usize, u32)],
) -> Vec<f64> {
    let segments = members.len();
    let ids: Vec<u32> = rows.iter().map(|(_, row)| *row).collect();
    let mut sums = vec![0.0; rows.len() * segments];
    for block in blocks {
        let mut far = Far {
            points,
            members,
            block,
            rows,
            sums: &mut sums,
        };
        let set = Instructions::best();
        block.panels.visit(&points.vectors, &ids, set, &mut far);
    }
    let of_row = |(sums, (label, _)): (&[f64], &(usize, u32))| {
        let own = members[*label].len();
        if own < 2 {
            return 0.0;
        }
        let a = sums[*label] / (own - 1) as f64;
        let others = members.iter().enumerate().zip(sums);
        let b = others
            .filter(|((other, rows), _)| other != label && !rows.is_empty())
            .map(|((_, rows), sum)| sum / rows.len() as f64)
            .fold(f64::INFINITY, f64::min);
        if a.max(b) > 0.0 {
            (b - a) / a.max(b)
        } else {
            0.0
        }
    };
    sums.chunks(segments).zip(rows).map(of_row).collect()
}

/// Sums of distances, of rows to the members of a block.
struct Far<'a> {
    points: &'a Points,
    members: &'a [Vec<u32>],
    block: &'a Block,
    rows: &'a [(usize, u32)],
    sums: &'a mut [f64],
}

impl Each for Far<'_> {
    #[inline(always)]
    unsafe fn each<S: Simd>(&mut self, at: usize, scores: &mut [Lane]) {
        let (label, row) = self.rows[at];
        let (square, block) = (self.points.squares[row as usize], self.block);
        // Lanes without a member, and the row itself, are at no distance.
        for beyond in block.count..scores.len() * WIDTH {
            scores[beyond / WIDTH].0[beyond % WIDTH] = -0.5 * square;
        }
        if label == block.label
            && let Ok(own) = self.members[label].binary_search(&row)
            && (block.first..block.first + block.count).contains(&own)
        {
            let own = own - block.first;
            scores[own / WIDTH].0[own % WIDTH] = -0.5 * square;
        }
        self.sums[at * self.members.len() + block.label] += distances(scores, square);
    }
}

/// Σ of distances √(|x|² + 2 score).
#[inline(always)]
fn distances(scores: &[Lane], square: f32) -> f64 {
    let mut sums = [0.0f32; WIDTH];
    for lane in scores {
        for (sum, score) in sums.iter_mut().zip(lane.0) {
            let apart = square + 2.0 * score;
            *sum += (if apart > 0.0 { apart } else { 0.0 }).sqrt();
        }
    }
    sums.iter().map(|x| f64::from(*x)).sum()
}
