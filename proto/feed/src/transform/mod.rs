//! What a feed makes of its rows: from a batch of gathered rows to the batch of a step. Pure, row by
//! row, the same on an executor and on whoever reads gathered rows. SQL is the engine's.

mod columns;
mod counts;
mod interactions;
mod pairs;
mod sequences;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use pannier_proto::feed::{NoiseTable, Transform};

use crate::error::TransformError;

/// Name of the column with each row's id in its table.
pub const ROW: &str = "_row";
/// Name of the column with each row's seed.
pub const RANDOM: &str = "_random";

/// A transform with what it needs at hand.
#[derive(Debug, Clone)]
pub struct Maker {
    transform: Transform,
    noise: Option<(NoiseTable, usize)>,
}

impl Maker {
    /// Prepares a transform.
    ///
    /// # Errors
    /// Where it draws negatives and no item can be drawn.
    pub fn new(transform: &Transform) -> Result<Self, TransformError> {
        let noise = match transform {
            Transform::Pairs { negatives, .. }
            | Transform::Counts { negatives, .. }
            | Transform::Interactions { negatives, .. } => negatives.as_ref(),
            _ => None,
        };
        let noise = match noise.filter(|noise| noise.draws > 0) {
            Some(noise) => {
                let table =
                    NoiseTable::new(&noise.counts, noise.power).map_err(|e| TransformError {
                        transform: transform.name(),
                        reason: format!("cannot draw: {e}"),
                    })?;
                Some((table, noise.draws as usize))
            }
            None => None,
        };
        Ok(Self {
            transform: transform.clone(),
            noise,
        })
    }

    /// The batch of a step from its rows: the feed's columns, and behind them [`RANDOM`] where the
    /// transform is keyed.
    ///
    /// # Errors
    /// Where the columns are not what the transform takes, or it is SQL.
    pub fn make(&self, rows: &RecordBatch) -> Result<RecordBatch, TransformError> {
        let noise = self.noise.as_ref();
        let made = match &self.transform {
            Transform::Select => Ok(rows.clone()),
            Transform::Pairs {
                window,
                first_item,
                keep,
                ..
            } => pairs::make(rows, *window, *first_item, keep, noise),
            Transform::Sequences {
                part,
                target,
                max_history,
            } => sequences::make(rows, *part, *target, *max_history as usize),
            Transform::Counts { alpha, .. } => counts::make(rows, *alpha, noise),
            Transform::Interactions { part, .. } => interactions::make(rows, *part, noise),
            Transform::Sql { .. } => Err("is made by the engine".to_owned()),
        };
        made.map_err(|reason| TransformError {
            transform: self.transform.name(),
            reason,
        })
    }
}

/// Columns that stand behind the feed's own in a batch of gathered rows.
#[must_use]
pub fn extra_columns(transform: &Transform) -> &'static [&'static str] {
    match transform {
        Transform::Select => &[],
        Transform::Sql { .. } => &[ROW, RANDOM],
        _ => &[RANDOM],
    }
}

/// A table's column as the feed has it: texts and bytes in one piece, dictionaries as their values.
#[must_use]
pub fn plain(column: &Field) -> Field {
    let kind = match column.data_type() {
        DataType::Utf8View => &DataType::Utf8,
        DataType::BinaryView => &DataType::Binary,
        DataType::Dictionary(_, value) => value,
        other => other,
    };
    Field::new(column.name(), kind.clone(), column.is_nullable())
}

/// Schema of gathered rows, of the table's columns that are read.
#[must_use]
pub fn gathered_schema(columns: &Schema, transform: &Transform) -> SchemaRef {
    let extra = extra_columns(transform);
    let extra = extra
        .iter()
        .map(|n| Field::new(*n, DataType::UInt64, false));
    let own = columns.fields().iter().map(|f| plain(f));
    Schema::new(own.chain(extra).collect::<Vec<_>>()).into()
}

/// What a part of a transform says when it cannot.
type Made = Result<RecordBatch, String>;

fn says(error: ArrowError) -> String {
    format!("failed: {error}")
}
