//! How many segments, and which user is in which.

use pannier_proto::segments::SegmentCandidate;
use pannier_proto::work::SegmentWork;

use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::report::Pace;
use crate::segments::{Candidate, KMeans, Points, Segments, Survey, choose, sampled};

/// Users that numbers of segments are tried on at most: shares and agreements of so many are known
/// to a hundredth.
const SURVEYED: usize = 5_000;
/// Users for each segment at least, on average, for a number of segments to be tried.
const LEAST: usize = 20;

/// Users in segments.
pub(super) struct Grouped {
    pub segments: Segments,
    /// Why so many.
    pub reason: String,
    /// Whether halves agree; unknown where the number was given.
    pub reliable: Option<bool>,
    pub candidates: Vec<SegmentCandidate>,
    /// Users that candidates were tried on, where not all.
    pub surveyed: Option<u64>,
}

impl Grouped {
    /// Groups all users into the number of segments that was given, or that a survey speaks for. On
    /// the pool of the calling thread.
    ///
    /// # Errors
    /// As [`KMeans::fit`]; [`TrainerError::Stopped`] when told to.
    pub(super) fn find(
        points: &Points,
        work: &SegmentWork,
        context: &FeedContext,
    ) -> Result<Self, TrainerError> {
        if let Some(k) = work.spec.k {
            return Ok(Self {
                segments: KMeans::new(k as usize, work.seed).fit(points)?,
                reason: format!("{k} segments, as the spec says"),
                reliable: None,
                candidates: Vec::new(),
                surveyed: None,
            });
        }
        let some = points.rows() > SURVEYED;
        let drawn = some.then(|| points.only(&sampled(points.rows(), SURVEYED, work.seed)));
        let candidates = survey(drawn.as_ref().unwrap_or(points), work, context)?;
        let choice = choose(&candidates).ok_or_else(|| {
            let (k, users) = (work.spec.k_min, points.rows());
            let reason = format!("{users} users are too few to be grouped into {k}; give `k`");
            TrainerError::data("segments", reason)
        })?;
        Ok(Self {
            segments: KMeans::new(choice.segments, work.seed).fit(points)?,
            reason: choice.reason,
            reliable: Some(choice.reliable),
            candidates: candidates.iter().map(told).collect(),
            surveyed: some.then_some(SURVEYED as u64),
        })
    }
}

/// Tries all numbers of segments that so many users allow.
fn survey(
    points: &Points,
    work: &SegmentWork,
    context: &FeedContext,
) -> Result<Vec<Candidate>, TrainerError> {
    let (least, most) = (work.spec.k_min as usize, work.spec.k_max as usize);
    let most = most.min(points.rows() / LEAST);
    let (mut pace, mut candidates) = (Pace::new(), Vec::new());
    let survey = Survey::new(work.seed);
    for k in least..=most {
        context.go_on()?;
        candidates.push(survey.one(points, k)?.0);
        let (done, total) = (candidates.len() as u64, (most - least + 1) as u64);
        if let Some(progress) = pace.tick(done, total, points.rows() as u64, None) {
            context.reporter.send(progress);
        }
    }
    Ok(candidates)
}

fn told(candidate: &Candidate) -> SegmentCandidate {
    SegmentCandidate {
        segments: candidate.segments as u32,
        inertia: candidate.inertia,
        silhouette: candidate.silhouette,
        smallest: candidate.smallest,
        seeds: candidate.seeds.mean,
        halves: candidate.halves.mean,
        halves_error: candidate.halves.error,
    }
}
