//! What a reader should look at first, worked out from the whole report.
//!
//! Owns the thresholds. A point is a fact with a number, never a guess at its cause. How the run
//! ended is not a point: the summary says that.

use super::data::{CheckOutcome, GateOutcome, MethodKind, Part, ReportData, Training, Verdict};
use super::format;

/// Rejected rows above this share are worth a look.
const REJECTED_SHARE: f64 = 0.01;
/// A trainer that waits for more than this share of its time could be fed faster.
const WAITING_SHARE: f64 = 0.3;

/// How serious a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed, or the numbers cannot be trusted.
    Problem,
    /// It worked, with something to know.
    Warning,
}

/// One point and where to read on.
pub struct Point {
    /// How serious.
    pub level: Level,
    /// A sentence.
    pub text: String,
    /// The part that has the details.
    pub part: Part,
}

/// All points, problems first.
pub fn points(data: &ReportData) -> Vec<Point> {
    let mut points = Vec::new();
    checks(data, &mut points);
    rejects(data, &mut points);
    data.training
        .iter()
        .for_each(|training| diverged_or_starved(training, &mut points));
    differences(data, &mut points);
    artifacts(data, &mut points);
    points.sort_by_key(|point| point.level);
    points
}

fn checks(data: &ReportData, points: &mut Vec<Point>) {
    for check in &data.checks {
        let level = match check.outcome {
            CheckOutcome::Passed => continue,
            CheckOutcome::Warned => Level::Warning,
            CheckOutcome::Failed => Level::Problem,
        };
        points.push(Point {
            level,
            text: format!("The check “{}” does not hold: {}.", check.name, check.found),
            part: Part::Checks,
        });
    }
}

fn rejects(data: &ReportData, points: &mut Vec<Point>) {
    let Some(rejects) = &data.rejects else { return };
    let (rejected, read) = (rejects.rejected() as f64, rejects.rows_read as f64);
    if read > 0.0 && rejected / read >= REJECTED_SHARE {
        let text = format!(
            "{} of the source rows were rejected.",
            format::share(rejected, read)
        );
        points.push(Point {
            level: Level::Warning,
            text,
            part: Part::Rejects,
        });
    }
}

fn diverged_or_starved(training: &Training, points: &mut Vec<Point>) {
    let name = &training.name;
    let mut add = |level, text| {
        points.push(Point {
            level,
            text,
            part: Part::Training,
        })
    };
    let broken = training
        .curve
        .iter()
        .filter(|point| !point.loss.is_finite())
        .count() as u64;
    if broken > 0 {
        add(
            Level::Problem,
            format!(
                "The loss of {name} is not a number at {}.",
                format::plural(broken, "point", "points")
            ),
        );
    }
    if let [first, .., last] = training.curve.as_slice()
        && last.loss > first.loss
    {
        add(
            Level::Problem,
            format!("The loss of {name} ended above its start."),
        );
    }
    if let Some(stall) = &training.stall
        && stall.waited() > stall.total() * WAITING_SHARE
    {
        let share = format::share(stall.waited(), stall.total());
        add(
            Level::Warning,
            format!("The trainer of {name} waited for data {share} of its time."),
        );
    }
}

/// On the headline metric only: a page full of comparisons always has a bad one.
fn differences(data: &ReportData, points: &mut Vec<Point>) {
    let Some(headline) = data.metrics.first().map(|row| &row.metric) else {
        return;
    };
    for model in data
        .metrics
        .iter()
        .filter(|row| row.kind == MethodKind::Model && row.metric == *headline)
    {
        let against = |verdict: Verdict| {
            let on_headline = data
                .differences
                .iter()
                .filter(move |d| d.metric == *headline && d.model == model.method);
            on_headline
                .filter(move |d| d.verdict() == verdict)
                .map(|d| d.baseline.as_str())
                .collect::<Vec<_>>()
        };
        for (verdict, level, words) in [
            (Verdict::Worse, Level::Problem, "is worse than"),
            (
                Verdict::NoClearDifference,
                Level::Warning,
                "shows no clear difference from",
            ),
        ] {
            let baselines = against(verdict);
            if !baselines.is_empty() {
                let text = format!(
                    "On {headline}, {} {words} {}.",
                    model.method,
                    format::list(&baselines)
                );
                points.push(Point {
                    level,
                    text,
                    part: Part::Metrics,
                });
            }
        }
    }
}

fn artifacts(data: &ReportData, points: &mut Vec<Point>) {
    for artifact in &data.artifacts {
        let Some(gate) = &artifact.gate else { continue };
        let what = match gate.outcome {
            GateOutcome::Passed => continue,
            GateOutcome::Refused => "refused",
            GateOutcome::NotEvaluated => "was not evaluated for",
        };
        let alias = match &artifact.alias {
            Some(alias) if !alias.moved => format!(", and {} did not move", alias.alias),
            _ => String::new(),
        };
        let text = format!("The gate {what} {}{alias}.", artifact.model);
        points.push(Point {
            level: Level::Warning,
            text,
            part: Part::Artifacts,
        });
    }
}
