//! `split_of(basket_id, version)`: the split of a basket by a version of the table `splits`.
//!
//! It stands where a join with `splits` would: every process reads that table once and keeps the
//! baskets that are held out, which are few beside the others, so no row has to move. A basket
//! that is not among them is `train`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{HashMap, exec_datafusion_err, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::stored::{self, Lookup, text};
use crate::warehouse::Warehouse;

/// Versions kept in memory: the next run may need the last one's.
const KEPT: usize = 2;

/// What a basket's split is that is not held out.
const TRAIN: &str = "train";

/// The scalar function, over one warehouse.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SplitOf {
    signature: Signature,
    known: Lookup<HeldOut>,
}

impl SplitOf {
    /// The function over a warehouse's splits.
    #[must_use]
    pub fn new(warehouse: Warehouse) -> Self {
        Self {
            signature: Signature::any(2, Volatility::Immutable),
            known: Lookup::new(warehouse, KEPT),
        }
    }
}

impl ScalarUDFImpl for SplitOf {
    fn name(&self) -> &'static str {
        "split_of"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [id, _] if id.is_integer() || id.is_string() => Ok(DataType::Utf8),
            _ => plan_err!(
                "split_of takes a basket's id (a whole number or a text) and a version of the splits, not {types:?}"
            ),
        }
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let version = text(&args.args[1], "the version of split_of")?;
        let held = self.known.get(version, |warehouse| {
            let columns = ["basket_id", "split"];
            HeldOut::of(&stored::read(warehouse, "splits", version, &columns)?)
        })?;
        let baskets = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(held.splits(&baskets)?)))
    }
}

/// Baskets that are held out, by the type of their ids, with the place of their split's name.
#[derive(Debug, Default)]
struct HeldOut {
    numbers: HashMap<i64, u8>,
    texts: HashMap<String, u8>,
    names: Vec<String>,
}

/// Ids in one of two types.
enum Ids {
    Numbers(ArrayRef),
    Texts(ArrayRef),
}

impl Ids {
    fn of(ids: &ArrayRef) -> Result<Self> {
        Ok(match ids.data_type() {
            DataType::Int64 => Self::Numbers(Arc::clone(ids)),
            DataType::Utf8 => Self::Texts(Arc::clone(ids)),
            t if t.is_integer() => Self::Numbers(cast(ids, &DataType::Int64)?),
            _ => Self::Texts(cast(ids, &DataType::Utf8)?),
        })
    }
}

impl HeldOut {
    /// Those of batches of the columns `basket_id` and `split`.
    fn of(batches: &[RecordBatch]) -> Result<Self> {
        let mut held = Self::default();
        for batch in batches {
            let (Some(ids), Some(splits)) = (
                batch.column_by_name("basket_id"),
                batch.column_by_name("split"),
            ) else {
                return exec_err!("the splits lack basket_id or split");
            };
            let splits = splits.as_string_opt::<i32>();
            let splits = splits.ok_or_else(|| exec_datafusion_err!("a split must be a text"))?;
            held.add(&Ids::of(ids)?, splits)?;
        }
        Ok(held)
    }

    fn add(&mut self, ids: &Ids, splits: &StringArray) -> Result<()> {
        for (row, split) in splits.iter().enumerate() {
            let Some(split) = split.filter(|s| *s != TRAIN) else {
                continue;
            };
            let place = self.place(split)?;
            match ids {
                Ids::Numbers(ids) if ids.is_valid(row) => {
                    let id = ids.as_primitive::<Int64Type>().value(row);
                    self.numbers.insert(id, place);
                }
                Ids::Texts(ids) if ids.is_valid(row) => {
                    let id = ids.as_string::<i32>().value(row);
                    self.texts.insert(id.to_owned(), place);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn place(&mut self, split: &str) -> Result<u8> {
        let known = self.names.iter().position(|name| name == split);
        let place = known.unwrap_or(self.names.len());
        if known.is_none() {
            self.names.push(split.to_owned());
        }
        u8::try_from(place).map_err(|_| exec_datafusion_err!("there are too many splits"))
    }

    /// The split of each basket.
    fn splits(&self, baskets: &ArrayRef) -> Result<StringArray> {
        let mut out = StringBuilder::with_capacity(baskets.len(), baskets.len() * TRAIN.len());
        let mut push = |place: Option<&u8>| {
            let name = place.map(|p| self.names[usize::from(*p)].as_str());
            out.append_value(name.unwrap_or(TRAIN));
        };
        match Ids::of(baskets)? {
            Ids::Numbers(ids) => {
                let ids = ids.as_primitive::<Int64Type>().iter();
                ids.for_each(|id| push(id.and_then(|id| self.numbers.get(&id))));
            }
            Ids::Texts(ids) => {
                let ids = ids.as_string::<i32>().iter();
                ids.for_each(|id| push(id.and_then(|id| self.texts.get(id))));
            }
        }
        Ok(out.finish())
    }
}
