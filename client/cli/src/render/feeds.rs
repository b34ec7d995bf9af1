//! Feeds: the list, all about one, digests of batches, and what came of a replay.

use pannier_proto::feed::{FeedSpec, LastStep, Noise, PairWindow, Transform};
use pannier_proto::ids::short;
use pannier_proto::status::{FeedDetail, FeedInfo};
use serde::Serialize;

use super::format::{bytes, count, duration, plural, timestamp};
use super::table::{Table, clean};

/// A batch that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Epoch, from 0.
    pub epoch: u64,
    /// Step, from 0.
    pub step: u64,
    /// Its rows.
    pub rows: u64,
    /// Bytes that came over the wire.
    pub bytes: u64,
    /// Its digest.
    pub digest: String,
}

/// Batches that were read.
#[derive(Debug, Serialize)]
pub struct Read {
    /// Digest of the feed.
    pub feed: String,
    /// Which slice of each step.
    pub replica: u32,
    /// Of how many.
    pub replicas: u32,
    /// The batches in their order.
    pub batches: Vec<Batch>,
    /// Chain over their digests.
    pub chain: String,
    /// Seconds it took.
    pub seconds: f64,
}

/// Batches beside what a training recorded of them.
#[derive(Debug, Default, Serialize)]
pub struct Compared {
    /// The training.
    pub training: String,
    /// Digest of its feed.
    pub feed: String,
    /// Steps compared.
    pub steps: u64,
    /// Steps whose digest is another.
    pub different: u64,
    /// The first of them, each with the digest recorded.
    pub differences: Vec<(Batch, String)>,
}

/// Every feed.
pub fn list(feeds: &[FeedInfo]) -> Vec<String> {
    if feeds.is_empty() {
        return vec!["no feeds yet; a training or a [[feed]] makes some".to_owned()];
    }
    let mut table = Table::new(&[
        "feed",
        "transform",
        "table",
        ">rows",
        ">steps",
        "made (UTC)",
        "used by",
    ]);
    for info in feeds {
        let used = info
            .uses
            .first()
            .map(|u| format!("{} {}", u.run_id, u.step));
        let more = match info.uses.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        table.row([
            short(&info.digest).to_owned(),
            info.transform.clone(),
            format!("{}@{}", info.table, short(&info.version)),
            count(info.rows),
            count(info.steps),
            timestamp(info.made_ms),
            used.unwrap_or_default() + &more,
        ]);
    }
    table.lines()
}

/// All about a feed.
pub fn show(detail: &FeedDetail) -> Vec<String> {
    let FeedDetail { info, spec } = detail;
    let order = if spec.shuffle {
        format!("shuffled by seed {}", spec.seed)
    } else {
        "the table's".to_owned()
    };
    let windows = spec.order(0).windows().len() as u64;
    let facts = [
        ("feed", info.digest.clone()),
        ("made", timestamp(info.made_ms)),
        ("table", format!("{}@{}", spec.table, spec.version)),
        ("columns", spec.columns.join(", ")),
        ("transform", transform(&spec.transform)),
        (
            "order",
            format!(
                "{order}; {} of at least {} rows",
                plural(windows, "window"),
                count(spec.window_rows)
            ),
        ),
        (
            "epoch",
            format!(
                "{} in {} of {} rows; {}",
                plural(spec.rows(), "row"),
                plural(spec.steps(), "step"),
                count(spec.batch_rows),
                last(spec)
            ),
        ),
        (
            "ticket",
            format!(
                "{{\"digest\": \"{}\", \"epoch\": 0, \"from_step\": 0, \"to_step\": {}, \"replica\": 0, \"replicas\": 1}}",
                info.digest,
                spec.steps()
            ),
        ),
    ];
    let mut lines: Vec<String> = facts
        .iter()
        .map(|(name, text)| format!("{name:<11}{}", clean(text)))
        .collect();
    for (at, used) in info.uses.iter().enumerate() {
        let name = if at == 0 { "used by" } else { "" };
        let recorded = if used.recorded {
            ", every batch recorded"
        } else {
            ""
        };
        lines.push(format!("{name:<11}{} {}{recorded}", used.run_id, used.step));
    }
    lines
}

fn last(spec: &FeedSpec) -> String {
    let rest = spec.rows() % spec.batch_rows;
    match (spec.last, rest) {
        (_, 0) => "every step is full".to_owned(),
        (LastStep::Short, rest) => format!("the last step has {}", plural(rest, "row")),
        (LastStep::Drop, rest) => format!("{} left out", plural(rest, "row")),
        (LastStep::Pad, rest) => format!(
            "{} of its first fill the last step",
            plural(spec.batch_rows - rest, "row")
        ),
    }
}

