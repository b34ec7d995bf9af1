//! ALS: factors of users and items, from what users bought (Hu, Koren and Volinsky 2008,
//! "Collaborative Filtering for Implicit Feedback Datasets") or how they rated it (Zhou et al. 2008,
//! "Large-scale Parallel Collaborative Filtering", ALS-WR).
//!
//! Half an iteration solves, for each row x of one side with the other side's rows y fixed,
//! (B + Σ w y yᵀ) x = Σ c y. All rows share B = YᵀY + λI = LLᵀ, so everything is done in its basis:
//! with z = L⁻¹y and x' = Lᵀx it is (I + Σ w z zᵀ) x' = Σ c z. A step of conjugate gradient there
//! costs two products per entry and none with B, which has become its preconditioner; and a row
//! with fewer entries than factors is solved exactly by a system of as many unknowns as it has
//! entries.
//!
//! Rows are solved independently of each other and sums have a fixed order: the factors do not
//! depend on the number of threads.

pub(crate) mod artifact;
mod basis;
mod blocks;
mod checkpoint;
mod cholesky;
mod entries;
mod factors;
mod fit;
mod loss;
mod product;
mod read;
mod row;
mod study;
#[cfg(test)]
mod tests;
mod top;
pub(crate) mod train;
#[cfg(test)]
mod whole_tests;

pub(crate) use artifact::load;
pub(crate) use basis::gramian;
pub use entries::Entries;
pub use factors::Factors;
pub use fit::{Als, Feedback, Fixed, Solver, UNWATCHED, Watch};
pub use top::{Place, top};
