//! The users of a model in segments: how many and why, what they are worth and like, and whether that
//! is more than chance.

use maud::{Markup, html};
use pannier_proto::segments::{SegmentKpis, SegmentSummary, SegmentTest};

use super::segment_plots::{kpi_bars, survey, user_map};
use super::segment_profiles::profiles;
use super::{mark, scroll};
use crate::report::data::ReportData;
use crate::report::format;

/// A KPI that differs by chance in one of so many random groupings is not told apart.
const LEVEL: f64 = 0.05;

/// Columns of the table: the heading, and which of the nine KPIs.
const COLUMNS: [(&str, usize); 8] = [
    ("Baskets", 2),
    ("Spend", 0),
    ("Units", 1),
    ("Spend per basket", 4),
    ("Units per basket", 5),
    ("Spend per user", 6),
    ("Units per user", 7),
    ("Price per unit", 8),
];

/// The part; `None` where nobody was grouped.
pub fn segments(data: &ReportData) -> Option<Markup> {
    let of = data.segments.iter().enumerate();
    (!data.segments.is_empty()).then(|| html! { @for (at, of) in of { (model(at, of)) } })
}

fn model(at: usize, of: &SegmentSummary) -> Markup {
    html! {
        article.training {
            h3 { "The users of " (of.model) }
            p {
                (format::plural(of.users, "user", "users")) " in "
                (format::plural(of.kpis.len() as u64, "segment", "segments")) ": " (of.reason) "."
                @if of.without_vector > 0 {
                    " " (format::plural(of.without_vector, "user", "users"))
                    " more bought nothing that the model was trained on and are in none."
                }
            }
            @if of.reliable == Some(false) {
                p { (mark("warn", "▲", "not reliable")) " Halves of the users are grouped differently." }
            }
            (survey(at, of))
            (kpis(of))
            (kpi_bars(at, of))
            (tests(&of.tests))
            (profiles(of))
            (user_map(at, of))
        }
    }
}

fn kpis(of: &SegmentSummary) -> Markup {
    let shown: Vec<(&str, usize)> = COLUMNS
        .into_iter()
        .filter(|(_, kpi)| of.overall.values()[*kpi].is_some())
        .collect();
    let cells = |kpis: &SegmentKpis| {
        let values = kpis.values();
        let text = |kpi: usize| values[kpi].map_or("–".to_owned(), |value| amount(kpi, value));
        html! { @for (_, kpi) in &shown { td.n { (text(*kpi)) } } }
    };
    let table = html! {
        table {
            caption { "KPIs" }
            thead {
                tr {
                    th scope="col" { "Segment" } th.n scope="col" { "Users" }
                    @for (heading, _) in &shown { th.n scope="col" { (heading) } }
                }
            }
            tbody {
                @for (segment, kpis) in of.kpis.iter().enumerate() {
                    tr {
                        th.n scope="row" { (segment) }
                        td.n { (format::count(kpis.users)) " " small { (format::share(kpis.users as f64, of.users as f64)) } }
                        (cells(kpis))
                    }
                }
            }
            tfoot { tr { th scope="row" { "All" } td.n { (format::count(of.overall.users)) } (cells(&of.overall)) } }
        }
    };
    scroll("KPIs of the segments", &table)
}

/// Totals short, ratios to what one can tell apart.
fn amount(kpi: usize, value: f64) -> String {
    if kpi < 4 {
        format::short(value.round())
    } else {
        format::significant(value)
    }
}

/// Whether users of different segments differ, in words and numbers.
fn tests(tests: &[SegmentTest]) -> Markup {
    let apart = tests.iter().filter(|test| test.p < LEVEL).count();
    let table = html! {
        table {
            caption { "Do segments tell users apart?" }
            thead { tr {
                th scope="col" { "A user's own" } th scope="col" { "Segments against random groups of the same sizes" }
                th.n scope="col" { "Variance between" } th.n scope="col" { "p" } th.n scope="col" { "Users" }
            } }
            tbody {
                @for test in tests {
                    tr {
                        th scope="row" { (test.kpi.replace('_', " ")) }
                        td { @if test.p < LEVEL { (mark("good", "✓", "differ more")) } @else { (mark("quiet", "○", "as random ones")) } }
                        td.n { (format::share(test.share, 1.0)) }
                        td.n { (format::significant(test.p)) }
                        td.n { (format::count(test.users)) }
                    }
                }
            }
        }
    };
    html! {
        @if !tests.is_empty() {
            (scroll("Tests of the segments", &table))
            p.quiet {
                (apart) " of " (format::plural(tests.len() as u64, "KPI", "KPIs"))
                " differ between segments more than between random groups of the same sizes (permutation test; p is the share of random groupings that differ as much). How much of the difference between users lies between segments is the share of variance: small shares are real and of little use."
            }
        }
    }
}
