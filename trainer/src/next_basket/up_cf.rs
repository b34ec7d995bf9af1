//! UP-CF@r: what a user and similar users bought in their newest baskets.
//!
//! Neighbours are exact: items in common are counted over the users of each of the user's items (an
//! inverted index). A user takes Σ over own items of the users who have them, + users, and for each
//! locality neighbours × their recent items, + items for each variant; memory is the distinct items of all
//! users, and the recent ones.

use pannier_proto::spec::UpCfParams;

use super::method::{Asked, Method, Scratch, Take};
use super::nearest::Nearest;
use super::sequences::{Sequences, distinct};
use super::sparse::{Entry, Rows, summed};

/// What users bought, in variants of how many neighbours count, and how much by their similarity.
pub(super) struct UpCf {
    variants: Vec<UpCfParams>,
    /// Places of the variants by their locality, then by their neighbours, the fewest first.
    order: Vec<usize>,
    /// p(v, ·) of each user.
    recent: Rows<Entry>,
    /// By index: the users who have it.
    users: Rows<u32>,
    /// |I(v)|^-(1 - asymmetry) of each user.
    shares: Vec<f64>,
}

impl UpCf {
    /// Learns from the training. The variants' `recency` and `asymmetry` are those of the first.
    pub(super) fn new(sequences: &Sequences, variants: Vec<UpCfParams>) -> Self {
        let first = variants.first().copied().unwrap_or_default();
        let bought = sequences.bought();
        let share = |user| (bought.row(user).len() as f64).powf(first.asymmetry - 1.0);
        let mut order: Vec<usize> = (0..variants.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&variants[*a], &variants[*b]);
            let by_locality = a.locality.total_cmp(&b.locality);
            by_locality.then(a.neighbours.cmp(&b.neighbours))
        });
        Self {
            variants,
            order,
            recent: Rows::collect(sequences.len(), |user| {
                popularity(&sequences.history(user), first.recency)
            }),
            users: bought.transposed(sequences.items()),
            shares: (0..bought.len()).map(share).collect(),
        }
    }

    /// The users with the most similar items, and how similar; only those with any in common.
    fn neighbours(&self, of: &[u32], but: Option<u32>, common: &mut [f64]) -> Vec<(f32, u32)> {
        common.fill(0.0);
        for user in of.iter().flat_map(|item| self.users.row(*item as usize)) {
            common[*user as usize] += 1.0;
        }
        let asymmetry = self.variants.first().map_or(0.0, |first| first.asymmetry);
        let own = (of.len() as f64).powf(-asymmetry);
        let most = self.variants.iter().map(|params| params.neighbours).max();
        let mut nearest = Nearest::new(most.unwrap_or_default() as usize);
        for (user, (common, share)) in (0..).zip(common.iter().zip(&self.shares)) {
            if *common > 0.0 && Some(user) != but {
                nearest.offer(common * own * share, user);
            }
        }
        nearest.finish()
    }
}

/// p(u, ·) by item ascending: the share of the newest baskets that hold it.
fn popularity(history: &[&[u32]], recency: u32) -> Vec<Entry> {
    let r = match recency {
        0 => history.len(),
        r => history.len().min(r as usize),
    };
    let newest = &history[history.len() - r..];
    let share = 1.0 / r.max(1) as f64;
    let counts = summed(
        newest
            .concat()
            .into_iter()
            .map(|item| (item, 1.0))
            .collect(),
    );
    let share_of = |(item, n): Entry| (item, (f64::from(n) * share) as f32);
    counts.into_iter().map(share_of).collect()
}

impl Method for UpCf {
    fn score(&self, asked: &Asked<'_>, scratch: &mut Scratch, take: Take<'_>) {
        let Some(first) = self.variants.first() else {
            return;
        };
        let Scratch {
            users,
            items,
            scores,
        } = scratch;
        let own = popularity(&asked.history, first.recency);
        let neighbours = self.neighbours(&distinct(&asked.history), asked.user, users);
        let mut summed = None;
        for at in &self.order {
            let params = &self.variants[*at];
            let from = match summed {
                Some((locality, n)) if locality == params.locality => n,
                _ => {
                    items.fill(0.0);
                    own.iter()
                        .for_each(|(item, x)| items[*item as usize] = f64::from(*x));
                    0
                }
            };
            let k = neighbours.len().min(params.neighbours as usize);
            for (similarity, user) in &neighbours[from..k] {
                let weight = f64::from(*similarity).powf(params.locality);
                for (item, x) in self.recent.row(*user as usize) {
                    items[*item as usize] += weight * f64::from(*x);
                }
            }
            summed = Some((params.locality, k));
            let all = scores.iter_mut().zip(items.iter());
            all.for_each(|(score, sum)| *score = *sum as f32);
            take(*at, scores);
        }
    }
}
