//! What a step leaves out: factors of vectors and states, drawn by the step alone, so that they are the
//! same on every device and for every number of threads.

use std::sync::Arc;

use pannier_proto::feed::{KeyedRng, mix};

use super::learner::Rates;
use super::sizes::Sizes;
use crate::neural::ops::Dropout;

/// Salts of what is drawn for a step.
const BASKETS: u64 = 0x6261_736B;
const USERS: u64 = 0x7573_6572;
const STATES: u64 = 0x7374_6174;

/// Factors, by rank of the user; none where nothing is left out.
#[derive(Debug, Clone)]
pub(crate) struct Masks {
    /// Of the vectors of a user's baskets, [users, embedding].
    pub baskets: Option<Vec<f32>>,
    /// Of users' vectors, [users, 2 · hidden].
    pub users: Option<Vec<f32>>,
    /// Of the states that enter a step, for each direction: [users, hidden].
    pub states: Dropout,
}

impl Masks {
    /// Those of a step with so many users.
    pub(crate) fn new(sizes: &Sizes, users: usize, how: &Rates) -> Self {
        let factors = |salt: u64, len: usize, share: f64| {
            (share > 0.0).then(|| mask(mix(how.seed ^ salt), users * len, share))
        };
        let of_states = |way| factors(STATES + way, sizes.hidden, how.recurrent_dropout);
        let states = of_states(0).zip(of_states(1));
        Self {
            baskets: factors(BASKETS, sizes.embedding, how.dropout),
            users: factors(USERS, 2 * sizes.hidden, how.dropout),
            states: states.map(|(ahead, back)| Arc::new([ahead, back])),
        }
    }
}

/// Zeros for a share of the numbers, and for the others what keeps their sum.
fn mask(seed: u64, len: usize, share: f64) -> Vec<f32> {
    let mut rng = KeyedRng::new(seed);
    let below = (share * 4_294_967_296.0) as u64;
    let factor = (1.0 / (1.0 - share)) as f32;
    let mut half = 0;
    let draw = |at: usize| {
        half = if at.is_multiple_of(2) {
            rng.next_u64()
        } else {
            half >> 32
        };
        if half & u64::from(u32::MAX) < below {
            0.0
        } else {
            factor
        }
    };
    (0..len).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_left_out_and_the_sum_stays() {
        let sizes = Sizes {
            items: 3,
            embedding: 40,
            hidden: 16,
            attention: 2,
            repeat: 0,
            layers: 1,
            near: false,
        };
        let how = Rates {
            dropout: 0.25,
            seed: 9,
            ..Rates::default()
        };
        let masks = Masks::new(&sizes, 100, &how);
        assert!(masks.states.is_none());
        let factors = masks.baskets.unwrap();
        assert_eq!(
            (factors.len(), masks.users.unwrap().len()),
            (100 * 40, 100 * 32)
        );
        let left_out = factors.iter().filter(|x| **x == 0.0).count();
        assert!((800..1200).contains(&left_out), "{left_out}");
        let kept = factors.iter().filter(|x| (**x - 4.0 / 3.0).abs() < 1e-6);
        assert_eq!(kept.count() + left_out, factors.len());
        assert_eq!(
            Masks::new(&sizes, 100, &how).baskets.unwrap(),
            factors,
            "drawn by the step alone"
        );
    }
}
