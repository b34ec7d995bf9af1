//! Decisions: an item that a user was offered, in its context, and whether it was bought. Owns how they
//! are read, the tables that stand beside them, and how well they are foretold; models and baselines
//! judge them.

pub(crate) mod baselines;
pub(crate) mod batch;
pub(crate) mod measure;
pub(crate) mod tables;
