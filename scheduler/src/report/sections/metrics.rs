//! Metrics of models and baselines: a dot plot for each metric, then all numbers in one table.

use maud::{Markup, html};

use super::{calibration, decisions, differences, scroll, tuned};
use crate::report::charts::intervals::{Dot, dot_plot};
use crate::report::data::{Better, MethodKind, MetricRow, ReportData};
use crate::report::format;

/// The part; `None` where nothing was evaluated.
pub fn metrics(data: &ReportData) -> Option<Markup> {
    if data.metrics.is_empty() {
        return None;
    }
    let names = distinct(data.metrics.iter().map(|row| row.metric.as_str()));
    Some(html! {
        p {
            "Models and baselines are evaluated by the same code on the same test split. "
            "Whiskers are 95 % intervals; the dotted line marks the best baseline."
        }
        div.panels {
            @for (i, metric) in names.iter().filter(|name| leads(name, &names)).enumerate() { (panel(i, metric, &data.metrics)) }
        }
        (scroll("Metrics by method", &table(&names, &data.metrics)))
        (decisions::decisions(data))
        (differences::differences(data))
        (calibration::calibration(data))
        (tuned::tuned(&data.tuned))
    })
}

/// Whether a metric is shown at once: one at the headline's K, which is that of the first of all, or one
/// of a kind that is not measured there.
pub fn leads(name: &str, all: &[&str]) -> bool {
    let parts = |name: &str| {
        let (kind, k) = name.split_once('@').unwrap_or((name, ""));
        (kind.to_owned(), k.to_owned())
    };
    let headline = all.first().map(|first| parts(first).1).unwrap_or_default();
    let (kind, k) = parts(name);
    let there = (kind, headline);
    k == there.1 || !all.iter().any(|other| parts(other) == there)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.fold(Vec::new(), |mut seen, name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
        seen
    })
}

/// Rows of one metric, best first.
fn ranked<'a>(metric: &str, rows: &'a [MetricRow]) -> Vec<&'a MetricRow> {
    let mut ranked: Vec<_> = rows.iter().filter(|row| row.metric == metric).collect();
    let key = |row: &MetricRow| match row.better {
        _ if row.value.is_nan() => f64::NEG_INFINITY,
        Better::Higher => row.value,
        Better::Lower => -row.value,
    };
    ranked.sort_by(|a, b| {
        key(b)
            .total_cmp(&key(a))
            .then_with(|| a.method.cmp(&b.method))
    });
    ranked
}

fn panel(i: usize, metric: &str, rows: &[MetricRow]) -> Markup {
    let rows = ranked(metric, rows);
    let dots = rows.iter().map(|row| Dot {
        label: &row.method,
        value: row.value,
        interval: row.interval.map(|interval| (interval.lo, interval.hi)),
        emphasised: row.kind == MethodKind::Model,
    });
    let dots: Vec<_> = dots.collect();
    let reference = rows
        .iter()
        .find(|row| row.kind == MethodKind::Baseline)
        .map(|row| row.value);
    let desc = rows
        .iter()
        .map(|row| format!("{} {}", row.method, with_interval(row)))
        .collect::<Vec<_>>()
        .join("; ");
    let better = match rows.first().map(|row| row.better) {
        Some(Better::Lower) => "lower is better",
        _ => "higher is better",
    };
    html! {
        figure {
            h3 { (metric) " " span.kind { (better) } }
            (dot_plot(&format!("metric-{i}"), metric, &desc, &dots, reference))
        }
    }
}

fn with_interval(row: &MetricRow) -> String {
    row.interval.map_or_else(
        || format::metric(row.value),
        |interval| {
            format!(
                "{} ({} to {})",
                format::metric(row.value),
                format::metric(interval.lo),
                format::metric(interval.hi)
            )
        },
    )
}

fn table(names: &[&str], rows: &[MetricRow]) -> Markup {
    let of_kind = |kind| {
        distinct(
            rows.iter()
                .filter(|row| row.kind == kind)
                .map(|row| row.method.as_str()),
        )
    };
    html! {
        table.matrix {
            thead {
                tr {
                    th scope="col" { "Method" }
                    @for metric in names { th.n scope="col" { (metric) (evaluated(metric, rows)) } }
                }
            }
            @for (kind, heading) in [(MethodKind::Model, "Models"), (MethodKind::Baseline, "Baselines")] {
                @let methods = of_kind(kind);
                @if !methods.is_empty() {
                    tbody {
                        tr.group { th scope="rowgroup" colspan=(names.len() + 1) { (heading) } }
                        @for method in methods {
                            tr {
                                th scope="row" { (method) }
                                @for metric in names { (cell(method, metric, rows)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many were evaluated, in the column's head where all methods have the same.
fn evaluated(metric: &str, rows: &[MetricRow]) -> Markup {
    html! {
        @if let Some(n) = common_n(metric, rows) { small { "n = " (format::count(n)) } }
    }
}

fn common_n(metric: &str, rows: &[MetricRow]) -> Option<u64> {
    let mut counts = rows
        .iter()
        .filter(|row| row.metric == metric)
        .map(|row| row.n);
    let first = counts.next()?;
    counts.all(|n| n == first).then_some(first)
}

fn cell(method: &str, metric: &str, rows: &[MetricRow]) -> Markup {
    let Some(row) = rows
        .iter()
        .find(|row| row.metric == metric && row.method == method)
    else {
        return html! { td.n { "–" } };
    };
    let is_best = ranked(metric, rows)
        .first()
        .is_some_and(|best| best.value == row.value);
    html! {
        td.n {
            @if is_best {
                strong title="the best of this column" { (format::metric(row.value)) }
            } @else {
                (format::metric(row.value))
            }
            @if let Some(interval) = row.interval {
                small { (format::metric(interval.lo)) "–" (format::metric(interval.hi)) }
            }
            @if common_n(metric, rows).is_none() { small { "n = " (format::count(row.n)) } }
        }
    }
}
