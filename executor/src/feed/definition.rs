//! What a feed's digest stands for: its spec, the files of its table version, and its transform ready
//! to be made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use pannier_engine::row_sql::RowSql;
use pannier_engine::warehouse::Warehouse;
use pannier_feed::transform::Maker;
use pannier_proto::feed::{EpochOrder, FeedSpec, Transform};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;

use crate::error::FeedError;

/// One row group: where it is.
#[derive(Debug, Clone)]
pub struct RowGroup {
    /// Path of its file below the warehouse.
    pub path: String,
    /// Its number inside the file.
    pub index: usize,
}

/// A feed ready to be served.
#[derive(Debug)]
pub struct Definition {
    /// Its digest.
    pub digest: String,
    /// What it is.
    pub spec: FeedSpec,
    /// The table's row groups in table order.
    pub groups: Vec<RowGroup>,
    maker: Maker,
    sql: tokio::sync::OnceCell<RowSql>,
    /// The order of the epoch asked for last.
    order: Mutex<Option<(u64, Arc<EpochOrder>)>>,
}

impl Definition {
    /// Plans the feed's SQL over rows like these, where it has any.
    ///
    /// # Errors
    /// Where it is not narrow, or does not fit the rows.
    pub async fn prepare(&self, rows: &RecordBatch) -> Result<(), FeedError> {
        if let Transform::Sql { sql } = &self.spec.transform {
            let plan = async {
                let planned = RowSql::plan(sql, rows.schema()).await;
                planned.map_err(|e| FeedError::Mismatch(e.to_string()))
            };
            self.sql.get_or_try_init(|| plan).await?;
        }
        Ok(())
    }

    /// A step's batch of its gathered rows. SQL must have been prepared.
    ///
    /// # Errors
    /// Where the columns are not what the transform takes.
    pub fn make(&self, rows: &RecordBatch) -> Result<RecordBatch, FeedError> {
        match self.sql.get() {
            Some(sql) => sql
                .apply(rows)
                .map_err(|e| FeedError::Mismatch(e.to_string())),
            None => self
                .maker
                .make(rows)
                .map_err(|e| FeedError::Mismatch(e.to_string())),
        }
    }

    /// The order of an epoch.
    pub fn order(&self, epoch: u64) -> Arc<EpochOrder> {
        let mut last = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((e, order)) if *e == epoch => Arc::clone(order),
            _ => {
                let order = Arc::new(self.spec.order(epoch));
                *last = Some((epoch, Arc::clone(&order)));
                order
            }
        }
    }
}

/// Definitions by digest, read from the warehouse once.
#[derive(Debug)]
pub struct Definitions {
    warehouse: Warehouse,
    known: Mutex<HashMap<String, Arc<Definition>>>,
}

impl Definitions {
    /// Empty.
    #[must_use]
    pub fn new(warehouse: Warehouse) -> Self {
        Self {
            warehouse,
            known: Mutex::default(),
        }
    }

    /// The definition of a digest.
    ///
    /// # Errors
    /// Where the warehouse has no such feed, or its table is not as the feed says.
    pub async fn get(&self, digest: &str) -> Result<Arc<Definition>, FeedError> {
        if let Some(found) = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(digest)
        {
            return Ok(Arc::clone(found));
        }
        let definition = Arc::new(self.read(digest).await?);
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(digest.to_owned(), Arc::clone(&definition));
        Ok(definition)
    }

    async fn read(&self, digest: &str) -> Result<Definition, FeedError> {
        let spec: Option<FeedSpec> = self.warehouse.find_json(&objects::feed(digest)).await?;
        let spec = spec.ok_or_else(|| FeedError::Unknown(digest.to_owned()))?;
        if spec.digest() != digest {
            return Err(FeedError::Mismatch(format!(
                "the feed stored as {digest} has the digest {}",
                spec.digest()
            )));
        }
        let manifest: TableManifest = self
            .warehouse
            .get_json(&objects::table_manifest(&spec.table, &spec.version))
            .await?;
        if manifest.row_groups() != spec.row_groups {
            return Err(FeedError::Mismatch(format!(
                "table {} has other row groups than the feed",
                spec.table
            )));
        }
        let group = |path: &String, index| RowGroup {
            path: path.clone(),
            index,
        };
        let groups = manifest
            .files
            .iter()
            .flat_map(|f| (0..f.row_groups.len()).map(|i| group(&f.path, i)))
            .collect();
        let maker = Maker::new(&spec.transform).map_err(|e| FeedError::Mismatch(e.to_string()))?;
        Ok(Definition {
            digest: digest.to_owned(),
            spec,
            groups,
            maker,
            sql: tokio::sync::OnceCell::new(),
            order: Mutex::default(),
        })
    }
}
