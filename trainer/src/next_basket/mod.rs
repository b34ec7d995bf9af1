//! The simple baselines of the next basket: counting, and neighbours. Formulas and their sources are with
//! the params ([`BaselineModel`](pannier_proto::spec::BaselineModel)).
//!
//! `sequences` holds what users bought, `sparse` rows of it, `nearest` finds neighbours; a [`Method`]
//! scores all items for one asked user, in several variants at once where these share most of the work;
//! `study` picks the best variant on validation users, `scorer` asks a method for a block of queries.
//! All is exact: no sampling, no approximate neighbours. Sums are made in one order, so that scores do
//! not depend on the number of threads. It must not write predictions.

mod item_knn;
mod judge;
mod method;
mod nearest;
mod personal;
mod popular;
mod scorer;
mod sequences;
mod sparse;
mod study;
#[cfg(test)]
mod tests;
mod tifu_knn;
mod up_cf;
#[cfg(test)]
mod whole_tests;

pub(crate) use nearest::Nearest;
pub(crate) use scorer::NextBasket;
pub(crate) use sequences::Sequences;
pub(crate) use sparse::{Entry, Rows};
pub(crate) use tifu_knn::vector;
