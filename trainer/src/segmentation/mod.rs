//! Users grouped by a model's vectors of them, and what the groups are like: from the order to the
//! tables. How users are grouped and judged is [`crate::segments`]'.

mod grouped;
mod kpis;
mod output;
mod profiles;
#[cfg(test)]
mod tests;
mod users;

use std::time::Instant;

use pannier_proto::segments::{SegmentPlace, SegmentSummary};
use pannier_proto::work::{SegmentWork, WorkOutcome};

use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::segmentation::grouped::Grouped;
use crate::segmentation::kpis::Kpis;
use crate::segmentation::output::Tables;
use crate::segmentation::profiles::Tally;
use crate::segmentation::users::Users;
use crate::segments::{Points, map, sampled};
use crate::storage::Storage;

/// Users whose places are drawn at most.
const PLACES: usize = 2000;
/// Values of an attribute that the summary has at most, the most frequent ones; the tables have all.
const VALUES: usize = 40;

/// Groups users and writes what came of it.
///
/// # Errors
/// Those of the feed and the storage; [`TrainerError::Data`] where there are too few users or a
/// table is not as said; [`TrainerError::Stopped`] when told to.
pub(crate) fn segment(
    work: &SegmentWork,
    context: &FeedContext,
    storage: &Storage,
) -> Result<WorkOutcome, TrainerError> {
    let began = Instant::now();
    let users = Users::read(storage, &work.artifact)?;
    let kpis = Kpis::read(context, &work.kpis, &users)?;
    let pool = context.pool("segment")?;
    let points = pool.install(|| Points::new(&users.vectors, work.spec.normalize))?;
    let grouped = pool.install(|| Grouped::find(&points, work, context))?;
    context.go_on()?;
    let labels = &grouped.segments.labels;
    let count = grouped.segments.sizes.len();
    let tests = pool.install(|| kpis.tests(labels, work))?;
    let profiles = Tally::read(context, &work.attributes, &users, labels, count)?.profiles();
    let map = pool.install(|| map(&points));
    let shown = sampled(labels.len(), PLACES, work.seed);
    let place = |row: &u32| {
        let [x, y] = map.places[*row as usize];
        let segment = labels[*row as usize];
        SegmentPlace { segment, x, y }
    };
    let mut summary = SegmentSummary {
        model: work.model.clone(),
        users: labels.len() as u64,
        without_vector: kpis.strangers,
        reason: grouped.reason.clone(),
        reliable: grouped.reliable,
        candidates: grouped.candidates.clone(),
        surveyed: grouped.surveyed,
        kpis: kpis.of_segments(labels, count),
        overall: kpis.overall(),
        tests,
        profiles,
        places: shown.iter().map(place).collect(),
    };
    let tables = Tables {
        storage,
        folder: &work.output,
    };
    tables.users(&users.names, labels, &map.places)?;
    tables.centres(&grouped.segments.centres)?;
    tables.kpis(&summary)?;
    tables.profiles(&summary.profiles)?;
    profiles::most_frequent(&mut summary.profiles, VALUES);
    Ok(WorkOutcome::Segmented {
        users: summary.users,
        segments: count as u32,
        path: tables.summary(&summary)?,
        reason: summary.reason,
        reliable: summary.reliable,
        seconds: began.elapsed().as_secs_f64(),
    })
}
