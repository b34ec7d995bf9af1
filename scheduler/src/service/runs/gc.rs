//! Garbage: what killed attempts left behind. Nothing is removed while a run is unfinished, since
//! its attempts may be writing.

use std::collections::{BTreeMap, BTreeSet};

use pannier_engine::warehouse::ObjectInfo;
use pannier_proto::manifest::{ArtifactManifest, TableManifest};
use pannier_proto::objects;
use pannier_proto::wire::GcResponse;

use crate::error::SchedulerError;
use crate::step::StepContext;

/// Removes, or only names, every object that no manifest names.
pub async fn collect(context: &StepContext, dry_run: bool) -> Result<GcResponse, SchedulerError> {
    let unfinished = context.store.unfinished()?;
    if let Some(run) = unfinished.first() {
        return Err(SchedulerError::Refused(format!(
            "run `{run}` is under way; collect when it has ended, or cancel it"
        )));
    }
    let warehouse = context.jobs.warehouse();
    let mut garbage = Vec::new();
    let folders = by_folder(warehouse.list("tables").await?);
    let mut named = BTreeSet::new();
    for folder in folders.keys() {
        let manifest: Option<TableManifest> = warehouse
            .find_json(&format!("{folder}/manifest.json"))
            .await?;
        named.extend(manifest.into_iter().flat_map(|m| m.files).map(|f| f.path));
    }
    for (folder, objects) in folders {
        if folder.ends_with("/_pieces") {
            garbage.extend(loose_pieces(&objects, &named));
            continue;
        }
        let manifest: Option<TableManifest> = warehouse
            .find_json(&format!("{folder}/manifest.json"))
            .await?;
        let kept: BTreeSet<String> = manifest
            .map(|m| m.files.into_iter().map(|f| f.path).collect())
            .unwrap_or_default();
        let whole = kept.is_empty() && !objects.iter().any(|o| o.path.ends_with("/manifest.json"));
        garbage.extend(
            objects
                .into_iter()
                .filter(|o| whole || !(kept.contains(&o.path) || o.path.ends_with(".json"))),
        );
    }
    for (folder, objects) in by_folder(warehouse.list("artifacts").await?) {
        let manifest: Option<ArtifactManifest> = warehouse
            .find_json(&format!("{folder}/manifest.json"))
            .await?;
        if manifest.is_none() {
            garbage.extend(objects);
        }
    }
    // Of queries whose scheduler went away.
    let results = context.jobs.results();
    let left = warehouse.list(objects::RESULTS).await?.into_iter();
    garbage.extend(left.filter(|o| !results.holds(&o.path)));
    // Every run has ended: its checkpoints have served.
    garbage.extend(
        warehouse
            .list("runs")
            .await?
            .into_iter()
            .filter(|o| o.path.contains("/checkpoints/")),
    );
    if !dry_run {
        for object in &garbage {
            warehouse.delete(&object.path).await?;
        }
    }
    garbage.extend(warehouse.cut_off(!dry_run).await?);
    Ok(GcResponse {
        bytes: garbage.iter().map(|o| o.bytes).sum(),
        removed: garbage.into_iter().map(|o| o.path).collect(),
    })
}

/// Pieces that no version names any more: their files, and the notes of those. A file's name
/// begins with its piece's; the note of an empty piece costs nothing and stays.
fn loose_pieces(objects: &[ObjectInfo], named: &BTreeSet<String>) -> Vec<ObjectInfo> {
    let files = objects.iter().filter(|o| o.path.ends_with(".parquet"));
    let piece = |path: &str| {
        path.rsplit_once('-')
            .map(|(piece, _)| format!("{piece}.json"))
    };
    let kept: BTreeSet<String> = named.iter().filter_map(|p| piece(p)).collect();
    let loose: Vec<&ObjectInfo> = files.filter(|f| !named.contains(&f.path)).collect();
    let notes: BTreeSet<String> = loose
        .iter()
        .filter_map(|f| piece(&f.path))
        .filter(|n| !kept.contains(n))
        .collect();
    let notes = objects.iter().filter(|o| notes.contains(&o.path));
    loose.into_iter().chain(notes).cloned().collect()
}

/// Objects by the first three parts of their path: `tables/<table>/<version>`.
fn by_folder(objects: Vec<ObjectInfo>) -> BTreeMap<String, Vec<ObjectInfo>> {
    let mut folders: BTreeMap<String, Vec<ObjectInfo>> = BTreeMap::new();
    for object in objects {
        let folder: Vec<&str> = object.path.splitn(4, '/').take(3).collect();
        folders.entry(folder.join("/")).or_default().push(object);
    }
    folders
}
