//! The output layer for ranking: the logit or the probability of every item, without loss and gradients.

use super::math::logistic;
use super::panels::{Cells, Panels};
use super::product::{Finish, Rows, product};
use super::simd::{Vector, WIDTH};
use super::targets::Link;
use super::tile::{COLUMNS, Tile};

/// An output layer's weights as many products use them.
pub(crate) struct Prepared {
    panels: Panels,
    width: usize,
}

impl Prepared {
    /// Of weights [items, width].
    pub(crate) fn new(weights: &[f32], width: usize) -> Self {
        let items = weights.len() / width;
        Self {
            panels: Panels::transposed(weights, width, items),
            width,
        }
    }

    /// vectors · weightsᵀ + bias, and of the logistic link the logistic function of that: [vectors, items].
    pub(crate) fn of(&self, vectors: &[f32], bias: &[f32], link: Link) -> Vec<f32> {
        let items = self.panels.columns();
        assert_eq!(bias.len(), items);
        let mut padded = bias.to_vec();
        padded.resize(self.panels.count() * COLUMNS, 0.0);
        let mut out = vec![0.0; vectors.len() / self.width * items];
        let finish = Chances {
            link,
            bias: &padded,
            items,
            out: Cells::new(&mut out),
        };
        product([(Rows::new(vectors, self.width), &self.panels)], &finish);
        out
    }
}

struct Chances<'a> {
    link: Link,
    bias: &'a [f32],
    items: usize,
    out: Cells<'a>,
}

impl Finish for Chances<'_> {
    #[inline(always)]
    unsafe fn tile<V: Vector>(&self, row: usize, count: usize, panel: usize, tile: &Tile) {
        let first = panel * COLUMNS;
        let width = COLUMNS.min(self.items - first);
        let bias = self.bias[first..first + COLUMNS].as_ptr();
        let mut chances = [0.0; COLUMNS];
        for (at, sums) in tile.0[..count].iter().enumerate() {
            for lane in (0..COLUMNS).step_by(WIDTH) {
                // SAFETY: all three have 64 numbers; the caller's for the instructions.
                unsafe {
                    let z = V::load(sums.as_ptr().add(lane)).add(V::load(bias.add(lane)));
                    let z = match self.link {
                        Link::Logistic => logistic(z),
                        Link::Softmax => z,
                    };
                    z.store(chances.as_mut_ptr().add(lane));
                }
            }
            // SAFETY: tiles are of places of their own.
            let out = unsafe { self.out.slice((row + at) * self.items + first, width) };
            out.copy_from_slice(&chances[..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{on_pools, some};
    use super::*;

    #[test]
    fn chances_equal_the_formula() {
        let (users, items, width) = (101, 70, 32);
        let (vectors, weights, bias) = (
            some(users * width, 1),
            some(items * width, 2),
            some(items, 3),
        );
        let of = |link| on_pools(|| Prepared::new(&weights, width).of(&vectors, &bias, link));
        let logits = of(Link::Softmax);
        for (at, chance) in of(Link::Logistic).iter().enumerate() {
            let (user, item) = (at / items, at % items);
            let dot: f32 = (0..width)
                .map(|i| vectors[user * width + i] * weights[item * width + i])
                .sum();
            assert!((logits[at] - dot - bias[item]).abs() < 1e-4);
            let expected = 1.0 / (1.0 + (-dot - bias[item]).exp());
            assert!((chance - expected).abs() < 1e-5);
        }
    }
}
