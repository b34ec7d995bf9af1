//! The cluster as processes: it makes what one process makes, whoever is killed or stopped.
//! Every test compares with the run that nobody disturbed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alone;
mod checks;
mod commands;
mod decisions;
mod errors;
mod executors;
mod factors;
mod gc;
mod gensim;
mod next_basket;
mod predict;
mod queries;
mod resumed;
mod same;
mod schedulers;
mod sql;
mod trainers;
mod words;
