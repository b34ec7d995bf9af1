//! How well a model foretells baskets that it was not trained on: loss, recall, precision and nDCG of
//! the first k of the whole catalogue.

use pannier_proto::feed::FeedSpec;
use pannier_proto::ranking::ndcg;
use pannier_proto::spec::Watch;
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use super::batch::{Limits, users};
use super::device::Ranks;
use crate::error::TrainerError;
use crate::feed::FeedContext;

/// Users ranked at a time: no more scores than theirs are kept.
const BLOCK: usize = 64;

/// Means over users.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Measured {
    pub users: u64,
    pub loss: f64,
    pub recall: f64,
    pub precision: f64,
    pub ndcg: f64,
}

impl Measured {
    /// What is watched; larger is better.
    pub(crate) fn watched(&self, watch: Watch) -> f64 {
        match watch {
            Watch::Loss => -self.loss,
            Watch::Recall => self.recall,
            Watch::Precision => self.precision,
            Watch::Ndcg => self.ndcg,
        }
    }

    /// For the run's log.
    pub(crate) fn line(&self, epoch: u64, k: u32) -> String {
        let Self {
            users,
            loss,
            recall,
            precision,
            ndcg,
        } = self;
        format!(
            "epoch {epoch}: validation loss {loss:.6}, recall@{k} {recall:.4}, precision@{k} {precision:.4}, ndcg@{k} {ndcg:.4} of {users} users"
        )
    }
}

/// Recall, precision and nDCG of a user's ranking; `bought` is sorted.
fn of_user(chances: &[f32], bought: &[u32], k: usize) -> [f64; 3] {
    let better = |a: &u32, b: &u32| {
        let (i, j) = (*a as usize, *b as usize);
        chances[j].total_cmp(&chances[i]).then(a.cmp(b))
    };
    let mut items: Vec<u32> = (0..chances.len() as u32).collect();
    if k < items.len() {
        items.select_nth_unstable_by(k, better);
        items.truncate(k);
    }
    items.sort_unstable_by(better);
    let hit = |(_, item): &(usize, &u32)| bought.binary_search(item).is_ok();
    let hits: Vec<usize> = (1..)
        .zip(&items)
        .filter(hit)
        .map(|(rank, _)| rank)
        .collect();
    [
        hits.len() as f64 / bought.len() as f64,
        hits.len() as f64 / k as f64,
        ndcg(hits.into_iter(), k, bought.len()),
    ]
}

/// Measures a model on all users of a feed whose histories and baskets hold items.
///
/// # Errors
/// Those of the feed.
pub(crate) fn measure(
    scorer: &dyn Ranks,
    feed: &FeedSpec,
    limits: Limits,
    k: usize,
    (context, pool, gathered): (&FeedContext, &ThreadPool, bool),
) -> Result<Measured, TrainerError> {
    let (mut sums, mut loss, mut users_seen) = ([0.0; 3], 0.0, 0);
    let items = scorer.sizes().items;
    let mut feed = context.open(feed, (0, 0), 1, gathered)?;
    while let Some((step, _)) = feed.next_blocking()? {
        context.go_on()?;
        let (histories, targets) = users(&step.batch, limits)?;
        for (histories, targets) in histories.chunks(BLOCK).zip(targets.chunks(BLOCK)) {
            let (of_block, of_users) = pool.install(|| -> Result<_, TrainerError> {
                let batch = scorer.sizes().batch(histories, targets)?;
                let (chances, loss) = scorer.judge(&batch)?;
                let ranked = chances.par_chunks(items).zip(&batch.packing.order);
                let ranked = ranked.map(|(row, user)| of_user(row, &targets[*user as usize], k));
                Ok((loss, ranked.collect::<Vec<_>>()))
            })?;
            loss += of_block * of_users.len() as f64;
            users_seen += of_users.len() as u64;
            for of in &of_users {
                sums.iter_mut().zip(of).for_each(|(sum, x)| *sum += x);
            }
        }
    }
    let mean = |sum: f64| sum / users_seen.max(1) as f64;
    Ok(Measured {
        users: users_seen,
        loss: mean(loss),
        recall: mean(sums[0]),
        precision: mean(sums[1]),
        ndcg: mean(sums[2]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_is_measured_by_its_first_places() {
        let chances = [0.1, 0.9, 0.3, 0.3, 0.2];
        let [recall, precision, ndcg] = of_user(&chances, &[2, 4], 3);
        assert_eq!((recall, precision), (0.5, 1.0 / 3.0));
        let ideal = 1.0 + 1.0 / 3f64.log2();
        assert!((ndcg - (1.0 / 3f64.log2()) / ideal).abs() < 1e-12);
        assert_eq!(of_user(&chances, &[0, 1, 2, 3, 4], 9)[0], 1.0);
    }
}
