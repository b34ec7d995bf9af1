//! The layout of the warehouse: every object's path, in one place. Paths are relative to the
//! warehouse's root and use `/`.

use crate::spec::Question;

/// Folder of a table version.
#[must_use]
pub fn table_dir(table: &str, version: &str) -> String {
    format!("tables/{table}/{version}")
}

/// Manifest of a table version: the last thing written.
#[must_use]
pub fn table_manifest(table: &str, version: &str) -> String {
    format!("tables/{table}/{version}/manifest.json")
}

/// Folder of the notes that say which file holds a part.
#[must_use]
pub fn part_notes(table: &str, version: &str) -> String {
    format!("tables/{table}/{version}/_parts")
}

/// The note of one part; the first attempt to put it wins.
#[must_use]
pub fn part_note(table: &str, version: &str, part: u32) -> String {
    format!("tables/{table}/{version}/_parts/{part:05}.json")
}

/// The file of one part as one attempt wrote it.
#[must_use]
pub fn part_file(table: &str, version: &str, part: u32, attempt: &str) -> String {
    format!("tables/{table}/{version}/part-{part:05}-{attempt}.parquet")
}

/// The note of a piece: a part of a narrow table, named by what it was made of. It is shared by all
/// versions that have this piece.
#[must_use]
pub fn piece_note(table: &str, piece: &str) -> String {
    format!("tables/{table}/_pieces/{piece}.json")
}

/// The file of a piece as one attempt wrote it.
#[must_use]
pub fn piece_file(table: &str, piece: &str, attempt: &str) -> String {
    format!("tables/{table}/_pieces/{piece}-{attempt}.parquet")
}

/// The definition of a feed.
#[must_use]
pub fn feed(digest: &str) -> String {
    format!("feeds/{digest}.json")
}

/// Folder of a run: report, metrics, what is private to it.
#[must_use]
pub fn run_dir(run_id: &str) -> String {
    format!("runs/{run_id}")
}

/// The run's report.
#[must_use]
pub fn report(run_id: &str) -> String {
    format!("runs/{run_id}/report.html")
}

/// What a run's source holds, as JSON.
#[must_use]
pub fn profile(run_id: &str) -> String {
    format!("runs/{run_id}/profile.json")
}

/// Folder of a training's checkpoints.
#[must_use]
pub fn checkpoints(run_id: &str, train: &str) -> String {
    format!("runs/{run_id}/train/{train}/checkpoints")
}

/// The digests of all batches that a training read, 32 bytes for each global step.
#[must_use]
pub fn ledger(run_id: &str, train: &str) -> String {
    format!("runs/{run_id}/train/{train}/ledger")
}

/// Folder of a predictor's predictions for a kind of query in a run.
#[must_use]
pub fn predictions(run_id: &str, question: Question, method: &str) -> String {
    match question {
        Question::Basket => format!("runs/{run_id}/predictions/{method}"),
        Question::User => format!("runs/{run_id}/predictions/users/{method}"),
        Question::Decision => format!("runs/{run_id}/predictions/decisions/{method}"),
    }
}

/// Folder of the lists that a run's model made for every user.
#[must_use]
pub fn recommendations(run_id: &str, train: &str) -> String {
    format!("runs/{run_id}/recommendations/{train}")
}

/// What the names of tables of lists begin with.
pub const LISTS: &str = "recommendations_";

/// The table of a model's lists: [`LISTS`], then its name with `_` for what SQL would ask to be quoted.
#[must_use]
pub fn lists_table(model: &str) -> String {
    format!("{LISTS}{}", model.replace('-', "_"))
}

/// Folder of the segments of a run's model.
#[must_use]
pub fn segments(run_id: &str, train: &str) -> String {
    format!("runs/{run_id}/segments/{train}")
}

/// Folder of an artifact.
#[must_use]
pub fn artifact_dir(model: &str, version: u32) -> String {
    format!("artifacts/{model}/{version}")
}

/// Manifest of an artifact: the last thing written.
#[must_use]
pub fn artifact_manifest(model: &str, version: u32) -> String {
    format!("artifacts/{model}/{version}/manifest.json")
}

/// Folder of the results of queries: nothing in it outlives its query.
pub const RESULTS: &str = "_results";

/// Folder of one query's result.
#[must_use]
pub fn result_dir(id: &str) -> String {
    format!("{RESULTS}/{id}")
}

/// A piece of a result as one attempt wrote it.
#[must_use]
pub fn result_piece(id: &str, attempt: &str, piece: usize) -> String {
    format!("{RESULTS}/{id}/{attempt}-{piece:06}.arrows")
}

/// The note that names a result's pieces; the first attempt to put it wins.
#[must_use]
pub fn result_note(id: &str) -> String {
    format!("{RESULTS}/{id}/result.json")
}
