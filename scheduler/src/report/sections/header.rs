//! The top of the page: which run, how it ended, what came out, what needs a look, and the spec.

use maud::{Markup, html};

use super::mark;
use crate::report::attention::{self, Level};
use crate::report::data::{ReportData, RunHeader, RunStatus};
use crate::report::{format, summary};

/// The whole header.
pub fn header(data: &ReportData) -> Markup {
    html! {
        header {
            p.eyebrow { "Pannier run report" }
            div.title {
                h1 { (if data.header.name.is_empty() { "Unnamed run" } else { &data.header.name }) }
                (status(&data.header.status))
            }
            (facts(&data.header))
            p.summary { (summary::sentence(data)) }
            (figures(data))
            (needs_a_look(data))
            (spec(&data.header.spec))
        }
    }
}

fn status(status: &RunStatus) -> Markup {
    match status {
        RunStatus::Succeeded => mark("pill good", "✓", "succeeded"),
        RunStatus::Failed { .. } => mark("pill bad", "✕", "failed"),
        RunStatus::Cancelled { .. } => mark("pill warn", "■", "cancelled"),
    }
}

fn facts(header: &RunHeader) -> Markup {
    html! {
        dl.facts {
            @if !header.id.is_empty() { div { dt { "Run" } dd { code { (header.id) } } } }
            @if !header.started_at.is_empty() {
                div {
                    dt { "Started" }
                    dd { time datetime=(header.started_at) { (format::moment(&header.started_at)) } }
                }
            }
            div { dt { "Took" } dd { (format::duration(header.seconds)) } }
            div { dt { "Seed" } dd { (header.seed) } }
            @if !header.build_id.is_empty() {
                div { dt { "Build" } dd { code { (header.build_id) } } }
            }
        }
    }
}

fn figures(data: &ReportData) -> Markup {
    let figures = summary::figures(data);
    html! {
        @if !figures.is_empty() {
            dl.figures {
                @for figure in figures {
                    div {
                        dt { (figure.label) }
                        dd.number { (figure.value) }
                        dd.note { (figure.note) }
                    }
                }
            }
        }
    }
}

fn needs_a_look(data: &ReportData) -> Markup {
    let points = attention::points(data);
    html! {
        @if points.is_empty() {
            @if data.header.status == RunStatus::Succeeded {
                p.calm { (mark("good", "✓", "Nothing in this report needs a second look.")) }
            }
        } @else {
            div.attention {
                h2 { "Worth a look" }
                ul {
                    @for point in points {
                        li {
                            @match point.level {
                                Level::Problem => (mark("bad", "✕", "problem")),
                                Level::Warning => (mark("warn", "▲", "warning")),
                            }
                            span {
                                (point.text) " "
                                a href={ "#" (point.part.anchor()) } { (point.part.title()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn spec(spec: &str) -> Markup {
    html! {
        @if spec.is_empty() {
            p.empty { "The spec's text was not kept with this run." }
        } @else {
            details {
                summary { "The spec as submitted" }
                pre tabindex="0" { code { (spec) } }
            }
        }
    }
}
