//! Users ranked by ALS: each is solved for the items that are fixed, then all items are scored.

use pannier_proto::ids::FIRST_ITEM;

use crate::als::{Entries, Factors, Fixed, UNWATCHED};
use crate::error::TrainerError;
use crate::predict::UserRanker;
use crate::predict::queries::Query;
use crate::predict::rank::{Place, first_by_product};

/// What users are solved with.
pub(crate) struct Factorized {
    /// The real items, and how: every user to the end.
    pub fixed: Fixed<'static>,
}

impl UserRanker for Factorized {
    /// The first places of every query, on the pool of the calling thread. A user who bought nothing has
    /// no vector: all scores are 0, and of equals the item of the smaller index, which is the more
    /// popular one, comes first.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where users cannot be solved.
    fn rank(
        &self,
        queries: &[Query],
        places: usize,
        new_only: bool,
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let items = self.fixed.factors();
        let mut entries = Entries::none(items.rows());
        for query in queries {
            entries.push_row();
            for (item, count) in query.items.iter().zip(&query.counts) {
                entries.push((item - FIRST_ITEM) as usize, *count)?;
            }
        }
        let mut users = Factors::zero(queries.len(), items.dim());
        self.fixed.solve(&entries, &mut users, UNWATCHED)?;
        let left_out = |row: usize| if new_only { entries.row(row).0 } else { &[] };
        Ok(first_by_product(&users, items, places, left_out))
    }
}
