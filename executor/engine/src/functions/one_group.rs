//! An aggregate without `GROUP BY`: the groups' accumulator with a single group.
//! The lock is never waited for: it only makes the accumulator shareable, as the engine asks.

use std::sync::{Mutex, PoisonError};

use datafusion::arrow::array::{ArrayRef, new_empty_array};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// One group.
pub struct OneGroup(Mutex<Box<dyn GroupsAccumulator>>);

impl OneGroup {
    /// The accumulator of one group, which is there even without rows. `fields` are its inputs.
    ///
    /// # Errors
    /// Where the accumulator refuses the fields.
    pub fn boxed(
        mut groups: Box<dyn GroupsAccumulator>,
        fields: &[FieldRef],
    ) -> Result<Box<dyn Accumulator>> {
        let nothing: Vec<ArrayRef> = fields
            .iter()
            .map(|f| new_empty_array(f.data_type()))
            .collect();
        groups.update_batch(&nothing, &[], None, 1)?;
        Ok(Box::new(Self(Mutex::new(groups))))
    }
}

impl OneGroup {
    fn groups(&mut self) -> &mut dyn GroupsAccumulator {
        let groups = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        groups.as_mut()
    }
}

impl std::fmt::Debug for OneGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneGroup")
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values.first().map_or(0, |v| v.len())];
        self.groups().update_batch(values, &groups, None, 1)
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states.first().map_or(0, |v| v.len())];
        self.groups().merge_batch(states, &groups, 1)
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.groups().evaluate(EmitTo::All)?, 0)
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.groups()
            .state(EmitTo::All)?
            .iter()
            .map(|a| ScalarValue::try_from_array(a, 0))
            .collect()
    }
    fn size(&self) -> usize {
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.size()
    }
}
