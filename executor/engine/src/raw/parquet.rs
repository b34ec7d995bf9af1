//! Reads a Parquet file: only the columns that a query wants and those that may make a row a
//! reject, which statistics and types tell.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::RawPiece;
use super::columnar::Columnar;
use super::input::{Seekable, unreadable};
use super::read::{BATCH_ROWS, RawRead, Reading};

/// A file being read.
pub struct ParquetRead {
    reader: ParquetRecordBatchReader,
    columnar: Columnar,
    needed: Vec<usize>,
    path: String,
}

type Builder = ParquetRecordBatchReaderBuilder<Seekable>;

fn builder(path: &str) -> Result<Builder> {
    Builder::try_new(Seekable::open(path)?).map_err(|e| unreadable(path, &e))
}

/// The schema of a file.
pub(super) fn schema(path: &str) -> Result<SchemaRef> {
    Ok(Arc::clone(builder(path)?.schema()))
}

impl ParquetRead {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be opened, or lacks a column.
    pub fn open(piece: &RawPiece, reading: Arc<Reading>) -> Result<Self> {
        let path = &piece.path;
        let builder = builder(path)?;
        let columnar = Columnar::new(path, builder.schema(), reading, piece.first_row)?;
        let needed = columnar.needed(builder.schema(), |root| never_null(&builder, root));
        let mask = ProjectionMask::roots(builder.parquet_schema(), needed.iter().copied());
        let (groups, skipped) = groups_of(&builder, piece);
        let mut builder = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .with_row_groups(groups)
            .with_offset(skipped as usize);
        if let Some(rows) = piece.rows {
            builder = builder.with_limit(rows as usize);
        }
        let reader = builder.build().map_err(|e| unreadable(path, &e))?;
        Ok(Self {
            reader,
            columnar,
            needed,
            path: path.clone(),
        })
    }
}

/// The row groups that hold a piece's rows, and how many rows of the first are before them: rows
/// of other groups would be decoded only to be skipped.
fn groups_of(builder: &Builder, piece: &RawPiece) -> (Vec<usize>, u64) {
    let end = piece.rows.map_or(u64::MAX, |rows| piece.first_row + rows);
    let (mut groups, mut skipped, mut first) = (Vec::new(), 0, 0);
    for (at, group) in builder.metadata().row_groups().iter().enumerate() {
        let next = first + group.num_rows().unsigned_abs();
        if next > piece.first_row && first < end {
            if groups.is_empty() {
                skipped = piece.first_row.saturating_sub(first);
            }
            groups.push(at);
        }
        first = next;
    }
    (groups, skipped)
}

/// Whether no row lacks a column: its field says so, or the statistics of every row group.
fn never_null(builder: &Builder, root: usize) -> bool {
    if !builder.schema().field(root).is_nullable() {
        return true;
    }
    let parquet = builder.parquet_schema();
    let leaves: Vec<usize> = (0..parquet.num_columns())
        .filter(|leaf| parquet.get_column_root_idx(*leaf) == root)
        .collect();
    let [leaf] = leaves.as_slice() else {
        return false;
    };
    builder.metadata().row_groups().iter().all(|group| {
        let statistics = group.column(*leaf).statistics();
        statistics.and_then(|s| s.null_count_opt()) == Some(0)
    })
}

impl RawRead for ParquetRead {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match self.reader.next() {
            None => Ok(None),
            Some(batch) => {
                let batch = batch.map_err(|e| unreadable(&self.path, &e))?;
                let read = self.columnar.convert(&self.path, &self.needed, &batch)?;
                Ok(Some(read))
            }
        }
    }
}
