//! Users ranked by ALS: each is solved for the items that are fixed, then all items are scored.

use pannier_proto::ids::FIRST_ITEM;

use crate::als::{Als, Entries, Factors, top};
use crate::error::TrainerError;
use crate::predict::queries::Query;
use crate::predict::rank::Place;

/// What users are solved with.
pub(crate) struct Factorized {
    /// How; every user to the end.
    pub als: Als,
    /// Of the real items.
    pub items: Factors,
}

impl Factorized {
    /// The first places of every query, on the pool of the calling thread. A user who bought nothing has
    /// no vector: all scores are 0, and of equals the item of the smaller index, which is the more
    /// popular one, comes first.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where users cannot be solved.
    pub(crate) fn rank(
        &self,
        queries: &[Query],
        places: usize,
        new_only: bool,
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let mut entries = Entries::none(self.items.rows());
        for query in queries {
            entries.push_row();
            for (item, count) in query.items.iter().zip(&query.counts) {
                entries.push((item - FIRST_ITEM) as usize, *count)?;
            }
        }
        let mut users = Factors::zero(queries.len(), self.items.dim());
        self.als
            .fix(&self.items)?
            .solve(&entries, &mut users, &|_| Ok(()))?;
        let left_out = |row: usize| if new_only { entries.row(row).0 } else { &[] };
        let best = top(&users, &self.items, places, left_out);
        let place = |place: &crate::als::Place| Place {
            item: place.column + FIRST_ITEM,
            score: place.score,
        };
        Ok(best
            .iter()
            .map(|row| row.iter().map(place).collect())
            .collect())
    }
}
