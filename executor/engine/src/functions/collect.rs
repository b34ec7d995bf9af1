//! `collect_sorted(value, key, …)`: the values of a group as a list, in the order of the keys.
//!
//! It stands where `array_agg(value ORDER BY key)` would: that one keeps a scalar per row, this
//! one keeps columns. Null values are left out. A total order of the keys makes the result
//! independent of the order in which rows arrive.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use super::collect_groups::CollectGroups;
use super::one_group::OneGroup;

/// The aggregate function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CollectSorted {
    signature: Signature,
}

impl Default for CollectSorted {
    fn default() -> Self {
        Self {
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

/// Fields of the state's struct: the value and the keys.
fn state_struct(inputs: &[FieldRef]) -> Fields {
    inputs
        .iter()
        .enumerate()
        .map(|(i, f)| Field::new(format!("c{i}"), f.data_type().clone(), true))
        .collect()
}

impl AggregateUDFImpl for CollectSorted {
    fn name(&self) -> &'static str {
        "collect_sorted"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [value, _, ..] = types else {
            return plan_err!("collect_sorted takes a value and at least one key to sort by");
        };
        Ok(DataType::List(Arc::new(Field::new_list_field(
            value.clone(),
            true,
        ))))
    }
    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(DataType::Struct(state_struct(args.input_fields)), true);
        Ok(vec![Arc::new(Field::new(
            format!("{}[rows]", args.name),
            DataType::List(Arc::new(item)),
            true,
        ))])
    }
    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let fields = args.expr_fields;
        OneGroup::boxed(self.create_groups_accumulator(args)?, fields)
    }
    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }
    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(CollectGroups::new(state_struct(args.expr_fields))))
    }
}
