//! How many segments to use, and why.
//!
//! Who plans by segments wants groups that are still there when other customers are asked, that are
//! worth a plan of their own, and that differ. So the rule is, in this order: numbers of segments of
//! which one is too small are left out; of the rest those stay that come back as well as any when
//! the users are halved; and of those the one whose segments stand apart the most is taken.

use super::stability::Stability;

/// A segment of a smaller share of the users is too small for a plan.
const SMALLEST: f64 = 0.01;
/// An adjusted Rand index below this is no agreement to rely on (Steinley 2004, "Properties of the
/// Hubert-Arabie adjusted Rand index": below 0.65 is poor recovery).
const POOR: f64 = 0.65;

/// A number of segments, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// How many.
    pub segments: usize,
    /// Σ of squared distances to the centres.
    pub inertia: f64,
    /// Mean silhouette, -1..=1.
    pub silhouette: f64,
    /// Share of the users in the smallest segment, 0..=1.
    pub smallest: f64,
    /// Agreement with other seeds.
    pub seeds: Stability,
    /// Agreement between halves of the users.
    pub halves: Stability,
}

/// Which candidate, and the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Its number of segments.
    pub segments: usize,
    /// Whether halves of the users agree well enough to rely on the segments.
    pub reliable: bool,
    /// A sentence for who uses them.
    pub reason: String,
}

/// Of the candidates without a segment of less than 1 % of the users (of all where each has one),
/// and of those the ones whose agreement between halves is within one standard error of the best,
/// the one of the largest silhouette, of equals the fewest segments; none of none.
#[must_use]
pub fn choose(candidates: &[Candidate]) -> Option<Choice> {
    let large: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.smallest >= SMALLEST)
        .collect();
    let small = large.is_empty();
    let asked = if small {
        candidates.iter().collect()
    } else {
        large
    };
    let best = asked
        .iter()
        .max_by(|a, b| a.halves.mean.total_cmp(&b.halves.mean))?;
    let least = best.halves.mean - best.halves.error;
    let stable = asked.iter().filter(|one| one.halves.mean >= least);
    let chosen = stable.max_by(|a, b| {
        let apart = a.silhouette.total_cmp(&b.silhouette);
        apart.then(b.segments.cmp(&a.segments))
    })?;
    let reliable = chosen.halves.mean >= POOR;
    let mut reason = format!(
        "{} segments come back as well as any number when the users are halved (agreement {:.2}; the \
         best is {:.2} ± {:.2} of {}), and of the numbers that do they stand apart the most \
         (silhouette {:.2})",
        chosen.segments,
        chosen.halves.mean,
        best.halves.mean,
        best.halves.error,
        best.segments,
        chosen.silhouette,
    );
    if small {
        reason.push_str("; every number leaves a segment of less than 1 % of the users");
    }
    if !reliable {
        reason.push_str("; other users would be grouped otherwise, so do not plan by them");
    }
    Some(Choice {
        segments: chosen.segments,
        reliable,
        reason,
    })
}
