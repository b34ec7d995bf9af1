//! Owns how many units a line has and what it costs. SPEND is quantity times unit price exactly,
//! and quantity 2 never occurs, as in the real files. Must not know customers or baskets.

use super::catalogue::Item;
use super::labels::Line;
use super::random::{Alias, Random, exp};

/// Quantities above 3 and their shares.
const BULK: [(u32, f64); 18] = [
    (4, 0.502),
    (5, 0.105),
    (6, 0.181),
    (7, 0.064),
    (8, 0.045),
    (9, 0.036),
    (10, 0.009),
    (11, 0.011),
    (12, 0.009),
    (13, 0.006),
    (14, 0.007),
    (15, 0.004),
    (16, 0.005),
    (18, 0.003),
    (20, 0.003),
    (24, 0.003),
    (28, 0.001),
    (33, 0.001),
];

/// Quantities of the carrier bag and their shares.
const BAGS: [(u32, f64); 21] = [
    (1, 0.219),
    (3, 0.216),
    (4, 0.109),
    (5, 0.048),
    (6, 0.079),
    (7, 0.057),
    (8, 0.050),
    (9, 0.042),
    (10, 0.020),
    (11, 0.031),
    (12, 0.022),
    (13, 0.018),
    (14, 0.023),
    (15, 0.012),
    (16, 0.012),
    (17, 0.010),
    (18, 0.008),
    (20, 0.007),
    (22, 0.006),
    (24, 0.004),
    (28, 0.005),
];

/// A wholesale line: its share of the quantities above 3, and the range of its quantity.
const WHOLESALE: (f64, u32, u32) = (1e-4, 60, 1_700);

/// Deviation of the log price of items sold by weight.
const WEIGHED: f64 = 0.35;

/// The tables to draw quantities from.
pub(crate) struct Quantities {
    bulk: Alias,
    bags: Alias,
}

impl Quantities {
    /// The fixed tables.
    pub(crate) fn new() -> Self {
        Self {
            bulk: Alias::new(&BULK.map(|row| row.1)),
            bags: Alias::new(&BAGS.map(|row| row.1)),
        }
    }

    /// The line of an item at its catalogue position.
    pub(crate) fn line(&self, item: u16, sold: &Item, random: &mut Random) -> Line {
        let quantity = if sold.bag {
            BAGS[self.bags.draw(random)].0
        } else if !random.chance(sold.multiple.0) {
            1
        } else if !random.chance(sold.multiple.1) {
            3
        } else if random.chance(WHOLESALE.0) {
            WHOLESALE.1 + random.below((WHOLESALE.2 - WHOLESALE.1) as usize) as u32
        } else {
            BULK[self.bulk.draw(random)].0
        };
        let unit = if sold.by_weight {
            let weighed = f64::from(sold.cents) * exp(WEIGHED * random.normal());
            weighed.round().max(1.0) as u32
        } else {
            sold.cents
        };
        Line {
            item,
            quantity,
            cents: unit * quantity,
        }
    }
}
