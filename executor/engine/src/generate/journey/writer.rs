//! Owns how rows of cells become a file: CSV text, or Parquet in batches. Must not know tables.

use std::io::{self, Write};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;

use super::Form;
use super::records::{Cell, Column, Columns};

/// Rows gathered before they go into the Parquet file.
const BATCH: usize = 8_192;

/// Seconds from 1970 to 1 January 2017, the first day of the Parquet tables.
const FIRST_DAY: i64 = 1_483_228_800;

/// A file being written.
pub(super) enum Writer<'a> {
    Csv {
        out: &'a mut (dyn Write + Send),
        columns: Columns,
        line: String,
    },
    Parquet {
        writer: Box<ArrowWriter<&'a mut (dyn Write + Send)>>,
        columns: Columns,
        schema: SchemaRef,
        /// Gathered cells, by column.
        cells: Vec<Vec<Cell>>,
    },
}

impl<'a> Writer<'a> {
    /// Begins a file; CSV with its header.
    pub(super) fn begin(
        out: &'a mut (dyn Write + Send),
        form: Form,
        columns: Columns,
    ) -> io::Result<Self> {
        if form == Form::Csv {
            let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
            writeln!(out, "{}", names.join(","))?;
            let line = String::new();
            return Ok(Self::Csv { out, columns, line });
        }
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, column)| Field::new(*name, data_type(*column), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("pannier".into())
            .build();
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
        Ok(Self::Parquet {
            writer: Box::new(writer),
            columns,
            schema,
            cells: vec![Vec::new(); columns.len()],
        })
    }

    /// Writes a row: a cell for each column.
    pub(super) fn row(&mut self, row: &[Cell]) -> io::Result<()> {
        match self {
            Self::Csv { out, columns, line } => {
                line.clear();
                for (at, (cell, (_, column))) in row.iter().zip(columns.iter()).enumerate() {
                    if at > 0 {
                        line.push(',');
                    }
                    push(line, cell, *column);
                }
                line.push('\n');
                out.write_all(line.as_bytes())
            }
            Self::Parquet { cells, .. } => {
                for (column, cell) in cells.iter_mut().zip(row) {
                    column.push(cell.clone());
                }
                if cells.first().is_some_and(|column| column.len() >= BATCH) {
                    self.flush()?;
                }
                Ok(())
            }
        }
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        if let Self::Parquet { writer, .. } = self {
            writer.close()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Self::Parquet {
            writer,
            columns,
            schema,
            cells,
        } = self
        else {
            return Ok(());
        };
        let arrays = cells
            .iter_mut()
            .zip(columns.iter())
            .map(|(cells, (_, column))| array(std::mem::take(cells), *column))
            .collect();
        let batch = RecordBatch::try_new(Arc::clone(schema), arrays).map_err(io::Error::other)?;
        Ok(writer.write(&batch)?)
    }
}

fn data_type(column: Column) -> DataType {
    match column {
        Column::Int => DataType::Int64,
        Column::Amount => DataType::Float64,
        Column::Text => DataType::Utf8,
        Column::Moment => DataType::Timestamp(TimeUnit::Nanosecond, None),
    }
}

fn array(cells: Vec<Cell>, column: Column) -> ArrayRef {
    let number = |cell: &Cell| match cell {
        Cell::Number(number) => Some(*number),
        Cell::Text(_) | Cell::None => None,
    };
    let numbers = cells.iter().map(number);
    match column {
        Column::Int => Arc::new(numbers.collect::<Int64Array>()),
        Column::Amount => {
            let amounts = numbers.map(|cents| cents.map(|cents| cents as f64 / 100.0));
            Arc::new(amounts.collect::<Float64Array>())
        }
        Column::Moment => {
            let moments = numbers.map(|at| at.map(|at| (FIRST_DAY + at) * 1_000_000_000));
            Arc::new(moments.collect::<TimestampNanosecondArray>())
        }
        Column::Text => {
            let texts = cells.iter().map(|cell| match cell {
                Cell::Text(text) => Some(text.as_str()),
                Cell::Number(_) | Cell::None => None,
            });
            Arc::new(texts.collect::<StringArray>())
        }
    }
}

/// A cell as CSV. Amounts are written as the original has them: `1.39`, `-0.6`, `0`.
fn push(line: &mut String, cell: &Cell, column: Column) {
    match cell {
        Cell::None => {}
        Cell::Text(text) => line.push_str(text),
        Cell::Number(cents) if column == Column::Amount => {
            let sign = if *cents < 0 { "-" } else { "" };
            let (whole, part) = (cents.abs() / 100, cents.abs() % 100);
            line.push_str(&match part {
                0 => format!("{sign}{whole}"),
                part if part % 10 == 0 => format!("{sign}{whole}.{}", part / 10),
                part => format!("{sign}{whole}.{part:02}"),
            });
        }
        Cell::Number(number) => line.push_str(&number.to_string()),
    }
}
