//! The catalog: which table versions are committed, which of them a bare name stands for, and
//! where they came from. It is read off the warehouse's manifests and the record of runs.

use std::collections::{BTreeMap, BTreeSet};

use pannier_engine::warehouse::Warehouse;
use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::status::{Ancestor, TableDetail, TableInfo};

use crate::error::SchedulerError;
use crate::store::Store;

/// Runs whose plans say what is current; tables of older ones are current by their age.
const RUNS: u32 = 100;

/// Name and version.
type Key = (String, String);

/// The committed tables of a warehouse.
pub struct Catalog<'a> {
    store: &'a Store,
    warehouse: &'a Warehouse,
}

impl<'a> Catalog<'a> {
    /// The catalog of this record and warehouse.
    #[must_use]
    pub fn new(store: &'a Store, warehouse: &'a Warehouse) -> Self {
        Self { store, warehouse }
    }

    /// The version that each table's bare name stands for: that of the newest run that has one,
    /// and where no run has, the one committed last.
    ///
    /// # Errors
    /// Where record or warehouse cannot be read.
    pub async fn current(&self) -> Result<BTreeMap<String, String>, SchedulerError> {
        let mut current = BTreeMap::new();
        for run_id in self.store.run_ids(RUNS)? {
            for table in self.store.run(&run_id)?.plan.named_tables() {
                if !current.contains_key(&table.name)
                    && self
                        .committed_ms(&table.name, &table.version)
                        .await?
                        .is_some()
                {
                    current.insert(table.name.clone(), table.version.clone());
                }
            }
        }
        let tables = self.warehouse.folders("tables").await?;
        if tables.iter().any(|table| table.starts_with(objects::LISTS)) {
            for (table, version) in self.listed()? {
                if self.committed_ms(&table, &version).await?.is_some() {
                    current.insert(table, version);
                }
            }
        }
        for table in tables {
            if current.contains_key(&table) {
                continue;
            }
            let newest = self.versions(&table).await?.into_iter().max();
            if let Some((_, version)) = newest {
                current.insert(table, version);
            }
        }
        Ok(current)
    }

    async fn committed_ms(
        &self,
        table: &str,
        version: &str,
    ) -> Result<Option<i64>, SchedulerError> {
        let path = objects::table_manifest(table, version);
        Ok(self.warehouse.written_ms(&path).await?)
    }

    /// Committed versions of a table, each after the time of its commit.
    async fn versions(&self, table: &str) -> Result<Vec<(i64, String)>, SchedulerError> {
        let mut versions = Vec::new();
        for version in self.warehouse.folders(&format!("tables/{table}")).await? {
            if let Some(at) = self.committed_ms(table, &version).await? {
                versions.push((at, version));
            }
        }
        Ok(versions)
    }

    /// The manifest behind a name: `baskets`, or `baskets@` and the first characters of a version.
    ///
    /// # Errors
    /// `NotFound` where there is no such table or version, `Sql` where several versions fit.
    pub async fn manifest(
        &self,
        name: &str,
        current: &BTreeMap<String, String>,
    ) -> Result<TableManifest, SchedulerError> {
        let (table, wanted) = name.split_once('@').unwrap_or((name, ""));
        let Some(newest) = current.get(table) else {
            let known: Vec<&str> = current.keys().map(String::as_str).collect();
            return Err(SchedulerError::NotFound(format!(
                "there is no table `{table}`; there are {}",
                known.join(", ")
            )));
        };
        let version = if name.contains('@') {
            self.version(table, wanted).await?
        } else {
            newest.clone()
        };
        let path = objects::table_manifest(table, &version);
        Ok(self.warehouse.get_json(&path).await?)
    }

    /// The only version that begins like this.
    async fn version(&self, table: &str, wanted: &str) -> Result<String, SchedulerError> {
        let mut versions = self.versions(table).await?;
        versions.sort_by(|a, b| b.cmp(a));
        let fit = |v: &&(i64, String)| !wanted.is_empty() && v.1.starts_with(wanted);
        let fitting: Vec<&str> = versions.iter().filter(fit).map(|v| v.1.as_str()).collect();
        let shown = |versions: &[&str]| {
            let short = versions.iter().take(10);
            short
                .map(|v| v.get(..16).unwrap_or(v))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match fitting.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => {
                let all: Vec<&str> = versions.iter().map(|v| v.1.as_str()).collect();
                Err(SchedulerError::NotFound(format!(
                    "table `{table}` has no version `{wanted}`; it has {}",
                    shown(&all)
                )))
            }
            several => Err(SchedulerError::Sql(format!(
                "several versions of `{table}` begin with `{wanted}`: {}; give more of it",
                shown(several)
            ))),
        }
    }

