//! Where the run's time went: one bar for each piece of work.

use maud::{Markup, html};
use pannier_proto::event::Operator;

use super::scroll;

use crate::report::charts::gantt::{Span, gantt};
use crate::report::charts::swatch;
use crate::report::data::{Activity, ActivityKind, ActivityOutcome, ReportData};
use crate::report::format;

const KINDS: [(ActivityKind, &str, &str); 4] = [
    (ActivityKind::Data, "data", "c-data"),
    (ActivityKind::Train, "training", "c-accent"),
    (ActivityKind::Evaluate, "evaluation", "c-evaluate"),
    (ActivityKind::Publish, "publishing", "c-publish"),
];

/// The part; `None` where no times were recorded.
pub fn timeline(data: &ReportData) -> Option<Markup> {
    if data.timeline.is_empty() {
        return None;
    }
    let spans: Vec<_> = data.timeline.iter().map(span).collect();
    let text = longest(data);
    Some(html! {
        figure {
            ul.legend {
                @for (kind, word, class) in KINDS {
                    @if data.timeline.iter().any(|activity| activity.kind == kind) {
                        li {
                            (swatch(class)) " " span.label { (word) }
                        }
                    }
                }
            }
            (gantt("timeline-chart", "What ran when", &text, &spans, data.header.seconds))
            figcaption { (text) }
        }
        @if !data.operators.is_empty() {
            h3 { "What the processors were busy with" }
            p {
                "All work of the engine on tables, by operator: waiting is left out, and what ran side by side adds up. "
                "Bytes are those that came out of an operator, slices of one array each as the whole of it; of WriteTable, those of the files."
            }
            (scroll("What the processors were busy with", &operators(&data.operators)))
        }
    })
}

fn operators(operators: &[Operator]) -> Markup {
    let all: f64 = operators.iter().map(|o| o.seconds).sum();
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Operator" }
                    th.n scope="col" { "Busy" }
                    th.n scope="col" { "Share" }
                    th.n scope="col" { "Rows out" }
                    th.n scope="col" { "Bytes out" }
                    th.n scope="col" { "Spilled" }
                }
            }
            tbody {
                @for operator in operators.iter().filter(|o| o.seconds >= all / 1000.0) {
                    tr {
                        th scope="row" { (operator.name) }
                        td.n { (format::duration(operator.seconds)) }
                        td.n { (format::share(operator.seconds, all)) }
                        td.n { (format::count(operator.rows)) }
                        td.n { (format::bytes(operator.bytes)) }
                        td.n { (format::bytes(operator.spilled)) }
                    }
                }
            }
        }
    }
}

fn span(activity: &Activity) -> Span<'_> {
    let time = format::duration(activity.seconds);
    Span {
        label: &activity.name,
        start: activity.start_seconds,
        seconds: activity.seconds,
        note: match activity.outcome {
            ActivityOutcome::Done => time,
            ActivityOutcome::Skipped => "already there".to_owned(),
            ActivityOutcome::Failed => format!("✕ {time}"),
        },
        class: match activity.outcome {
            ActivityOutcome::Failed => "c-bad",
            _ => KINDS
                .iter()
                .find(|(kind, ..)| *kind == activity.kind)
                .map_or("c-data", |(.., class)| class),
        },
        mark_only: activity.outcome == ActivityOutcome::Skipped,
    }
}

fn longest(data: &ReportData) -> String {
    let longest = data
        .timeline
        .iter()
        .max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    longest.map_or_else(String::new, |activity| {
        format!(
            "The longest was {}: {} of {} ({}). Bars may overlap where work ran side by side.",
            activity.name,
            format::duration(activity.seconds),
            format::duration(data.header.seconds),
            format::share(activity.seconds, data.header.seconds)
        )
    })
}
