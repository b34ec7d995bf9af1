//! What a feed's digest stands for: its spec, the files of its table version, and its transform ready
//! to be made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use pannier_engine::row_sql::RowSql;
use pannier_feed::transform::Maker;
use pannier_proto::feed::{EpochOrder, FeedSpec, Transform};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;

use crate::error::FeedError;
use crate::feed::rows::Rows;

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
    /// A batch of gathered rows without a row.
    pub empty: RecordBatch,
    made: Made,
    /// The order of the epoch asked for last.
    order: Mutex<Option<(u64, Arc<EpochOrder>)>>,
}

/// Who makes a step of its rows.
#[derive(Debug)]
enum Made {
    Here(Maker),
    BySql(RowSql),
}

impl Made {
    async fn new(transform: &Transform, rows: SchemaRef) -> Result<Self, FeedError> {
        match transform {
            Transform::Sql { sql } => RowSql::plan(sql, rows)
                .await
                .map(Self::BySql)
                .map_err(mismatch),
            _ => Maker::new(transform).map(Self::Here).map_err(mismatch),
        }
    }
}

fn mismatch(error: impl ToString) -> FeedError {
    FeedError::Mismatch(error.to_string())
}

impl Definition {
    /// A step's batch of its gathered rows.
    ///
    /// # Errors
    /// Where the columns are not what the transform takes.
    pub fn make(&self, rows: &RecordBatch) -> Result<RecordBatch, FeedError> {
        match &self.made {
            Made::BySql(sql) => sql.apply(rows).map_err(mismatch),
            Made::Here(maker) => maker.make(rows).map_err(mismatch),
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
    rows: Arc<Rows>,
    known: Mutex<HashMap<String, Arc<Definition>>>,
}

impl Definitions {
    /// Those of the warehouse that `rows` reads.
    #[must_use]
    pub fn new(rows: Arc<Rows>) -> Self {
        Self {
            rows,
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
        let warehouse = self.rows.warehouse();
        let spec: Option<FeedSpec> = warehouse.find_json(&objects::feed(digest)).await?;
        let spec = spec.ok_or_else(|| FeedError::Unknown(digest.to_owned()))?;
        if spec.digest() != digest {
            return Err(FeedError::Mismatch(format!(
                "the feed stored as {digest} has the digest {}",
                spec.digest()
            )));
        }
        let manifest = objects::table_manifest(&spec.table, &spec.version);
        let manifest: TableManifest = warehouse.get_json(&manifest).await?;
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
        let groups: Vec<RowGroup> = manifest
            .files
            .iter()
            .flat_map(|f| (0..f.row_groups.len()).map(|i| group(&f.path, i)))
            .collect();
        let Some(first) = groups.first() else {
            let text = format!("table {} has no rows", spec.table);
            return Err(FeedError::Mismatch(text));
        };
        let schema = self.rows.schema(&spec, &first.path).await?;
        Ok(Definition {
            digest: digest.to_owned(),
            empty: RecordBatch::new_empty(Arc::clone(&schema)),
            made: Made::new(&spec.transform, schema).await?,
            spec,
            groups,
            order: Mutex::default(),
        })
    }
}
