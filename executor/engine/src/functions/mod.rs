//! The SQL functions of our own, one file each. Adding one means adding it to a list here:
//! scheduler and executors read the same lists.

mod collect;
mod collect_groups;
mod hash;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub use hash::row_hashes;

/// All scalar functions.
#[must_use]
pub fn scalar() -> Vec<Arc<ScalarUDF>> {
    vec![
        Arc::new(ScalarUDF::from(hash::PartOf::default())),
        Arc::new(ScalarUDF::from(hash::KeyedHash::default())),
    ]
}

/// All aggregate functions.
#[must_use]
pub fn aggregate() -> Vec<Arc<AggregateUDF>> {
    vec![Arc::new(AggregateUDF::from(
        collect::CollectSorted::default(),
    ))]
}

#[cfg(test)]
mod tests;
