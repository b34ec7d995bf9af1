//! `is_in(value, table, column, version)`: whether a column of a table's version holds the value.
//!
//! It stands where `value IN (SELECT column FROM table)` would, for a table that is small beside the
//! rows: every process reads the column once, no row is copied to be joined, and the plan has no
//! stage of its own for what is looked up. A null value gives null.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{HashSet, exec_datafusion_err, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::stored::{self, Lookup, text};
use crate::warehouse::Warehouse;

/// Columns kept in memory.
const KEPT: usize = 4;
/// Numbers that lie at most so far from the smallest are looked up by a bit each.
const BITS: u64 = 1 << 25;

/// The scalar function, over one warehouse.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct IsIn {
    signature: Signature,
    known: Lookup<Known>,
}

impl IsIn {
    /// The function over a warehouse's tables.
    #[must_use]
    pub fn new(warehouse: Warehouse) -> Self {
        Self {
            signature: Signature::any(4, Volatility::Immutable),
            known: Lookup::new(warehouse, KEPT),
        }
    }
}

impl ScalarUDFImpl for IsIn {
    fn name(&self) -> &'static str {
        "is_in"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Int64 | DataType::Utf8, _, _, _] => Ok(DataType::Boolean),
            _ => plan_err!(
                "is_in takes an id (Int64 or Utf8), a table, a column and a version, not {types:?}"
            ),
        }
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let table = text(&args.args[1], "the table of is_in")?;
        let column = text(&args.args[2], "the column of is_in")?;
        let version = text(&args.args[3], "the version of is_in")?;
        let known = self
            .known
            .get(&format!("{table}/{version}/{column}"), |warehouse| {
                let read = stored::read(warehouse, table, version, &[column])?;
                Known::of(&read).map_err(|e| e.context(format!("column {column} of {table}")))
            })?;
        let values = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(
            known.holds(values.as_ref())?,
        )))
    }
}

/// The values of a column, by the type of its ids.
#[derive(Debug)]
enum Known {
    Nothing,
    /// A bit for every number from the first on.
    Bits(i64, BooleanBuffer),
    Numbers(HashSet<i64>),
    Texts(HashSet<String>),
}

impl Known {
    /// What stands in batches of one column.
    fn of(batches: &[RecordBatch]) -> Result<Self> {
        let columns = || batches.iter().map(|b| b.column(0));
        if columns().all(|c| *c.data_type() == DataType::Int64) {
            let numbers = || columns().flat_map(|c| c.as_primitive::<Int64Type>().iter().flatten());
            let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
                return Ok(Self::Nothing);
            };
            if last.abs_diff(first) >= BITS {
                return Ok(Self::Numbers(numbers().collect()));
            }
            let mut bits = vec![false; last.abs_diff(first) as usize + 1];
            numbers().for_each(|n| bits[n.abs_diff(first) as usize] = true);
            return Ok(Self::Bits(first, BooleanBuffer::from(bits)));
        }
        let mut texts = HashSet::new();
        for column in columns() {
            let ids = column.as_string_opt::<i32>();
            let ids = ids.ok_or_else(|| exec_datafusion_err!("ids must be Int64 or Utf8"))?;
            texts.extend(ids.iter().flatten().map(str::to_owned));
        }
        Ok(Self::Texts(texts))
    }

    /// Which of the values are among them; null where a value is.
    fn holds(&self, values: &dyn Array) -> Result<BooleanArray> {
        let found = match (self, values.data_type()) {
            (Self::Nothing, _) => BooleanBuffer::new_unset(values.len()),
            (Self::Bits(first, bits), DataType::Int64) => {
                let values = values.as_primitive::<Int64Type>().values();
                BooleanBuffer::collect_bool(values.len(), |i| {
                    // Below the first it wraps around to beyond the last.
                    let at = values[i].wrapping_sub(*first) as u64;
                    at < bits.len() as u64 && bits.value(at as usize)
                })
            }
            (Self::Numbers(known), DataType::Int64) => {
                let values = values.as_primitive::<Int64Type>().values();
                BooleanBuffer::collect_bool(values.len(), |i| known.contains(&values[i]))
            }
            (Self::Texts(known), DataType::Utf8) => {
                let values = values.as_string::<i32>();
                BooleanBuffer::collect_bool(values.len(), |i| known.contains(values.value(i)))
            }
            (_, other) => return exec_err!("is_in looks for a {other} among ids of another type"),
        };
        Ok(BooleanArray::new(found, values.nulls().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn known(ids: &[Option<i64>]) -> Result<Known> {
        let column: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
        Known::of(&[RecordBatch::try_from_iter([("id", column)])?])
    }

    #[test]
    fn numbers_near_and_far_are_found_and_no_others() -> Result<()> {
        let asked = Int64Array::from(vec![
            Some(i64::MIN),
            Some(-7),
            Some(-6),
            None,
            Some(9),
            Some(10),
            Some(i64::MAX),
        ]);
        let wanted = |far: bool| {
            let found = [false, true, false, false, true, false, far];
            let found = found.into_iter().zip(asked.iter());
            found
                .map(|(found, asked)| asked.map(|_| found))
                .collect::<BooleanArray>()
        };
        let near = known(&[Some(9), None, Some(-7)])?;
        assert!(matches!(near, Known::Bits(..)));
        assert_eq!(near.holds(&asked)?, wanted(false));
        let far = known(&[Some(9), Some(-7), Some(i64::MAX)])?;
        assert!(matches!(far, Known::Numbers(_)));
        assert_eq!(far.holds(&asked)?, wanted(true));
        for nothing in [known(&[None])?, Known::of(&[])?] {
            assert_eq!(nothing.holds(&asked)?.true_count(), 0);
        }
        Ok(())
    }
}
