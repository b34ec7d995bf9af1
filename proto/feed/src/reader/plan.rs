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

/// Executors in the order in which they are asked for a window: first the one whose turn it is, then
/// by rendezvous hash (Thaler and Ravishankar 1996). Every replica asks the same one first, which then
/// reads the window once for all of them.
///
/// Of as many windows in a row as there are executors each gets one, the one that ranks it highest
/// among those without: alone, hashes would leave one executor idle while another has two windows.
pub(crate) fn turns(
    digest: &str,
    epoch: u64,
    window: u64,
    mut executors: Vec<FeedAddress>,
) -> Vec<FeedAddress> {
    executors.sort_by(|a, b| a.executor_id.cmp(&b.executor_id));
    let rank = |window: u64, executor: &FeedAddress| {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(digest.as_bytes())
            .update(&epoch.to_le_bytes())
            .update(&window.to_le_bytes())
            .update(executor.executor_id.as_bytes());
        std::cmp::Reverse(*hasher.finalize().as_bytes())
    };
    let count = executors.len() as u64;
    let mut left: Vec<usize> = (0..executors.len()).collect();
    for before in window - window % count.max(1)..window {
        let first = left.iter().min_by_key(|at| rank(before, &executors[**at]));
        if let Some(first) = first.copied() {
            left.retain(|at| *at != first);
        }
    }
    let turn = left
        .into_iter()
        .min_by_key(|at| rank(window, &executors[*at]));
    let first = turn.map(|at| executors.remove(at));
    executors.sort_by_cached_key(|executor| rank(window, executor));
    first.into_iter().chain(executors).collect()
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
        fn every_executor_is_asked_once_and_in_turn(epoch in 0u64..9, block in 0u64..30, n in 1usize..5) {
            let all: Vec<_> = four().into_iter().take(n).collect();
            let mut firsts = Vec::new();
            for window in block * n as u64..(block + 1) * n as u64 {
                let order = turns("d", epoch, window, all.clone());
                let mut reversed = all.clone();
                reversed.reverse();
                prop_assert_eq!(&turns("d", epoch, window, reversed), &order, "whoever asks");
                firsts.push(order[0].executor_id.clone());
                let mut ids: Vec<_> = order.into_iter().map(|e| e.executor_id).collect();
                ids.sort();
                prop_assert_eq!(ids, all.iter().map(|e| e.executor_id.clone()).collect::<Vec<_>>());
            }
            firsts.sort();
            prop_assert_eq!(firsts, all.iter().map(|e| e.executor_id.clone()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_second_choice_spreads_as_well() {
        let seconds = (0..400).map(|w| turns("d", 0, w, four())[1].executor_id.clone());
        let mine = seconds.filter(|id| id == "e2").count();
        assert!((60..140).contains(&mine), "{mine}");
    }
}
