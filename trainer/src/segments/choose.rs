//! How many segments to use, and why.
//!
//! Who plans by segments wants groups that are still there when other customers are asked, that are
//! worth a plan of their own, and that differ. So the rule is, in this order: numbers of segments of
//! which one is too small are left out; of the rest those stay that come back when the users are
//! halved; and of those the one whose segments stand apart the most is taken.

use super::stability::Stability;

/// A segment of a smaller share of the users is too small for a plan.
const SMALLEST: f64 = 0.01;
/// An adjusted Rand index from here on is good agreement, and below `POOR` none to rely on (Steinley
/// 2004, "Properties of the Hubert-Arabie adjusted Rand index").
const GOOD: f64 = 0.8;
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
/// and of those the ones on which halves of the users agree well, the one of the largest silhouette,
/// of equals the fewest segments; where halves agree well on none, the one on which they agree most;
/// none of none.
#[must_use]
pub fn choose(candidates: &[Candidate]) -> Option<Choice> {
    let large = |candidate: &&Candidate| candidate.smallest >= SMALLEST;
    let small = !candidates.iter().any(|candidate| large(&candidate));
    let asked = || candidates.iter().filter(|c| small || large(c));
    let good = asked().filter(|candidate| candidate.halves.mean >= GOOD);
    let apart = good.max_by(|a, b| {
        let apart = a.silhouette.total_cmp(&b.silhouette);
        apart.then(b.segments.cmp(&a.segments))
    });
    let agreed = || asked().max_by(|a, b| a.halves.mean.total_cmp(&b.halves.mean));
    let chosen = apart.or_else(agreed)?;
    let reliable = chosen.halves.mean >= POOR;
    let (segments, halves) = (chosen.segments, chosen.halves.mean);
    let mut reason = match apart {
        Some(_) => format!(
            "of the numbers of segments that come back when the users are halved (agreement of at \
             least {GOOD:.2}; of {segments} it is {halves:.2}), {segments} stand apart the most \
             (silhouette {:.2})",
            chosen.silhouette
        ),
        None => format!(
            "no number of segments comes back well when the users are halved (agreement of at least \
             {GOOD:.2}); {segments} come back best ({halves:.2})"
        ),
    };
    if small {
        reason.push_str("; every number leaves a segment of less than 1 % of the users");
    }
    if !reliable {
        reason.push_str("; other users would be grouped otherwise, so do not plan by them");
    }
    Some(Choice {
        segments,
        reliable,
        reason,
    })
}
