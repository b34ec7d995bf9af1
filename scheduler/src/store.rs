//! The record: runs, their events, and published models, in SQLite. A fact is in here before
//! anything is done about it. Every call is short; the connection is behind one lock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_proto::status::ModelInfo;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::SchedulerError;
use crate::plan::RunPlan;

const SCHEMA: &str = "
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists runs (
  run_id text primary key, key text not null unique, name text not null, spec_file text not null, spec text not null,
  plan text not null, submitted_ms integer not null);
create table if not exists events (
  run_id text not null, event_offset integer not null, at_ms integer not null, event text not null,
  primary key (run_id, event_offset)) without rowid;
create table if not exists models (
  model text not null, version integer not null, run_id text not null, info text,
  primary key (model, version), unique (model, run_id));
create table if not exists aliases (
  model text not null, alias text not null, version integer not null, primary key (model, alias));
";

/// A run as it was submitted.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Id.
    pub run_id: String,
    /// Name of its spec.
    pub name: String,
    /// Where its user had the spec.
    pub spec_file: String,
    /// The spec's text.
    pub spec: String,
    /// What it consists of.
    pub plan: RunPlan,
    /// Milliseconds since 1970, UTC.
    pub submitted_ms: i64,
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

/// Milliseconds since 1970, UTC.
#[must_use]
pub fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

impl Store {
    /// Opens or makes the database in a folder.
    ///
    /// # Errors
    /// Where the folder or the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, SchedulerError> {
        std::fs::create_dir_all(folder).map_err(|e| {
            SchedulerError::Refused(format!(
                "the state folder `{}` cannot be made: {e}",
                folder.display()
            ))
        })?;
        let connection = Connection::open(folder.join("pannier.sqlite"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a run under its key. Where the key has one already, that run's id and false.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn create_run(
        &self,
        record: &RunRecord,
        key: &str,
    ) -> Result<(String, bool), SchedulerError> {
        let db = self.db();
        let plan = serde_json::to_string(&record.plan)?;
        let added = db.execute(
            "insert into runs (run_id, key, name, spec_file, spec, plan, submitted_ms) values (?, ?, ?, ?, ?, ?, ?) on conflict (key) do nothing",
            params![record.run_id, key, record.name, record.spec_file, record.spec, plan, record.submitted_ms],
        )?;
        let id = db.query_row("select run_id from runs where key = ?", [key], |r| r.get(0))?;
        Ok((id, added == 1))
    }

    /// A run.
    ///
    /// # Errors
    /// Where there is none of this id.
    pub fn run(&self, run_id: &str) -> Result<RunRecord, SchedulerError> {
        let row = self
            .db()
            .query_row(
                "select name, spec_file, spec, plan, submitted_ms from runs where run_id = ?",
                [run_id],
                |r| {
                    Ok((
                        r.get(0)?,
                        r.get(1)?,
                        r.get(2)?,
                        r.get::<_, String>(3)?,
                        r.get(4)?,
                    ))
                },
            )
            .optional()?;
        let (name, spec_file, spec, plan, submitted_ms) = row.ok_or_else(|| {
            SchedulerError::NotFound(format!(
                "there is no run `{run_id}`; `pannier list` shows them"
            ))
        })?;
        Ok(RunRecord {
            run_id: run_id.to_owned(),
            name,
            spec_file,
            spec,
            plan: serde_json::from_str(&plan)?,
            submitted_ms,
        })
    }

    /// Ids of runs, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn run_ids(&self, limit: u32) -> Result<Vec<String>, SchedulerError> {
        let db = self.db();
        let mut query =
            db.prepare("select run_id from runs order by submitted_ms desc, rowid desc limit ?")?;
        let ids = query
            .query_map([limit], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids)
    }

