//! Which steps are asked for together, and whom. Pure.

use std::ops::Range;

use pannier_proto::feed::FeedSpec;
use pannier_proto::work::FeedAddress;

/// Consecutive steps of one window: one `do_get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub epoch: u64,
    pub window: u64,
    pub steps: Range<u64>,
}

/// The chunks of some steps of an epoch, in order. A step belongs to the window of its first row.
pub(crate) fn chunks(spec: &FeedSpec, epoch: u64, steps: Range<u64>) -> Vec<Chunk> {
    let order = spec.order(epoch);
    let mut chunks: Vec<Chunk> = Vec::new();
    for step in steps.start..steps.end.min(order.steps()) {
        let window = order.window_of_step(step) as u64;
        match chunks.last_mut() {
            Some(chunk) if chunk.window == window => chunk.steps.end = step + 1,
            _ => chunks.push(Chunk {
                epoch,
                window,
                steps: step..step + 1,
            }),
        }
    }
    chunks
}

/// Executors in the order in which they are asked for a window: by rendezvous hash (Thaler and
/// Ravishankar 1996), so that every replica asks the same one first, which then has the window in
/// its cache, and a lost executor moves only its own windows.
pub(crate) fn rendezvous(
    digest: &str,
    epoch: u64,
    window: u64,
    mut executors: Vec<FeedAddress>,
) -> Vec<FeedAddress> {
    executors.sort_by_cached_key(|executor| {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(digest.as_bytes())
            .update(&epoch.to_le_bytes())
            .update(&window.to_le_bytes());
        hasher.update(executor.executor_id.as_bytes());
        (
            std::cmp::Reverse(*hasher.finalize().as_bytes()),
            executor.executor_id.clone(),
        )
    });
    executors
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(row_groups: Vec<u64>, batch_rows: u64, window_rows: u64) -> FeedSpec {
        FeedSpec {
            seed: 3,
            shuffle: true,
            batch_rows,
            window_rows,
            ..FeedSpec::new("t", "v", row_groups)
        }
    }

    fn four() -> Vec<FeedAddress> {
        (0..4)
            .map(|i| FeedAddress {
                executor_id: format!("e{i}"),
                url: String::new(),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_step_once_and_in_order(
            groups in proptest::collection::vec(0u64..40, 0..12), batch in 1u64..50, window in 1u64..80, from in 0u64..9,
        ) {
            let spec = spec(groups, batch, window);
            let steps: Vec<u64> = chunks(&spec, 1, from..u64::MAX).into_iter().flat_map(|c| c.steps).collect();
            prop_assert_eq!(steps, (from..spec.steps()).collect::<Vec<u64>>());
        }

        #[test]
        fn a_lost_executor_moves_only_its_own(epoch in 0u64..9, window in 0u64..99, lost in 0usize..4) {
            let all = four();
            let before = rendezvous("d", epoch, window, all.clone());
            let left = all.iter().filter(|e| e.executor_id != format!("e{lost}")).cloned().collect();
            let expected: Vec<_> = before.into_iter().filter(|e| e.executor_id != format!("e{lost}")).collect();
            prop_assert_eq!(rendezvous("d", epoch, window, left), expected);
        }
    }

    #[test]
    fn windows_spread_over_executors() {
        let all = four();
        let firsts = (0..400).map(|w| rendezvous("d", 0, w, all.clone())[0].executor_id.clone());
        let mine = firsts.filter(|id| id == "e2").count();
        assert!((60..140).contains(&mine), "{mine}");
    }
}
