//! The run in a few sentences and figures, worked out from the numbers.
//! It must not say more than they do: "better" is said only where a paired interval shows it.

use super::data::{Better, MethodKind, MetricRow, ReportData, RunStatus, Verdict};
use super::format;

/// A number for the top of the page.
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number.
    pub value: String,
    /// What a reader needs beside it.
    pub note: String,
}

/// The caller's summary, or one made from the numbers.
pub fn sentence(data: &ReportData) -> String {
    if let Some(summary) = &data.header.summary {
        return summary.clone();
    }
    let took = format::duration(data.header.seconds);
    let mut sentences = vec![match &data.header.status {
        RunStatus::Succeeded => format!("The run finished in {took}."),
        RunStatus::Failed { reason } => {
            format!("The run failed after {took}: {}", full_stop(reason))
        }
        RunStatus::Cancelled { reason } => {
            format!("The run was cancelled after {took}: {}", full_stop(reason))
        }
    }];
    sentences.extend(work(data));
    sentences.extend(result(data));
    sentences.extend(published(data));
    sentences.join(" ")
}

fn full_stop(reason: &str) -> String {
    let reason = reason.trim_end();
    if reason.ends_with(['.', '!', '?']) {
        reason.to_owned()
    } else {
        format!("{reason}.")
    }
}

fn work(data: &ReportData) -> Option<String> {
    let made = data.tables.iter().filter(|table| !table.skipped).count() as u64;
    let found = data.tables.len() as u64 - made;
    let mut parts = Vec::new();
    if made > 0 {
        parts.push(format!("made {}", format::plural(made, "table", "tables")));
    }
    if found > 0 {
        parts.push(format!(
            "found {} already there",
            format::plural(found, "table", "tables")
        ));
    }
    if !data.training.is_empty() {
        parts.push(format!(
            "trained {}",
            format::plural(data.training.len() as u64, "model", "models")
        ));
    }
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let opening = if data.header.status == RunStatus::Succeeded {
        "It"
    } else {
        "Before that it"
    };
    (!parts.is_empty()).then(|| format!("{opening} {}.", format::list(&parts)))
}

fn result(data: &ReportData) -> Option<String> {
    let best = best(data, MethodKind::Model)?;
    let value = format!(
        "The best model, {}, reaches {} of {}",
        best.method,
        best.metric,
        format::metric(best.value)
    );
    let Some(baseline) = self::best(data, MethodKind::Baseline) else {
        return Some(format!("{value}."));
    };
    let pair = data.differences.iter().find(|difference| {
        difference.metric == best.metric
            && difference.model == best.method
            && difference.baseline == baseline.method
    });
    let words = match pair.map(|difference| difference.verdict()) {
        Some(Verdict::Better) => "clearly better than",
        Some(Verdict::Worse) => "clearly worse than",
        Some(Verdict::NoClearDifference) => "not clearly different from",
        None => "against",
    };
    Some(format!(
        "{value}, {words} the best baseline, {} ({}).",
        baseline.method,
        format::metric(baseline.value)
    ))
}

fn published(data: &ReportData) -> Option<String> {
    let moved = data.artifacts.iter().filter_map(|artifact| {
        let alias = artifact.alias.as_ref().filter(|alias| alias.moved)?;
        Some(format!(
            "{} now points to {} {}",
            alias.alias,
            artifact.model,
            format::hash(&artifact.version)
        ))
    });
    let moved: Vec<_> = moved.collect();
    let names: Vec<_> = moved.iter().map(String::as_str).collect();
    (!moved.is_empty()).then(|| format!("The alias {}.", format::list(&names)))
}

/// The best of a kind on the headline metric, the one of the first row.
fn best(data: &ReportData, kind: MethodKind) -> Option<&MetricRow> {
    let headline = &data.metrics.first()?.metric;
    let rows = data
        .metrics
        .iter()
        .filter(|row| row.kind == kind && row.metric == *headline && row.value.is_finite());
    rows.reduce(|best, row| {
        let wins = match row.better {
            Better::Higher => row.value > best.value,
            Better::Lower => row.value < best.value,
        };
        if wins { row } else { best }
    })
}

/// The figures under the summary; those without a number are left out.
pub fn figures(data: &ReportData) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (kind, word) in [
        (MethodKind::Model, "best model"),
        (MethodKind::Baseline, "best baseline"),
    ] {
        if let Some(row) = best(data, kind) {
            figures.push(Figure {
                label: word.to_owned(),
                value: format::metric(row.value),
                note: format!("{}, {}", row.metric, row.method),
            });
        }
    }
    if let Some(rejects) = &data.rejects {
        let share = format::share(rejects.rejected() as f64, rejects.rows_read as f64);
        let note = if rejects.rejected() == 0 {
            "none rejected".to_owned()
        } else {
            format!("{share} rejected")
        };
        figures.push(Figure {
            label: "source rows".to_owned(),
            value: format::short(rejects.rows_read as f64),
            note,
        });
    }
    figures.extend(waiting(data));
    let trained = data.training.iter().map(|training| training.seconds).sum();
    figures.push(Figure {
        label: "run time".to_owned(),
        value: format::duration(data.header.seconds),
        note: if data.training.is_empty() {
            "no training".to_owned()
        } else {
            format!("{} training", format::duration(trained))
        },
    });
    figures
}

fn waiting(data: &ReportData) -> Option<Figure> {
    let ledgers = || {
        data.training
            .iter()
            .filter_map(|training| training.stall.as_ref())
    };
    let (waited, total) = ledgers().fold((0.0, 0.0), |(w, t), stall| {
        (w + stall.waited(), t + stall.total())
    });
    (total > 0.0).then(|| Figure {
        label: "trainers waited".to_owned(),
        value: format::share(waited, total),
        note: format!(
            "{} of {}",
            format::duration(waited),
            format::duration(total)
        ),
    })
}
