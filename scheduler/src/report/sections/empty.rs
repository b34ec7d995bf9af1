//! Why a part is empty, in a sentence. It must not guess at what the data cannot tell.

use crate::report::data::{Part, ReportData, RunStatus};

/// The caller's sentence, or what follows from how the run ended.
pub fn why(part: Part, data: &ReportData) -> String {
    if let Some(sentence) = data.absent.get(&part) {
        return sentence.clone();
    }
    match data.header.status {
        RunStatus::Succeeded => done(part).to_owned(),
        RunStatus::Failed { .. } => format!("{} The run failed first.", missing(part)),
        RunStatus::Cancelled { .. } => format!("{} The run was cancelled first.", missing(part)),
    }
}

fn done(part: Part) -> &'static str {
    match part {
        Part::Metrics => "No metric was recorded: nothing was evaluated in this run.",
        Part::Artifacts => "No artifact was written: this run had no trained model to publish.",
        Part::Training => {
            "No model was trained: the spec has no [[train]] or every model was already there."
        }
        Part::Neighbours => {
            "No item neighbours were recorded: they exist only for models with item vectors."
        }
        Part::Segments => "No users were grouped: the spec has no [segments].",
        Part::Tables => "No table was recorded for this run.",
        Part::Rejects => "No source file was read in this run, so no row could be rejected.",
        Part::Checks => "No check ran: the spec has no [[check]].",
        Part::Profile => "The source was not profiled in this run.",
        Part::Split => "No split was recorded for this run.",
        Part::Timeline => "No times were recorded for this run.",
    }
}

fn missing(part: Part) -> &'static str {
    match part {
        Part::Metrics => "Nothing was evaluated.",
        Part::Artifacts => "No artifact was written.",
        Part::Training => "No model was trained.",
        Part::Neighbours => "No item neighbours were looked up.",
        Part::Segments => "No users were grouped.",
        Part::Tables => "No table was finished.",
        Part::Rejects => "No count of rejected rows was recorded.",
        Part::Checks => "No check ran.",
        Part::Profile => "The source was not profiled.",
        Part::Split => "No split was made.",
        Part::Timeline => "No times were recorded.",
    }
}
