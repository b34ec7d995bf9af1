//! What was published: version, alias, gate, files, and what it was all made from.

use maud::{Markup, html};

use super::{mark, scroll};
use crate::report::data::{AliasMove, Artifact, Gate, GateOutcome, Lineage, ReportData};
use crate::report::format;

/// The part; `None` where no artifact was written.
pub fn artifacts(data: &ReportData) -> Option<Markup> {
    (!data.artifacts.is_empty())
        .then(|| html! { @for artifact in &data.artifacts { (block(artifact)) } })
}

fn block(artifact: &Artifact) -> Markup {
    html! {
        article.artifact {
            h3 { (artifact.model) " " span.kind { code { (artifact.version) } } }
            dl.rows {
                div { dt { "Gate" } dd { (gate(artifact.gate.as_ref())) } }
                div { dt { "Alias" } dd { (alias(artifact.alias.as_ref())) } }
            }
            div.columns {
                (files(artifact))
                (lineage(&artifact.lineage))
            }
        }
    }
}

fn gate(gate: Option<&Gate>) -> Markup {
    let Some(gate) = gate else {
        return html! { span.quiet { "The spec has no gate: every artifact passes." } };
    };
    html! {
        @match gate.outcome {
            GateOutcome::Passed => (mark("good", "✓", "passed")),
            GateOutcome::Refused => (mark("bad", "✕", "refused")),
            GateOutcome::NotEvaluated => (mark("warn", "▲", "not evaluated")),
        }
        " " code { (gate.text) }
        @if !gate.explanation.is_empty() { br; span.quiet { (gate.explanation) } }
    }
}

fn alias(alias: Option<&AliasMove>) -> Markup {
    let Some(alias) = alias else {
        return html! { span.quiet { "The spec names no alias, so none was moved." } };
    };
    html! {
        @if alias.moved {
            (mark("good", "✓", "moved")) " " code { (alias.alias) } " points to this version now"
            @match &alias.previous {
                Some(previous) => { ", before to " code { (format::hash(previous)) } },
                None => ", and is new",
            }
        } @else {
            (mark("quiet", "○", "not moved")) " " code { (alias.alias) }
            @match &alias.previous {
                Some(previous) => { " still points to " code { (format::hash(previous)) } },
                None => " does not exist yet",
            }
        }
        "."
    }
}

fn files(artifact: &Artifact) -> Markup {
    let total = artifact
        .files
        .iter()
        .map(|file| file.bytes)
        .fold(0, u64::saturating_add);
    let table = html! {
        table {
            caption { "Files" }
            tbody {
                @for file in &artifact.files {
                    tr { th scope="row" { code { (file.path) } } td.n { (format::bytes(file.bytes)) } }
                }
            }
            tfoot { tr { th scope="row" { "All" } td.n { (format::bytes(total)) } } }
        }
    };
    html! {
        @if artifact.files.is_empty() {
            p.empty { "No files were recorded for this artifact." }
        } @else {
            (scroll(&format!("Files of {}", artifact.model), &table))
        }
    }
}

fn lineage(lineage: &Lineage) -> Markup {
    let table = html! {
        table {
            caption { "Made from" }
            tbody {
                @for table in &lineage.tables {
                    tr { th scope="row" { (table.table) } td { code { (format::hash(&table.version)) } } }
                }
                @if let Some(digest) = &lineage.feed_digest {
                    tr { th scope="row" { "feed" } td { code { (format::hash(digest)) } } }
                }
                tr { th scope="row" { "seed" } td { code { (lineage.seed) } } }
                tr { th scope="row" { "build" } td { code { (lineage.build_id) } } }
            }
        }
    };
    scroll("Lineage", &table)
}
