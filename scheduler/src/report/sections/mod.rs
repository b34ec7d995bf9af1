//! The page's parts, one file each.
//!
//! Owns the frame every part shares: its heading, and the sentence that stands in for a part
//! without content. A part never vanishes, or a reader could not tell "none" from "forgotten".

mod artifacts;
mod attempts;
mod calibration;
mod checks;
mod decisions;
mod differences;
mod empty;
mod header;
mod item_map;
mod loss;
mod metrics;
mod neighbours;
mod profile;
mod rejects;
mod segment_plots;
mod segment_profiles;
mod segments;
mod shopping;
mod split;
mod stall;
mod tables;
mod timeline;
mod training;
mod tuned;

use maud::{Markup, html};

use super::data::{Part, ReportData};

pub use header::header;
pub use profile::body as profile;

/// A part with its heading; the sentence that says why where there is nothing in it.
pub fn part(part: Part, data: &ReportData) -> Markup {
    let body = match part {
        Part::Metrics => metrics::metrics(data),
        Part::Artifacts => artifacts::artifacts(data),
        Part::Training => training::trainings(data),
        Part::Neighbours => neighbours::neighbours(data),
        Part::Segments => segments::segments(data),
        Part::Tables => tables::tables(data),
        Part::Rejects => rejects::rejects(data),
        Part::Checks => checks::checks(data),
        Part::Profile => profile::part(data),
        Part::Split => split::split(data),
        Part::Timeline => timeline::timeline(data),
    };
    let heading = format!("{}-heading", part.anchor());
    html! {
        section #(part.anchor()) aria-labelledby=(heading) {
            h2 #(heading) { (part.title()) }
            @match body {
                Some(body) => (body),
                None => p.empty { (empty::why(part, data)) },
            }
        }
    }
}

/// A table's frame: it scrolls by itself where the page is narrow, and the keyboard can reach it.
fn scroll(label: &str, table: &Markup) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label=(label) { (table) }
    }
}

/// A word with a sign in front, so that colour is never the only difference.
fn mark(class: &str, sign: &str, word: &str) -> Markup {
    html! {
        span class={ "mark " (class) } { span.sign aria-hidden="true" { (sign) } " " (word) }
    }
}