fn transform(transform: &Transform) -> String {
    let drawn = |noise: &Option<Noise>| {
        noise.as_ref().map_or(String::new(), |n| {
            format!(", {} negatives by count^{}", n.draws, n.power)
        })
    };
    match transform {
        Transform::Select => "select: the columns as they are".to_owned(),
        Transform::Pairs {
            window,
            keep,
            negatives,
            ..
        } => {
            let window = match window {
                PairWindow::Items(n) => format!("up to {n} places apart"),
                PairWindow::Basket => "of a whole basket".to_owned(),
            };
            let thinned = if keep.is_empty() {
                ""
            } else {
                ", frequent items thinned out"
            };
            format!("pairs {window}{thinned}{}", drawn(negatives))
        }
        Transform::Sequences {
            part,
            target,
            max_history,
        } => {
            let most = match max_history {
                0 => String::new(),
                n => format!(", history of {n} baskets at most"),
            };
            format!(
                "sequences: the {} {} basket{most}",
                target.name(),
                part.name()
            )
        }
        Transform::Counts { alpha, negatives } => {
            format!(
                "counts with confidence 1 + {alpha}·count{}",
                drawn(negatives)
            )
        }
        Transform::Interactions { part, negatives } => {
            format!("interactions of {}{}", part.name(), drawn(negatives))
        }
        Transform::Sql { sql } => format!("sql: {sql}"),
    }
}

/// Digests of batches, a line each, and what they come to.
pub fn digests(read: &Read) -> Vec<String> {
    let mut table = Table::new(&[">epoch", ">step", ">rows", ">size", "digest"]);
    for batch in &read.batches {
        table.row([
            batch.epoch.to_string(),
            batch.step.to_string(),
            count(batch.rows),
            bytes(batch.bytes),
            batch.digest.clone(),
        ]);
    }
    let rows: u64 = read.batches.iter().map(|b| b.rows).sum();
    let size: u64 = read.batches.iter().map(|b| b.bytes).sum();
    let mut lines = table.lines();
    lines.push(format!(
        "{} of {} in {}, {} over the wire; chain {}",
        plural(rows, "row"),
        plural(read.batches.len() as u64, "step"),
        duration(read.seconds),
        bytes(size),
        read.chain
    ));
    lines
}

/// What came of a replay.
pub fn compared(compared: &Compared) -> Vec<String> {
    let (steps, feed) = (plural(compared.steps, "step"), short(&compared.feed));
    if compared.different == 0 {
        return vec![format!(
            "{steps} of feed {feed}: every batch is what {} recorded",
            compared.training
        )];
    }
    let mut table = Table::new(&[">epoch", ">step", "recorded", "now"]);
    for (batch, then) in &compared.differences {
        let then = if then.is_empty() { "nothing" } else { then };
        table.row([
            batch.epoch.to_string(),
            batch.step.to_string(),
            then.to_owned(),
            batch.digest.clone(),
        ]);
    }
    let mut lines = table.lines();
    lines.push(format!(
        "{} of {steps} of feed {feed} differ from what {} recorded",
        count(compared.different),
        compared.training
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_epoch_is_said() {
        let spec = |last, rows| FeedSpec {
            last,
            batch_rows: 10,
            ..FeedSpec::new("t", "v", vec![rows])
        };
        assert_eq!(last(&spec(LastStep::Pad, 20)), "every step is full");
        assert_eq!(last(&spec(LastStep::Short, 23)), "the last step has 3 rows");
        assert_eq!(last(&spec(LastStep::Drop, 23)), "3 rows left out");
        assert_eq!(
            last(&spec(LastStep::Pad, 23)),
            "7 rows of its first fill the last step"
        );
    }

    #[test]
    fn a_replay_says_what_differs() {
        let batch = Batch {
            epoch: 1,
            step: 2,
            rows: 3,
            bytes: 4,
            digest: "ab".into(),
        };
        let mut replay = Compared {
            training: "r/v".into(),
            feed: "ffee".into(),
            steps: 9,
            ..Compared::default()
        };
        assert_eq!(
            compared(&replay),
            ["9 steps of feed ffee: every batch is what r/v recorded"]
        );
        replay.different = 1;
        replay.differences.push((batch, "cd".into()));
        let text = compared(&replay).join("\n");
        assert!(
            text.contains("cd") && text.contains("1 of 9 steps"),
            "{text}"
        );
    }
}
