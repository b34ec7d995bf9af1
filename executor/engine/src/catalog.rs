//! Committed tables as the planner sees them: exactly the files that a manifest names.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::Result;
use pannier_proto::manifest::TableManifest;

use crate::error::EngineError;
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
    let paths: Vec<String> = manifest.files.iter().map(|f| f.path.clone()).collect();
    parquet(warehouse, &paths, schema(manifest)?)
}

/// A table over Parquet objects of the warehouse.
///
/// # Errors
/// As [`table`].
pub fn parquet(
    warehouse: &Warehouse,
    paths: &[String],
    schema: SchemaRef,
) -> std::result::Result<Arc<dyn TableProvider>, EngineError> {
    if paths.is_empty() {
        return Ok(Arc::new(EmptyTable::new(schema)));
    }
    let urls = paths
        .iter()
        .map(|p| ListingTableUrl::parse(warehouse.url(p)))
        .collect::<Result<Vec<_>>>()?;
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
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
