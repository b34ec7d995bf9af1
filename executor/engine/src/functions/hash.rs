//! `keyed_hash(seed, a, …)` and `part_of(parts, a, …)`: hashes that are the same on every machine
//! and in every version of the engine, which the query engine's own hash does not promise.
//!
//! xxHash3 with a seed over Arrow's row format of the arguments (a canonical, order-preserving
//! encoding of values, nulls included).

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use twox_hash::XxHash3_64;

/// One hash per row over all columns.
///
/// # Errors
/// Where a column's type has no row format.
pub fn row_hashes(seed: u64, columns: &[ArrayRef]) -> Result<Vec<u64>> {
    let fields = columns
        .iter()
        .map(|c| SortField::new(c.data_type().clone()))
        .collect();
    let rows = RowConverter::new(fields)?.convert_columns(columns)?;
    Ok(rows
        .iter()
        .map(|row| XxHash3_64::oneshot_with_seed(seed, row.as_ref()))
        .collect())
}

/// The first argument, a literal, and the hashes of the others seeded with `seed(first)`.
fn hashes(name: &str, args: &ScalarFunctionArgs, seeded: bool) -> Result<(u64, Vec<u64>)> {
    let [ColumnarValue::Scalar(first), rest @ ..] = args.args.as_slice() else {
        return exec_err!("the first argument of {name} must be a number, not a column");
    };
    let ScalarValue::UInt64(Some(first)) = first.cast_to(&DataType::UInt64)? else {
        return exec_err!("the first argument of {name} must not be null");
    };
    let columns = rest
        .iter()
        .map(|a| a.to_array(args.number_rows))
        .collect::<Result<Vec<_>>>()?;
    Ok((first, row_hashes(if seeded { first } else { 0 }, &columns)?))
}

fn check(name: &str, types: &[DataType]) -> Result<()> {
    if types.len() < 2 {
        return plan_err!("{name} takes a number and at least one value");
    }
    Ok(())
}

/// `keyed_hash(seed, a, …) -> UInt64`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct KeyedHash {
    signature: Signature,
}

impl Default for KeyedHash {
    fn default() -> Self {
        Self {
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for KeyedHash {
    fn name(&self) -> &'static str {
        "keyed_hash"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        check(self.name(), types)?;
        Ok(DataType::UInt64)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (_, hashes) = hashes(self.name(), &args, true)?;
        Ok(ColumnarValue::Array(Arc::new(UInt64Array::from(hashes))))
    }
}

/// `part_of(parts, a, …) -> UInt32` in `0..parts`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct PartOf {
    signature: Signature,
}

impl Default for PartOf {
    fn default() -> Self {
        Self {
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for PartOf {
    fn name(&self) -> &'static str {
        "part_of"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        check(self.name(), types)?;
        Ok(DataType::UInt32)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (parts, hashes) = hashes(self.name(), &args, false)?;
        let parts = parts.max(1);
        let array: UInt32Array = hashes
            .into_iter()
            .map(|h| Some((h % parts) as u32))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(array)))
    }
}
