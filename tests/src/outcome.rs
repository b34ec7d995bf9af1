//! What a run made, as digests: equal for two runs that made the same.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use pannier_proto::event::{RunEvent, RunEventKind, StepOutcome};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::work::WorkOutcome;
use serde::{Deserialize, Serialize};

/// The oracle of every fault test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Of each table: version, rows, content digest, and blake3 of every part's file.
    pub tables: BTreeMap<String, Table>,
    /// Digest over all batches that the training read.
    pub ledger: Option<String>,
    /// blake3 of each file of the model.
    pub model: BTreeMap<String, String>,
    /// Each metric of each method, as exact text.
    pub metrics: BTreeMap<String, String>,
}

/// A table as it lies in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Version.
    pub version: String,
    /// Rows.
    pub rows: u64,
    /// Digest of the content.
    pub digest: String,
    /// blake3 of each part's file.
    pub parts: BTreeMap<u32, String>,
}

impl Outcome {
    /// Reads what a run's log names from its warehouse.
    ///
    /// # Errors
    /// Where something that the log names is not there, or is not as it says.
    pub fn of(events: &[RunEvent], warehouse: &Path) -> anyhow::Result<Self> {
        let mut outcome = Self::default();
        for event in events {
            let RunEventKind::StepFinished { step, result, .. } = &event.kind else {
                continue;
            };
            match result {
                StepOutcome::Table {
                    version,
                    rows,
                    digest,
                    ..
                } => {
                    let name = step.strip_prefix("table:").context("a table's step")?;
                    let table = Table::read(warehouse, name, version)?;
                    anyhow::ensure!(
                        (table.rows, &table.digest) == (*rows, digest),
                        "the log says other rows of {name} than its manifest"
                    );
                    outcome.tables.insert(name.to_owned(), table);
                }
                StepOutcome::Work(WorkOutcome::Trained { feed_ledger, .. }) => {
                    outcome.ledger = Some(feed_ledger.clone());
                }
                StepOutcome::Evaluated { metrics, .. } => {
                    outcome.metrics.extend(metrics.iter().map(|m| {
                        let value = format!("{:?} {:?} {:?} {}", m.value, m.lo, m.hi, m.n);
                        (format!("{} {}", m.method, m.metric), value)
                    }));
                }
                StepOutcome::Published { model, version, .. } => {
                    let folder = warehouse.join(objects::artifact_dir(model, *version));
                    for entry in std::fs::read_dir(&folder)? {
                        let entry = entry?;
                        let name = entry.file_name().to_string_lossy().into_owned();
                        // The manifest names the run.
                        if name != "manifest.json" {
                            outcome.model.insert(name, file_digest(&entry.path())?);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(outcome)
    }

    /// The tables alone.
    #[must_use]
    pub fn only_tables(&self) -> Self {
        Self {
            tables: self.tables.clone(),
            ..Self::default()
        }
    }
}

impl Table {
    fn read(warehouse: &Path, name: &str, version: &str) -> anyhow::Result<Self> {
        let path = warehouse.join(objects::table_manifest(name, version));
        let manifest: TableManifest = serde_json::from_slice(&std::fs::read(path)?)?;
        let parts = manifest
            .files
            .iter()
            .map(|f| Ok((f.part, file_digest(&warehouse.join(&f.path))?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            version: manifest.version,
            rows: manifest.rows,
            digest: manifest.digest,
            parts,
        })
    }
}

fn file_digest(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}
