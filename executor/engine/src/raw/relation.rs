//! A raw source as a table for the planner: a list of pieces and what stands in them.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, StringArray, UInt32Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};

use crate::exec::{EngineExec, EngineOp};
use crate::ops::read_raw::ReadRaw;
use crate::raw::{RawColumn, RawForm, relation_schema};

/// A file, or a range of its rows, that is read by one task and makes one part of a narrow table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPiece {
    /// The file.
    pub path: String,
    /// Number of the piece among all of its source.
    pub part: u32,
    /// First row of the file that belongs to it.
    pub first_row: u64,
    /// Rows, where they are known without reading the file; else all from the first on.
    pub rows: Option<u64>,
}

/// Files of one form.
#[derive(Debug)]
pub struct RawRelation {
    pieces: Vec<RawPiece>,
    form: RawForm,
    columns: Vec<RawColumn>,
    schema: SchemaRef,
}

impl RawRelation {
    /// The relation over these pieces.
    #[must_use]
    pub fn new(pieces: Vec<RawPiece>, form: RawForm, columns: Vec<RawColumn>) -> Self {
        let schema = relation_schema(&columns);
        Self {
            pieces,
            form,
            columns,
            schema,
        }
    }
}

/// Deals things of some size out over so many hands, the largest first and each to who has the
/// least. Gives the places in each hand, in their order; those of unknown size count alike.
#[must_use]
pub fn deal(sizes: &[Option<u64>], hands: usize) -> Vec<Vec<usize>> {
    let mut dealt: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); hands.max(1)];
    let mut places: Vec<usize> = (0..sizes.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(sizes[*place]));
    for place in places {
        if let Some(hand) = dealt.iter_mut().min_by_key(|(has, _)| *has) {
            hand.0 += sizes[place].unwrap_or(1);
            hand.1.push(place);
        }
    }
    let in_order = |(_, mut places): (u64, Vec<usize>)| {
        places.sort_unstable();
        places
    };
    dealt.into_iter().map(in_order).collect()
}

/// A relation of pieces, dealt out over partitions: what a scan reads from.
///
/// # Errors
/// Where the in-memory source cannot be made.
pub fn dealt(pieces: &[RawPiece], partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("part", DataType::UInt32, false),
        Field::new("first_row", DataType::UInt64, false),
        Field::new("rows", DataType::UInt64, true),
    ]));
    let sizes: Vec<Option<u64>> = pieces.iter().map(|p| p.rows).collect();
    let dealt = deal(&sizes, partitions.clamp(1, pieces.len().max(1)));
    let batch = |places: Vec<usize>| {
        let pieces: Vec<&RawPiece> = places.into_iter().map(|at| &pieces[at]).collect();
        let paths: StringArray = pieces.iter().map(|p| Some(p.path.as_str())).collect();
        let parts: UInt32Array = pieces.iter().map(|p| Some(p.part)).collect();
        let first: UInt64Array = pieces.iter().map(|p| Some(p.first_row)).collect();
        let rows: UInt64Array = pieces.iter().map(|p| p.rows).collect();
        let columns = vec![
            Arc::new(paths) as _,
            Arc::new(parts) as _,
            Arc::new(first) as _,
            Arc::new(rows) as _,
        ];
        Ok(vec![RecordBatch::try_new(Arc::clone(&schema), columns)?])
    };
    let batches = dealt.into_iter().map(batch).collect::<Result<Vec<_>>>()?;
    Ok(MemorySourceConfig::try_new_exec(&batches, schema, None)?)
}

/// The pieces of a batch of [`dealt`].
#[must_use]
pub fn pieces_of(batch: &RecordBatch) -> Vec<RawPiece> {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::{UInt32Type, UInt64Type};
    let paths = batch.column(0).as_string::<i32>();
    let parts = batch.column(1).as_primitive::<UInt32Type>();
    let first = batch.column(2).as_primitive::<UInt64Type>();
    let rows = batch.column(3).as_primitive::<UInt64Type>();
    (0..batch.num_rows())
        .map(|i| RawPiece {
            path: paths.value(i).to_owned(),
            part: parts.value(i),
            first_row: first.value(i),
            rows: rows.is_valid(i).then(|| rows.value(i)),
        })
        .collect()
}

#[async_trait]
impl TableProvider for RawRelation {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let op = ReadRaw {
            form: self.form.clone(),
            columns: self.columns.clone(),
            projection: projection
                .cloned()
                .unwrap_or_else(|| (0..self.schema.fields().len()).collect()),
            rows: self.pieces.iter().map(|p| p.rows).sum(),
            shared: None,
        };
        let input = dealt(&self.pieces, session.config().target_partitions())?;
        Ok(Arc::new(EngineExec::try_new(EngineOp::ReadRaw(op), input)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_dealt_once_and_no_hand_has_much_more_than_another() {
        let sizes: Vec<Option<u64>> = (0..20).map(|i| Some([10, 5][i % 2])).collect();
        let dealt = deal(&sizes, 8);
        let mut places: Vec<usize> = dealt.iter().flatten().copied().collect();
        places.sort_unstable();
        assert_eq!(places, (0..20).collect::<Vec<_>>());
        for hand in &dealt {
            assert!(hand.is_sorted());
            let size: u64 = hand.iter().filter_map(|at| sizes[*at]).sum();
            assert!((15..=20).contains(&size), "{dealt:?}");
        }
        assert_eq!(deal(&[None; 5], 3), [vec![0, 3], vec![1, 4], vec![2]]);
        assert_eq!(deal(&[], 2), [Vec::<usize>::new(), Vec::new()]);
    }
}
