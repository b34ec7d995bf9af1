//! The formats that rows are written in, batch by batch.

use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::writer::{LineDelimited, LineDelimitedWriter, WriterBuilder};
use clap::ValueEnum;

use crate::exit::BadUsage;
use crate::render::sql::cells;

type Target = Box<dyn Write + Send>;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A header and a line for each row; lists and dates as text, null as nothing
    Csv,
    /// A JSON object for each row
    Jsonl,
    /// Parquet, with the types of the tables
    Parquet,
}

impl Format {
    /// The format of a file's ending.
    ///
    /// # Errors
    /// Where the ending is none of those known.
    pub fn of(path: &Path) -> Result<Self, BadUsage> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        match ending.to_lowercase().as_str() {
            "parquet" | "pq" => Ok(Self::Parquet),
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" | "json" => Ok(Self::Jsonl),
            _ => Err(BadUsage(format!(
                "the ending of {} is none of .parquet, .csv and .jsonl; --format names a format",
                path.display()
            ))),
        }
    }
}

/// Writes rows.
pub enum RowWriter {
    /// Cells as text.
    Csv(Box<csv::Writer<Target>>),
    /// Objects.
    Jsonl(LineDelimitedWriter<Target>),
    /// Row groups.
    #[cfg(feature = "cluster")]
    Parquet(Box<parquet::arrow::ArrowWriter<Target>>),
}

impl RowWriter {
    /// Begins a file of rows of this schema.
    ///
    /// # Errors
    /// Where this build cannot write the format, or the target takes nothing.
    pub fn new(format: Format, target: Target, schema: &SchemaRef) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(target);
                writer.write_record(schema.fields().iter().map(|f| f.name()))?;
                Self::Csv(Box::new(writer))
            }
            Format::Jsonl => {
                let builder = WriterBuilder::new().with_explicit_nulls(true);
                Self::Jsonl(builder.build::<_, LineDelimited>(target))
            }
            Format::Parquet => parquet(target, schema)?,
        })
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match self {
            Self::Csv(writer) => {
                for row in cells(batch)? {
                    let cells = row.iter().map(|c| c.as_deref().unwrap_or_default());
                    writer.write_record(cells).map_err(csv_io)?;
                }
            }
            Self::Jsonl(writer) => writer.write(batch)?,
            #[cfg(feature = "cluster")]
            Self::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// Writes what is left; the rows are whole then.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Csv(mut writer) => writer.flush()?,
            Self::Jsonl(mut writer) => {
                writer.finish()?;
                writer.into_inner().flush()?;
            }
            #[cfg(feature = "cluster")]
            Self::Parquet(writer) => drop(writer.close()?),
        }
        Ok(())
    }
}

/// The error behind one of `csv`, so that a reader that has gone away is known as such.
fn csv_io(error: csv::Error) -> anyhow::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => anyhow::anyhow!("{other:?}"),
    }
}

/// Rows of a row group: the writer holds one.
#[cfg(feature = "cluster")]
const ROW_GROUP_ROWS: usize = 128 << 10;

#[cfg(feature = "cluster")]
fn parquet(target: Target, schema: &SchemaRef) -> anyhow::Result<RowWriter> {
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::properties::WriterProperties;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("pannier".to_owned())
        .build();
    let schema = SchemaRef::clone(schema);
    let writer = parquet::arrow::ArrowWriter::try_new(target, schema, Some(properties))?;
    Ok(RowWriter::Parquet(Box::new(writer)))
}

#[cfg(not(feature = "cluster"))]
fn parquet(_: Target, _: &SchemaRef) -> anyhow::Result<RowWriter> {
    Err(crate::commands::without_cluster("parquet"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use arrow::array::{Array, Decimal128Array, Int64Array, ListArray, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    fn batch() -> anyhow::Result<RecordBatch> {
        let list =
            ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
        let spend =
            Decimal128Array::from(vec![Some(1250), None]).with_precision_and_scale(12, 2)?;
        let schema = Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("item", DataType::Utf8, true),
            Field::new("spend", DataType::Decimal128(12, 2), true),
            Field::new("items", list.data_type().clone(), true),
        ]);
        Ok(RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(Int64Array::from(vec![1, 200])),
                Arc::new(StringArray::from(vec![Some("milk, \"fresh\""), None])),
                Arc::new(spend),
                Arc::new(list),
            ],
        )?)
    }

    fn written(format: Format) -> anyhow::Result<Vec<u8>> {
        let dir = tempfile::tempdir()?;
        let (path, batch) = (dir.path().join("rows"), batch()?);
        let file = fs::File::create(&path)?;
        let mut writer = RowWriter::new(format, Box::new(file), &batch.schema())?;
        writer.write(&batch)?;
        writer.write(&batch.slice(1, 1))?;
        writer.finish()?;
        Ok(fs::read(&path)?)
    }

    #[test]
    fn lines_are_whole_and_typed() -> anyhow::Result<()> {
        let csv =
            "n,item,spend,items\n1,\"milk, \"\"fresh\"\"\",12.50,\"[1, 2]\"\n200,,,\n200,,,\n";
        assert_eq!(String::from_utf8(written(Format::Csv)?)?, csv);
        let lines = String::from_utf8(written(Format::Jsonl)?)?;
        let values: Vec<serde_json::Value> = lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        assert_eq!(values.len(), 3);
        assert_eq!(values[0]["items"], serde_json::json!([1, 2]));
        assert_eq!(values[1]["n"], 200);
        assert!(values[2]["item"].is_null() && lines.contains("\"item\":null"));
        Ok(())
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn parquet_keeps_rows_and_types() -> anyhow::Result<()> {
        use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
        let (bytes, batch) = (written(Format::Parquet)?, batch()?);
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("rows.parquet");
        fs::write(&path, bytes)?;
        let read: Vec<RecordBatch> = ParquetRecordBatchReader::try_new(fs::File::open(&path)?, 10)?
            .collect::<Result<_, _>>()?;
        assert_eq!(read[0].slice(0, 2), batch);
        assert_eq!(read[0].num_rows(), 3);
        Ok(())
    }

    #[test]
    fn endings_name_formats() {
        let of = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(of("a/b.PARQUET"), Some(Format::Parquet));
        assert_eq!(of("b.csv"), Some(Format::Csv));
        assert_eq!(of("b.ndjson"), Some(Format::Jsonl));
        assert_eq!((of("b.csv.gz"), of("b")), (None, None));
    }
}
