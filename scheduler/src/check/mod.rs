//! Checks: from a rule to the SQL that measures it, and from what was measured to a verdict.
//!
//! Owns both ways, as pure functions of rules and numbers, and `fit`, which holds checks against
//! the columns of tables that are not made yet. It must not run a query: the step does.
//!
//! All rules together cost few scans: what can be counted row by row is one query per table, and
//! the step joins all queries, each of one row, into one job.

mod compile;
mod fit;
mod judge;
mod reads;

#[cfg(test)]
mod tests;

pub use compile::{Known, Measures, Previous, compile, ident, offenders, previous};
pub use fit::fit;
pub(crate) use fit::hint;
pub use judge::{Row, Verdict, judge, judge_types};
pub use reads::reads;
