//! Owns how likely a product is bought, given what is known when it is decided: the effects that a model
//! of decisions is to find again. Must not know what else happens in a session.
//!
//! P = 1 / (1 + exp(-z)), with
//!
//! z = -4.5 + 0.5 · u(user, 0xB01) + 0.7 · u(product, 0xB02) + 3.0 · u(category, 0xB03)
//!   - 0.5 · (ln(1 + price) - 5) + 0.9 · ln(`page_views`) - 0.35 · ln(1 + `session_time` / 60)
//!
//! where u(a, b) = [`hashed_unit`] - 1/2 of the user's number (ids are 512,000,000 + 11 · number and a
//! little), of the product's id and of the category's number (a product's id over a million, less 1), the
//! price is that of the moment, `page_views` counts the user's views in the session until then and
//! `session_time` the seconds from the user's first event to the last of these. A product is decided once
//! in a session: after the last look at it. Nothing else tells what is bought: not which product a user
//! wants, nor whether it went to the cart.

use crate::generate::random::{exp, hashed_unit, ln};

/// What is known of a decision.
pub(super) struct Considered {
    /// Number of the user.
    pub(super) user: u64,
    /// Id of the product.
    pub(super) product: u64,
    /// Number of its category.
    pub(super) category: u64,
    /// In whole units.
    pub(super) price: f64,
    /// The user's views so far.
    pub(super) page_views: u32,
    /// Seconds from the user's first event to the last view.
    pub(super) session_time: u64,
}

impl Considered {
    /// The probability that the product is bought.
    pub(super) fn bought(&self) -> f64 {
        let even = |a: u64, b: u64| hashed_unit(a, b) - 0.5;
        let who = 0.5 * even(self.user, 0xB01)
            + 0.7 * even(self.product, 0xB02)
            + 3.0 * even(self.category, 0xB03);
        let minutes = self.session_time as f64 / 60.0;
        let z = who - 4.5 - 0.5 * (ln(1.0 + self.price) - 5.0)
            + 0.9 * ln(f64::from(self.page_views))
            - 0.35 * ln(1.0 + minutes);
        1.0 / (1.0 + exp(-z))
    }
}