    /// The last run of the same name before this one that ended well.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn last_succeeded(&self, run: &RunRecord) -> Result<Option<RunRecord>, SchedulerError> {
        let query = "select run_id from runs r where name = ? and run_id <> ? and submitted_ms <= ?
             and exists (select 1 from events e where e.run_id = r.run_id and json_extract(e.event, '$.event') = 'succeeded')
             order by submitted_ms desc, rowid desc limit 1";
        let id: Option<String> = self
            .db()
            .query_row(
                query,
                params![run.name, run.run_id, run.submitted_ms],
                |r| r.get(0),
            )
            .optional()?;
        id.map(|id| self.run(&id)).transpose()
    }

    /// Appends an event; gives it its offset.
    ///
    /// # Errors
    /// Where the database fails: then nothing happened.
    pub fn append(&self, run_id: &str, kind: RunEventKind) -> Result<RunEvent, SchedulerError> {
        let db = self.db();
        let offset: i64 = db.query_row(
            "select coalesce(max(event_offset) + 1, 0) from events where run_id = ?",
            [run_id],
            |r| r.get(0),
        )?;
        let event = RunEvent {
            run_id: run_id.to_owned(),
            offset: offset.unsigned_abs(),
            at_ms: now_ms(),
            kind,
        };
        let json = serde_json::to_string(&event)?;
        db.execute(
            "insert into events (run_id, event_offset, at_ms, event) values (?, ?, ?, ?)",
            params![run_id, offset, event.at_ms, json],
        )?;
        Ok(event)
    }

    /// Events from an offset on.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn events(
        &self,
        run_id: &str,
        from: u64,
        limit: u32,
    ) -> Result<Vec<RunEvent>, SchedulerError> {
        let db = self.db();
        let mut query = db.prepare_cached("select event from events where run_id = ? and event_offset >= ? order by event_offset limit ?")?;
        let texts = query.query_map(
            params![run_id, i64::try_from(from).unwrap_or(i64::MAX), limit],
            |r| r.get::<_, String>(0),
        )?;
        texts.map(|t| Ok(serde_json::from_str(&t?)?)).collect()
    }

    /// What runs recorded of the tables they made or found, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn finished(&self, outcome: &str) -> Result<Vec<RunEvent>, SchedulerError> {
        let db = self.db();
        let mut query = db.prepare_cached(
            "select event from events where json_extract(event, '$.event') = 'step-finished'
             and json_extract(event, '$.result.outcome') = ? order by at_ms",
        )?;
        let texts = query.query_map([outcome], |r| r.get::<_, String>(0))?;
        texts.map(|t| Ok(serde_json::from_str(&t?)?)).collect()
    }

    /// The version that a run's model has or will have: the next one, once per run.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn reserve_version(&self, model: &str, run_id: &str) -> Result<u32, SchedulerError> {
        let db = self.db();
        db.execute(
            "insert into models (model, version, run_id) select ?1, coalesce(max(version), 0) + 1, ?2 from models where model = ?1
             on conflict (model, run_id) do nothing",
            params![model, run_id],
        )?;
        Ok(db.query_row(
            "select version from models where model = ? and run_id = ?",
            params![model, run_id],
            |r| r.get(0),
        )?)
    }

    /// Makes a version public and moves the alias to it, in one transaction.
    ///
    /// # Errors
    /// Where the database fails: then nothing is published.
    pub fn publish(&self, info: &ModelInfo, alias: Option<&str>) -> Result<(), SchedulerError> {
        let mut db = self.db();
        let transaction = db.transaction()?;
        let json = serde_json::to_string(info)?;
        transaction.execute(
            "update models set info = ? where model = ? and version = ?",
            params![json, info.model, info.version],
        )?;
        if let Some(alias) = alias {
            transaction.execute(
                "insert into aliases (model, alias, version) values (?, ?, ?) on conflict (model, alias) do update set version = excluded.version",
                params![info.model, alias, info.version],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// All published models, newest first, with their aliases.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn models(&self) -> Result<Vec<ModelInfo>, SchedulerError> {
        let db = self.db();
        let mut aliases: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
        let mut query = db.prepare("select model, version, alias from aliases order by alias")?;
        for row in query.query_map([], |r| {
            Ok((
                r.get::<_, String>(0)?,
                r.get::<_, u32>(1)?,
                r.get::<_, String>(2)?,
            ))
        })? {
            let (model, version, alias) = row?;
            aliases.entry((model, version)).or_default().push(alias);
        }
        let mut query = db.prepare(
            "select info from models where info is not null order by model, version desc",
        )?;
        let texts = query
            .query_map([], |r| r.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        let mut models = Vec::with_capacity(texts.len());
        for text in texts {
            let mut info: ModelInfo = serde_json::from_str(&text)?;
            info.aliases = aliases
                .remove(&(info.model.clone(), info.version))
                .unwrap_or_default();
            models.push(info);
        }
        Ok(models)
    }

    /// A published version by `name`, `name@3` or `name@alias`.
    ///
    /// # Errors
    /// Where there is none; the text names those that there are.
    pub fn model(&self, reference: &str) -> Result<ModelInfo, SchedulerError> {
        let (name, wanted) = reference
            .split_once('@')
            .map_or((reference, None), |(n, w)| (n, Some(w)));
        let models = self.models()?;
        let of_name: Vec<&ModelInfo> = models.iter().filter(|m| m.model == name).collect();
        let found = match wanted {
            None => of_name.first().copied(),
            Some(w) => of_name
                .iter()
                .find(|m| m.aliases.iter().any(|a| a == w) || w.parse() == Ok(m.version))
                .copied(),
        };
        found.cloned().ok_or_else(|| {
            let mut known: Vec<String> = if of_name.is_empty() {
                models.iter().map(|m| m.model.clone()).collect()
            } else {
                of_name
                    .iter()
                    .flat_map(|m| std::iter::once(m.version.to_string()).chain(m.aliases.clone()))
                    .collect()
            };
            known.dedup();
            let what = if of_name.is_empty() {
                "model"
            } else {
                "version or alias"
            };
            let known = if known.is_empty() {
                "nothing is published yet".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            SchedulerError::NotFound(format!(
                "there is no {what} `{}`; {known}",
                wanted.filter(|_| !of_name.is_empty()).unwrap_or(name)
            ))
        })
    }

    /// Runs that have not ended: their last event is no end.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn unfinished(&self) -> Result<Vec<String>, SchedulerError> {
        let mut unfinished = Vec::new();
        for run_id in self.run_ids(u32::MAX)? {
            let last: Option<String> = self
                .db()
                .query_row(
                    "select event from events where run_id = ? order by event_offset desc limit 1",
                    [&run_id],
                    |r| r.get(0),
                )
                .optional()?;
            let ended = last
                .map(|t| serde_json::from_str::<RunEvent>(&t))
                .transpose()?
                .is_some_and(|e| e.kind.is_end());
            if !ended {
                unfinished.push(run_id);
            }
        }
        unfinished.reverse();
        Ok(unfinished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_no_gaps_and_survive() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path())?;
        for _ in 0..3 {
            store.append("r", RunEventKind::Recovered)?;
        }
        drop(store);
        let store = Store::open(folder.path())?;
        assert_eq!(store.append("r", RunEventKind::Succeeded)?.offset, 3);
        assert_eq!(store.events("r", 2, 10)?.len(), 2);
        Ok(())
    }

    #[test]
    fn a_version_is_reserved_once_per_run_and_found_by_alias()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path())?;
        assert_eq!(
            [
                store.reserve_version("m", "r1")?,
                store.reserve_version("m", "r1")?,
                store.reserve_version("m", "r2")?
            ],
            [1, 1, 2]
        );
        assert!(store.models()?.is_empty());
        let info = |version| ModelInfo {
            model: "m".into(),
            version,
            kind: "prod2vec".into(),
            aliases: vec![],
            run_id: "r".into(),
            published_ms: 0,
            metrics: BTreeMap::new(),
            bytes: 1,
        };
        store.publish(&info(1), Some("champion"))?;
        store.publish(&info(2), None)?;
        assert_eq!(
            [
                store.model("m")?.version,
                store.model("m@champion")?.version,
                store.model("m@1")?.version
            ],
            [2, 1, 1]
        );
        let error = store.model("m@7").map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("there is no version or alias `7`; there are 2, 1, champion".to_owned())
        );
        Ok(())
    }
}
