//! Units that are left out in training: a function of seed, row, layer and unit, so that a step that is
//! done again leaves out the same ones.

use pannier_proto::feed::mix;

use crate::simd::{Task, Vector, run};

/// How units are left out in a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    seed: u64,
    /// Below this of 2^32 they are.
    threshold: u32,
    /// What the others are multiplied with.
    pub scale: f32,
}

impl Dropout {
    /// None where nothing is left out. `share`: from 0 to below 1.
    pub(crate) fn new(share: f64, seed: u64) -> Option<Self> {
        (share > 0.0).then(|| Self {
            seed,
            threshold: (share * 4_294_967_296.0) as u32,
            scale: (1.0 / (1.0 - share)) as f32,
        })
    }

    fn key(&self, row: usize, layer: usize) -> u32 {
        (mix(self.seed ^ mix(((row as u64) << 16) | layer as u64)) >> 32) as u32
    }
}

/// MurmurHash3's last mixing: a number for a unit under a row's key.
#[inline(always)]
fn drawn(key: u32, unit: u32) -> u32 {
    let h = unit.wrapping_mul(0x9E37_79B1).wrapping_add(key);
    let h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    let h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// Units of some rows, `stride` apart, of the batch's rows from `first` on.
pub(crate) struct Units<'a> {
    pub numbers: &'a mut [f32],
    pub stride: usize,
    pub width: usize,
    pub rows: usize,
    pub first: usize,
    pub layer: usize,
}

/// Applies ReLU where asked for, then leaves units out. The same on gradients, without ReLU, is a linear
/// layer's way back.
pub(crate) fn activate(units: Units<'_>, relu: bool, dropout: Option<Dropout>) {
    if relu || dropout.is_some() {
        run(Activate {
            units,
            relu,
            dropout,
        });
    }
}

struct Activate<'a> {
    units: Units<'a>,
    relu: bool,
    dropout: Option<Dropout>,
}

impl Task for Activate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let units = self.units;
        let rows = units.numbers.chunks_mut(units.stride).take(units.rows);
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        for (at, row) in rows.enumerate() {
            let row = &mut row[..units.width];
            let Some(dropout) = self.dropout else {
                row.iter_mut().for_each(|x| *x = x.max(floor));
                continue;
            };
            let key = dropout.key(units.first + at, units.layer);
            for (unit, x) in (0u32..).zip(row) {
                let by = if drawn(key, unit) < dropout.threshold {
                    0.0
                } else {
                    dropout.scale
                };
                *x = x.max(floor) * by;
            }
        }
    }
}

/// Gradients of units through ReLU and dropout: a unit that is above 0 was neither cut nor left out.
pub(crate) struct Back<'a> {
    pub gradients: (&'a mut [f32], usize),
    pub units: (&'a [f32], usize),
    pub width: usize,
    pub rows: usize,
    pub scale: f32,
}

impl Back<'_> {
    pub(crate) fn go(self) {
        run(self);
    }
}

impl Task for Back<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let ((gradients, stride), (units, of)) = (self.gradients, self.units);
        let rows = gradients.chunks_mut(stride).zip(units.chunks(of));
        for (gradients, units) in rows.take(self.rows) {
            let units = &units[..self.width];
            for (gradient, unit) in gradients[..self.width].iter_mut().zip(units) {
                *gradient = if *unit > 0.0 {
                    *gradient * self.scale
                } else {
                    0.0
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_left_out_and_the_rest_makes_up_for_it() {
        let (rows, width) = (2000, 16);
        let of = |seed, first| {
            let mut numbers = vec![1.0; rows * width];
            let units = Units {
                numbers: &mut numbers,
                stride: width,
                width,
                rows,
                first,
                layer: 3,
            };
            activate(units, true, Dropout::new(0.2, seed));
            numbers
        };
        let numbers = of(1, 0);
        let out = numbers.iter().filter(|x| **x == 0.0).count() as f64;
        assert!((out / (rows * width) as f64 - 0.2).abs() < 0.01);
        assert!(numbers.iter().all(|x| *x == 0.0 || *x == 1.25));
        assert_eq!(of(1, 10)[..16], numbers[160..176]);
        assert_ne!(of(2, 0), numbers);
        // Every unit is left out as often as any other.
        for unit in 0..width {
            let out = numbers
                .iter()
                .skip(unit)
                .step_by(width)
                .filter(|x| **x == 0.0);
            assert!((out.count() as f64 / rows as f64 - 0.2).abs() < 0.05);
        }
    }
}
