//! The report of one run: a single HTML page that needs nothing beside itself.
//!
//! Owns the page: what it says, how it looks, and the charts on it. [`render`] is a pure function
//! of [`ReportData`], so the same run always gives the same bytes. It must not read a file, a
//! clock, a table or the network; whoever calls it has gathered the numbers and stores the page.

mod attention;
mod charts;
mod data;
pub(crate) mod format;
mod sections;
mod summary;

#[cfg(test)]
mod example;
#[cfg(test)]
mod markup_check;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use pannier_proto::ids::BUILD_ID;
use pannier_proto::profile::Profile;

pub use data::{
    Activity, ActivityKind, ActivityOutcome, AliasMove, Artifact, ArtifactFile, Attempt,
    AttemptOutcome, Better, Check, CheckOutcome, Difference, Gate, GateOutcome, Interval, ItemMap,
    LeftOut, Lineage, LossPoint, MapPlace, MethodKind, MetricRow, Neighbour, NeighbourList, Param,
    Part, RejectReason, RejectSample, Rejects, ReportData, ResumePoint, RowAction, RunHeader,
    RunStatus, SampleRows, Severity, Split, SplitPart, StallLedger, TableRef, TableRow, Training,
    Trial, Tuned, Verdict,
};

/// The page's only style sheet, put into its head.
const STYLE: &str = include_str!("report.css");

/// What the browser may load for this page: nothing but its own styles, whatever the data contain.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Renders the whole page, from `<!DOCTYPE html>` on, as UTF-8 text.
///
/// Every text of `data` is escaped, every part may be empty, and numbers that are not finite are
/// shown as a dash, so this cannot fail.
#[must_use]
pub fn render(data: &ReportData) -> String {
    let header = &data.header;
    let title = format!("{} · run {}", header.name, format::hash(&header.id));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, &data.header.build_id))
            body {
                a.skip href="#main" { "Skip to the results" }
                div.page {
                    (sections::header(data))
                    (contents())
                    main #main {
                        @for part in Part::ALL { (sections::part(part, data)) }
                    }
                    (footer(&data.header.build_id))
                }
            }
        }
    };
    page.into_string()
}

/// Renders a profile as a page of its own.
#[must_use]
pub fn profile_page(profile: &Profile) -> String {
    let names: Vec<&str> = profile.tables.iter().map(|t| t.table.as_str()).collect();
    let title = format!("Profile of {}", format::list(&names));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, BUILD_ID))
            body {
                div.page {
                    header {
                        p.eyebrow { "Pannier" }
                        div.title { h1 { (title) } }
                    }
                    main #main { section { (sections::profile(profile)) } }
                    (footer(BUILD_ID))
                }
            }
        }
    };
    page.into_string()
}

fn head(title: &str, build: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
            meta name="generator" content={ "pannier " (build) };
            title { (title) " · Pannier" }
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn contents() -> Markup {
    html! {
        nav.contents aria-label="Contents" {
            ol {
                @for part in Part::ALL {
                    li { a href={ "#" (part.anchor()) } { (part.title()) } }
                }
            }
        }
    }
}

fn footer(build: &str) -> Markup {
    html! {
        footer {
            p {
                "Made by Pannier" @if !build.is_empty() { " " code { (build) } }
                ". The page is complete in itself: it loads nothing."
            }
        }
    }
}
