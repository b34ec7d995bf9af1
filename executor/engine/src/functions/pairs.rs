//! `skipgram_pairs(items, window)`: all (center, context) pairs of a basket whose places are at
//! most `window` apart, centers in order. PAD and UNK are left out before places are counted.
//!
//! Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space". The feed
//! draws and drops pairs at random for training; this function makes all of them, for counting.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, UInt32Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use pannier_proto::ids::FIRST_ITEM;

/// The scalar function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SkipgramPairs {
    signature: Signature,
}

impl Default for SkipgramPairs {
    fn default() -> Self {
        Self {
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

fn pair_fields() -> Fields {
    let field = |name: &str| Field::new(name, DataType::UInt32, false);
    vec![field("center"), field("context")].into()
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(pair_fields()), true))
}

impl ScalarUDFImpl for SkipgramPairs {
    fn name(&self) -> &'static str {
        "skipgram_pairs"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::List(item_idx), window]
                if *item_idx.data_type() == DataType::UInt32 && window.is_integer() =>
            {
                Ok(DataType::List(item()))
            }
            _ => plan_err!(
                "skipgram_pairs takes a list of item indices (UInt32) and a whole number, not {types:?}"
            ),
        }
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(window) = &args.args[1] else {
            return exec_err!("the window of skipgram_pairs must be a number, not a column");
        };
        let window = window.cast_to(&DataType::UInt64);
        let Ok(ScalarValue::UInt64(Some(window))) = window else {
            return exec_err!("the window of skipgram_pairs must be a number of at least 0");
        };
        let baskets = args.args[0].to_array(args.number_rows)?;
        let pairs = pairs(baskets.as_list::<i32>(), window as usize)?;
        Ok(ColumnarValue::Array(pairs))
    }
}

/// The pairs of every basket; a null basket has none.
fn pairs(baskets: &ListArray, window: usize) -> Result<ArrayRef> {
    let items = baskets.values().as_primitive::<UInt32Type>().values();
    let around = |items: usize| items * items.saturating_sub(1).min(window.saturating_mul(2));
    let offsets = baskets.value_offsets().windows(2);
    let most = offsets
        .map(|ends| around((ends[1] - ends[0]) as usize))
        .sum();
    let (mut centers, mut contexts) = (Vec::with_capacity(most), Vec::with_capacity(most));
    let mut lengths = Vec::with_capacity(baskets.len());
    let mut known = Vec::new();
    for (row, ends) in baskets.value_offsets().windows(2).enumerate() {
        let before = centers.len();
        known.clear();
        if baskets.is_valid(row) {
            let basket = &items[ends[0] as usize..ends[1] as usize];
            known.extend(basket.iter().copied().filter(|i| *i >= FIRST_ITEM));
        }
        for (at, center) in known.iter().enumerate() {
            let first = at.saturating_sub(window);
            let end = at.saturating_add(window).saturating_add(1).min(known.len());
            contexts.extend_from_slice(&known[first..at]);
            contexts.extend_from_slice(&known[at + 1..end]);
            centers.resize(contexts.len(), *center);
        }
        lengths.push(centers.len() - before);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from(centers)),
        Arc::new(UInt32Array::from(contexts)),
    ];
    let pairs = StructArray::try_new(pair_fields(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(
        item(),
        offsets,
        Arc::new(pairs),
        None,
    )?))
}
