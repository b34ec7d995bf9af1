//! Decisions: which were held out, and how well methods tell what was bought from what was not.

use maud::{Markup, html};
use pannier_proto::event::{CurveRow, DecidedRow};
use pannier_proto::spec::ContextSpec;

use crate::report::charts::curves::{Axes, Curve, curves};
use crate::report::data::ReportData;
use crate::report::format;

/// The block below the metrics; nothing where no decisions were held out.
pub fn decisions(data: &ReportData) -> Markup {
    html! {
        @if let Some(decided) = &data.decided {
            h3 { "Decisions" }
            (about(decided))
            @if !data.curves.is_empty() { (charts(data, decided)) }
        }
    }
}

/// Which decisions they are, and what their context takes in.
fn about(decided: &DecidedRow) -> Markup {
    let share = |part: u64| format::share(part as f64, decided.n as f64);
    html! {
        p {
            (format::count(decided.n)) " held-out decisions of " (format::count(decided.users)) " users, of which "
            (share(decided.bought)) " were bought; " (share(decided.new_users)) " are of users, and "
            (share(decided.new_items)) " of items, that the training does not know. "
            "A decision counts as foretold to be bought where its probability is above "
            (format::metric(decided.threshold)) ", the share of the train decisions that were. "
            "Intervals are over users."
        }
        @match decided.context {
            ContextSpec::Decision => p { strong { "Context: decision." } " It holds what was known before each was decided." },
            ContextSpec::Leaky => p {
                strong { "Context: leaky." }
                " It takes in the whole session, the purchase and what came after it too, and so tells what is to be "
                "foretold: these figures are for comparison with others that were measured so, and better than any "
                "that can be had in use."
            },
        }
    }
}

fn charts(data: &ReportData, decided: &DecidedRow) -> Markup {
    let shown = |method: &str, metric: &str| {
        let row = data
            .metrics
            .iter()
            .find(|r| r.method == method && r.metric == metric);
        row.map_or_else(String::new, |r| format::metric(r.value))
    };
    let of = |metric: &str, point: fn(&CurveRow) -> (f64, f64)| -> Vec<Curve<'_>> {
        let methods = data.curves.chunk_by(|a, b| a.method == b.method);
        methods
            .filter_map(|rows| {
                let method = rows.first()?.method.as_str();
                Some(Curve {
                    label: method,
                    shown: shown(method, metric),
                    points: rows.iter().map(point).collect(),
                })
            })
            .collect()
    };
    let desc = |lines: &[Curve<'_>]| {
        let each = lines.iter().map(|l| format!("{} {}", l.label, l.shown));
        each.collect::<Vec<_>>().join("; ")
    };
    let roc = of("auc", |row| (row.wrong, row.found));
    let precision = of("pr_auc", |row| (row.found, row.precision));
    let base = decided.bought as f64 / decided.n.max(1) as f64;
    let roc_axes = Axes {
        x: "share of the others foretold",
        y: "share of the bought foretold",
        reference: [(0.0, 0.0), (1.0, 1.0)],
    };
    let precision_axes = Axes {
        x: "share of the bought foretold",
        y: "share of the foretold bought",
        reference: [(0.0, base), (1.0, base)],
    };
    html! {
        div.panels {
            figure {
                h3 { "ROC curve " span.kind { "auc" } }
                (curves("roc", "ROC curve", &desc(&roc), &roc_axes, &roc))
            }
            figure {
                h3 { "Precision and recall " span.kind { "pr_auc" } }
                (curves("precision-recall", "Precision and recall", &desc(&precision), &precision_axes, &precision))
            }
        }
    }
}
