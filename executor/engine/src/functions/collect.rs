//! `collect_sorted(value, key, …)`: the values of a group as a list, in the order of the keys.
//!
//! It stands where `array_agg(value ORDER BY key)` would: that one keeps a scalar per row, this
//! one keeps columns. Null values are left out. A total order of the keys makes the result
//! independent of the order in which rows arrive.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::collect_groups::CollectGroups;

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
        Ok(Box::new(OneGroup(CollectGroups::new(state_struct(
            args.expr_fields,
        )))))
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

/// The aggregate without `GROUP BY`: one group.
#[derive(Debug)]
struct OneGroup(CollectGroups);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values.first().map_or(0, |v| v.len())];
        self.0.update_batch(values, &groups, None, 1)
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states.first().map_or(0, |v| v.len())];
        self.0.merge_batch(states, &groups, 1)
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.ensure_groups(1);
        ScalarValue::try_from_array(&self.0.evaluate(EmitTo::All)?, 0)
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.ensure_groups(1);
        self.0
            .state(EmitTo::All)?
            .iter()
            .map(|a| ScalarValue::try_from_array(a, 0))
            .collect()
    }
    fn size(&self) -> usize {
        self.0.size()
    }
}