    /// Every committed version, by table, the newest of a table first.
    ///
    /// # Errors
    /// Where record or warehouse cannot be read.
    pub async fn list(&self) -> Result<Vec<TableInfo>, SchedulerError> {
        let (current, made) = (self.current().await?, self.made()?);
        let mut infos = Vec::new();
        for table in current.keys() {
            let mut versions = self.versions(table).await?;
            versions.sort_by(|a, b| b.cmp(a));
            for (at, version) in versions {
                let path = objects::table_manifest(table, &version);
                let manifest: TableManifest = self.warehouse.get_json(&path).await?;
                infos.push(info(&manifest, at, &current, &made));
            }
        }
        Ok(infos)
    }

    /// All that is known of a table version.
    ///
    /// # Errors
    /// As [`Self::manifest`].
    pub async fn show(&self, name: &str) -> Result<TableDetail, SchedulerError> {
        let current = self.current().await?;
        let manifest = self.manifest(name, &current).await?;
        let at = self
            .committed_ms(&manifest.table, &manifest.version)
            .await?;
        Ok(TableDetail {
            info: info(&manifest, at.unwrap_or_default(), &current, &self.made()?),
            ancestors: self.ancestors(&manifest).await?,
            manifest,
        })
    }

    /// Of every model's lists those that a run made or found last.
    fn listed(&self) -> Result<BTreeMap<String, String>, SchedulerError> {
        let events = self.store.finished("listed")?.into_iter();
        let listed = events.filter_map(|event| match event.kind {
            RunEventKind::StepFinished {
                result: StepOutcome::Listed { table, version, .. },
                ..
            } => Some((table, version)),
            _ => None,
        });
        Ok(listed.collect())
    }

    /// Which run made a version, and when it said so.
    fn made(&self) -> Result<BTreeMap<Key, (String, i64)>, SchedulerError> {
        let mut made = BTreeMap::new();
        let finished = ["table", "listed"].map(|outcome| self.store.finished(outcome));
        for event in finished
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?
            .concat()
        {
            let RunEventKind::StepFinished {
                step,
                skipped: false,
                result,
                ..
            } = event.kind
            else {
                continue;
            };
            let key = match result {
                StepOutcome::Table { version, .. } => {
                    let table = step.strip_prefix("table:").unwrap_or(&step);
                    (table.to_owned(), version)
                }
                StepOutcome::Listed { table, version, .. } => (table, version),
                _ => continue,
            };
            made.entry(key).or_insert((event.run_id, event.at_ms));
        }
        Ok(made)
    }

    /// Where a table came from, depth first; what has no manifest is raw.
    async fn ancestors(&self, of: &TableManifest) -> Result<Vec<Ancestor>, SchedulerError> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        // The last of the stack comes next: inputs are pushed in reverse.
        let inputs = |of: &TableManifest, depth: u32| {
            let inputs = of.lineage.inputs.clone().into_iter().rev();
            inputs.map(move |(n, v)| (depth, n, v)).collect::<Vec<_>>()
        };
        let mut stack = inputs(of, 1);
        while let Some((depth, name, version)) = stack.pop() {
            let path = objects::table_manifest(&name, &version);
            let manifest: Option<TableManifest> = self.warehouse.find_json(&path).await?;
            let first = seen.insert((name.clone(), version.clone()));
            if let Some(manifest) = manifest.as_ref().filter(|_| first) {
                stack.extend(inputs(manifest, depth + 1));
            }
            found.push(Ancestor {
                depth,
                name,
                version,
                raw: manifest.is_none(),
                again: !first && manifest.is_some(),
                rows: manifest.map(|m| m.rows),
            });
        }
        Ok(found)
    }
}

fn info(
    manifest: &TableManifest,
    committed_ms: i64,
    current: &BTreeMap<String, String>,
    made: &BTreeMap<Key, (String, i64)>,
) -> TableInfo {
    let (table, version) = (manifest.table.clone(), manifest.version.clone());
    let run = made.get(&(table.clone(), version.clone()));
    TableInfo {
        current: current.get(&table) == Some(&version),
        rows: manifest.rows,
        bytes: manifest.bytes,
        files: manifest.files.len() as u32,
        made_ms: run.map_or(committed_ms, |(_, at)| *at),
        run_id: run.map(|(run_id, _)| run_id.clone()),
        table,
        version,
    }
}
