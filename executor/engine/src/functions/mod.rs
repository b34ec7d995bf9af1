//! The SQL functions of our own, one file each. Adding one means adding it to a list here:
//! scheduler and executors read the same lists.

mod collect;
mod collect_groups;
mod distinct;
mod groups;
mod hash;
mod is_in;
mod one_group;
mod pairs;
mod split_of;
mod stored;
mod vocab;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub use hash::row_hashes;

use crate::warehouse::Warehouse;

/// All scalar functions; some look things up in a warehouse.
#[must_use]
pub fn scalar(warehouse: &Warehouse) -> Vec<Arc<ScalarUDF>> {
    vec![
        Arc::new(ScalarUDF::from(hash::PartOf::default())),
        Arc::new(ScalarUDF::from(hash::KeyedHash::default())),
        Arc::new(ScalarUDF::from(pairs::SkipgramPairs::default())),
        Arc::new(ScalarUDF::from(vocab::ItemIndices::new(warehouse.clone()))),
        Arc::new(ScalarUDF::from(is_in::IsIn::new(warehouse.clone()))),
        Arc::new(ScalarUDF::from(split_of::SplitOf::new(warehouse.clone()))),
    ]
}

/// All aggregate functions.
#[must_use]
pub fn aggregate() -> Vec<Arc<AggregateUDF>> {
    vec![
        Arc::new(AggregateUDF::from(collect::CollectSorted::default())),
        Arc::new(AggregateUDF::from(distinct::CollectDistinct::default())),
    ]
}

#[cfg(test)]
mod tests;
