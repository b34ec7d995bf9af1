//! `item_indices(items, version)`: the dense indices of a basket's items by a version of the
//! table `vocab`, sorted and distinct; an item that the vocab lacks is UNK.
//!
//! It stands where unnest, join with `vocab` and collect would: the vocab is small beside the
//! baskets, so every executor reads it once, and no row has to move.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, UInt32Type};
use datafusion::common::{HashMap, exec_datafusion_err, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use pannier_proto::ids::UNK;

use super::stored::{self, Lookup, text};
use crate::warehouse::Warehouse;

/// Vocabs kept in memory.
const KEPT: usize = 4;

/// The scalar function, over one warehouse.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ItemIndices {
    signature: Signature,
    known: Lookup<Vocab>,
}

impl ItemIndices {
    /// The function over a warehouse's vocabs.
    #[must_use]
    pub fn new(warehouse: Warehouse) -> Self {
        Self {
            signature: Signature::any(2, Volatility::Immutable),
            known: Lookup::new(warehouse, KEPT),
        }
    }
}

impl ScalarUDFImpl for ItemIndices {
    fn name(&self) -> &'static str {
        "item_indices"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::List(item), _]
                if matches!(item.data_type(), DataType::Int64 | DataType::Utf8) =>
            {
                let index = Field::new_list_field(DataType::UInt32, true);
                Ok(DataType::List(Arc::new(index)))
            }
            _ => plan_err!(
                "item_indices takes a list of item ids (Int64 or Utf8) and a version of the vocab, not {types:?}"
            ),
        }
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let version = text(&args.args[1], "the version of item_indices")?;
        let vocab = self
            .known
            .get(version, |warehouse| Vocab::read(warehouse, version))?;
        let baskets = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(
            vocab.encode(baskets.as_list::<i32>())?,
        ))
    }
}

/// Index of each item, by the type of its id.
#[derive(Debug)]
enum Vocab {
    Numbers(HashMap<i64, u32>),
    Texts(HashMap<String, u32>),
}

impl Vocab {
    /// Reads a version of the table.
    fn read(warehouse: &Warehouse, version: &str) -> Result<Self> {
        let batches = stored::read(warehouse, "vocab", version, &["item_id", "item_idx"])?;
        let numbers = batches
            .first()
            .and_then(|b| b.column_by_name("item_id"))
            .is_some_and(|c| *c.data_type() == DataType::Int64);
        let mut vocab = if numbers {
            Self::Numbers(HashMap::new())
        } else {
            Self::Texts(HashMap::new())
        };
        for batch in &batches {
            let (Some(ids), Some(places)) = (
                batch.column_by_name("item_id"),
                batch.column_by_name("item_idx"),
            ) else {
                return exec_err!("the vocab `{version}` lacks item_id or item_idx");
            };
            vocab.add(ids, places.as_primitive::<UInt32Type>())?;
        }
        Ok(vocab)
    }

    fn add(&mut self, ids: &ArrayRef, places: &UInt32Array) -> Result<()> {
        match self {
            Self::Numbers(index) => {
                let ids = ids.as_primitive::<Int64Type>().values().iter();
                index.extend(ids.copied().zip(places.values().iter().copied()));
            }
            Self::Texts(index) => {
                let ids = ids.as_string_opt::<i32>();
                let ids =
                    ids.ok_or_else(|| exec_datafusion_err!("item ids must be Int64 or Utf8"))?;
                let ids = ids.iter().map(|id| id.unwrap_or_default().to_owned());
                index.extend(ids.zip(places.values().iter().copied()));
            }
        }
        Ok(())
    }

    /// Sorted distinct indices of each basket; a null basket stays null.
    fn encode(&self, baskets: &ListArray) -> Result<ArrayRef> {
        let items = baskets.values();
        let indices: Vec<u32> = match (self, items.data_type()) {
            (Self::Numbers(index), DataType::Int64) => {
                let items = items.as_primitive::<Int64Type>().values().iter();
                items
                    .map(|i| index.get(i).copied().unwrap_or(UNK))
                    .collect()
            }
            (Self::Texts(index), DataType::Utf8) => {
                let items = items.as_string::<i32>().iter();
                let place = |i: Option<&str>| index.get(i.unwrap_or_default()).copied();
                items.map(|i| place(i).unwrap_or(UNK)).collect()
            }
            (_, other) => return exec_err!("the vocab has ids of another type than {other}"),
        };
        let (mut out, mut lengths) = (Vec::with_capacity(indices.len()), Vec::new());
        let mut basket = Vec::new();
        for (row, ends) in baskets.value_offsets().windows(2).enumerate() {
            basket.clear();
            if baskets.is_valid(row) {
                basket.extend_from_slice(&indices[ends[0] as usize..ends[1] as usize]);
            }
            basket.sort_unstable();
            basket.dedup();
            lengths.push(basket.len());
            out.extend_from_slice(&basket);
        }
        let item = Arc::new(Field::new_list_field(DataType::UInt32, true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let values = Arc::new(UInt32Array::from(out));
        let nulls = baskets.nulls().cloned();
        Ok(Arc::new(ListArray::try_new(item, offsets, values, nulls)?))
    }
}
