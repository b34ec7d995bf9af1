//! Committed tables as the planner sees them: exactly the files that a manifest names, one scan
//! partition for the parts with the same remainder; parts that no key decides are dealt out by their
//! rows. Nothing is listed or opened for planning.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::common::stats::{Precision, Statistics};
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use pannier_proto::manifest::{ManifestFile, TableManifest};

use crate::error::EngineError;
use crate::narrow::PIECE;
use crate::raw::relation::deal;
use crate::warehouse::Warehouse;

/// The schema that a manifest lists.
///
/// # Errors
/// Where a type's name cannot be read.
pub fn schema(manifest: &TableManifest) -> std::result::Result<SchemaRef, EngineError> {
    let mut fields = Vec::with_capacity(manifest.columns.len());
    for column in &manifest.columns {
        let data_type: DataType = column.data_type.parse().map_err(|e| EngineError::Corrupt {
            path: format!("{}/{}", manifest.table, manifest.version),
            reason: format!(
                "column {} has the type `{}`: {e}",
                column.name, column.data_type
            ),
        })?;
        // Parquet written from a plan may say nullable where the plan did not: nullable fits both.
        fields.push(Field::new(&column.name, data_type, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A table over the manifest's files.
///
/// # Errors
/// Where the schema or a path cannot be used.
pub fn table(
    warehouse: &Warehouse,
    manifest: &TableManifest,
) -> std::result::Result<Arc<dyn TableProvider>, EngineError> {
    let mut files = TableFiles::try_new(warehouse, &manifest.files, schema(manifest)?)?;
    files.by_key = !manifest.key.is_empty();
    Ok(Arc::new(files))
}

/// A table whose rows also tell their part, as the column [`PIECE`]: as it is numbered, plus
/// `first`. Only the parts in `wanted` are there.
///
/// # Errors
/// As [`table`].
pub fn pieces(
    warehouse: &Warehouse,
    manifest: &TableManifest,
    first: u32,
    wanted: &BTreeSet<u32>,
) -> std::result::Result<Arc<dyn TableProvider>, EngineError> {
    let mut parts = manifest.files.clone();
    for file in &mut parts {
        file.part += first;
    }
    parts.retain(|f| wanted.contains(&f.part));
    let mut files = TableFiles::try_new(warehouse, &parts, schema(manifest)?)?;
    let part = Arc::new(Field::new(PIECE, DataType::UInt32, false));
    files.schema = TableSchema::builder(schema(manifest)?)
        .with_table_partition_cols(vec![part])
        .build();
    files.part_column = true;
    Ok(Arc::new(files))
}

/// A table over one Parquet object of the warehouse that no manifest names.
///
/// # Errors
/// Where the object is not there.
pub async fn object(
    warehouse: &Warehouse,
    path: &str,
    schema: SchemaRef,
) -> std::result::Result<Arc<dyn TableProvider>, EngineError> {
    let file = ManifestFile {
        path: path.to_owned(),
        part: 0,
        rows: 0,
        bytes: warehouse.size(path).await?,
        row_groups: Vec::new(),
        digest: String::new(),
    };
    let mut files = TableFiles::try_new(warehouse, &[file], schema)?;
    files.rows = Precision::Absent;
    Ok(Arc::new(files))
}

/// Files of known sizes, so that planning needs no look at them.
#[derive(Debug)]
struct TableFiles {
    store: Option<ListingTableUrl>,
    /// Part, rows and place of each.
    files: Vec<(u32, u64, PartitionedFile)>,
    /// Whether a key decides a row's part.
    by_key: bool,
    schema: TableSchema,
    part_column: bool,
    rows: Precision<usize>,
    bytes: Precision<usize>,
}

impl TableFiles {
    fn try_new(
        warehouse: &Warehouse,
        files: &[ManifestFile],
        schema: SchemaRef,
    ) -> std::result::Result<Self, EngineError> {
        let mut store = None;
        let mut listed = Vec::with_capacity(files.len());
        for file in files {
            let url = ListingTableUrl::parse(warehouse.url(&file.path))?;
            listed.push((
                file.part,
                file.rows,
                PartitionedFile::new(url.prefix().to_string(), file.bytes),
            ));
            store.get_or_insert(url);
        }
        Ok(Self {
            store,
            files: listed,
            by_key: false,
            schema: TableSchema::from(schema),
            part_column: false,
            // Called inexact: a count answered by statistics leaves a plan of constants, and Ballista
            // loses the end of a stage where such a plan stands in a union.
            rows: Precision::Inexact(files.iter().map(|f| f.rows as usize).sum()),
            bytes: Precision::Inexact(files.iter().map(|f| f.bytes as usize).sum()),
        })
    }

    /// Parts with the same remainder by the number of groups stand in one group, in their order; those
    /// that no key decides so that groups have about as many rows.
    fn groups(&self, partitions: usize) -> Vec<FileGroup> {
        let most = self.files.iter().map(|(p, ..)| *p + 1).max().unwrap_or(1) as usize;
        let count = partitions.clamp(1, most);
        let file = |at: &usize| {
            let (part, _, file) = &self.files[*at];
            let mut file = file.clone();
            if self.part_column {
                file.partition_values = vec![ScalarValue::UInt32(Some(*part))];
            }
            file
        };
        let group = |places: Vec<usize>| FileGroup::new(places.iter().map(file).collect());
        if self.by_key {
            let mut places: Vec<Vec<usize>> = vec![Vec::new(); count];
            for (at, (part, ..)) in self.files.iter().enumerate() {
                places[*part as usize % count].push(at);
            }
            return places.into_iter().map(group).collect();
        }
        let rows: Vec<Option<u64>> = self.files.iter().map(|(_, r, _)| Some(*r)).collect();
        deal(&rows, count).into_iter().map(group).collect()
    }
}

#[async_trait]
impl TableProvider for TableFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(store) = &self.store else {
            let schema = match projection {
                Some(wanted) => Arc::new(self.schema().project(wanted)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        };
        let mut statistics = Statistics::new_unknown(&self.schema());
        statistics.num_rows = self.rows;
        statistics.total_byte_size = self.bytes;
        let source: Arc<dyn FileSource> = Arc::new(ParquetSource::new(self.schema.clone()));
        let config = FileScanConfigBuilder::new(store.object_store(), source)
            .with_file_groups(self.groups(session.config().target_partitions()))
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_read_back() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let item = |t| Arc::new(Field::new_list_field(t, true));
        for data_type in [
            DataType::Utf8,
            DataType::Decimal128(12, 2),
            DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Second, None),
            DataType::Date32,
            DataType::List(item(DataType::UInt32)),
            DataType::List(item(DataType::List(item(DataType::UInt32)))),
        ] {
            assert_eq!(data_type.to_string().parse::<DataType>()?, data_type);
        }
        Ok(())
    }
}
