//! Segments drawn: what speaks for their number, KPIs side by side, users on a map.

use maud::{Markup, html};
use pannier_proto::segments::{SegmentCandidate, SegmentSummary};

use crate::report::charts::columns::{Bar, columns};
use crate::report::charts::line::{Ticks, line};
use crate::report::charts::scale::Linear;
use crate::report::charts::scatter::{Point, scatter};
use crate::report::charts::{GROUPS, OTHERS, swatch};
use crate::report::format;

/// KPIs that are drawn: the heading, and which of the nine.
const DRAWN: [(&str, usize); 6] = [
    ("Users", 3),
    ("Spend per basket", 4),
    ("Units per basket", 5),
    ("Spend per user", 6),
    ("Units per user", 7),
    ("Price per unit", 8),
];

/// A number of a candidate.
type OfCandidate = fn(&SegmentCandidate) -> f64;

/// What speaks for a number of segments: agreement between halves, silhouette, inertia.
pub fn survey(at: usize, of: &SegmentSummary) -> Markup {
    if of.candidates.len() < 2 {
        return html! {};
    }
    let plots: [(&str, &str, OfCandidate); 3] = [
        (
            "Agreement between halves",
            "Mean adjusted Rand index: 1 is the same segments, 0 is chance.",
            |c| c.halves,
        ),
        (
            "Silhouette",
            "How much nearer users are to their own segment than to the next: 1 is far apart, 0 is no gap.",
            |c| c.silhouette,
        ),
        (
            "Inertia",
            "Sum of squared distances to the centres; it always falls.",
            |c| c.inertia,
        ),
    ];
    html! {
        div.panels {
            @for (i, (heading, caption, value)) in plots.into_iter().enumerate() {
                figure {
                    h4 { (heading) }
                    (curve(&format!("survey-{at}-{i}"), heading, caption, &of.candidates, value))
                    figcaption { (caption) }
                }
            }
        }
        @if let Some(users) = of.surveyed {
            p.quiet { "Numbers of segments were tried on " (format::plural(users, "user", "users")) " drawn from all." }
        }
    }
}

fn curve(
    id: &str,
    title: &str,
    desc: &str,
    candidates: &[SegmentCandidate],
    value: OfCandidate,
) -> Markup {
    let across = Linear::covering(candidates.iter().map(|c| f64::from(c.segments)));
    let up = Linear::covering(candidates.iter().map(value));
    let Some((across, up)) = across.zip(up) else {
        return html! { p.empty { "None of the values is a number, so there is nothing to draw." } };
    };
    let up = up.with_zero_if_near().nice(4);
    let points: Vec<(f64, f64)> = candidates
        .iter()
        .map(|c| {
            (
                across.fraction(f64::from(c.segments)),
                up.fraction(value(c)),
            )
        })
        .collect();
    let ticks = |scale: &Linear, n: u32| -> Ticks {
        let ticks = scale.ticks(n).into_iter();
        ticks
            .map(|(value, label)| (scale.fraction(value), label))
            .collect()
    };
    let ticks = (&ticks(&across, 6), &ticks(&up, 4));
    line(id, title, desc, &points, ticks, "segments")
}

/// Each KPI by segment.
pub fn kpi_bars(at: usize, of: &SegmentSummary) -> Markup {
    let overall = of.overall.values();
    html! {
        div.panels {
            @for (heading, kpi) in DRAWN {
                @if let Some(all) = overall[kpi] {
                    @let bars = bars(of, kpi, heading);
                    @let caption = format!("All users: {}.", format::significant(all));
                    figure {
                        h4 { (heading) }
                        (columns(&format!("kpi-{at}-{kpi}"), heading, &caption, &bars, "segment"))
                        figcaption { (caption) }
                    }
                }
            }
        }
    }
}

fn bars(of: &SegmentSummary, kpi: usize, heading: &str) -> Vec<Bar> {
    let values = of.kpis.iter().map(|kpis| kpis.values()[kpi].unwrap_or(0.0));
    let bar = |(segment, value): (usize, f64)| Bar {
        label: segment.to_string(),
        value,
        note: format!(
            "Segment {segment}: {} {}",
            heading.to_lowercase(),
            format::significant(value)
        ),
    };
    values.enumerate().map(bar).collect()
}

/// Users where their vectors lie, coloured by segment.
pub fn user_map(at: usize, of: &SegmentSummary) -> Markup {
    let class = |segment: u32| *GROUPS.get(segment as usize).unwrap_or(&OTHERS);
    let labels: Vec<String> = (0..of.kpis.len())
        .map(|segment| format!("segment {segment}"))
        .collect();
    let places = of.places.iter().filter_map(|place| {
        Some(Point {
            label: labels.get(place.segment as usize)?,
            x: f64::from(place.x),
            y: f64::from(place.y),
            class: class(place.segment),
        })
    });
    let points: Vec<Point<'_>> = places.collect();
    let shown = points.len() as u64;
    let desc = format!(
        "{} users at the first two principal components of their vectors.",
        format::count(shown)
    );
    html! {
        figure {
            h4 { "Map of users" }
            (scatter(&format!("users-{at}"), "Map of users", &desc, &points))
            ul.legend {
                @for (segment, kpis) in of.kpis.iter().enumerate().take(GROUPS.len()) {
                    li { (swatch(GROUPS[segment])) " segment " (segment) " " span.amount { (format::count(kpis.users)) } }
                }
                @if of.kpis.len() > GROUPS.len() { li { (swatch(OTHERS)) " others" } }
            }
            figcaption {
                (desc) @if shown < of.users { " They are drawn from all." }
                " Segments that overlap here may be apart in other directions."
            }
        }
    }
}
