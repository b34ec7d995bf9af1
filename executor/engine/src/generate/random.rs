//! Owns the random numbers of the generator: the same seed gives the same draws on every machine.
//! Must not use `f64::exp`, `ln` or `powf` of the standard library: their last bit depends on the
//! platform. Everything here is built from IEEE additions, multiplications, divisions and roots.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded source of draws.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// One independent stream of a seed, so that one part of the generator can draw more numbers
    /// without moving the draws of another.
    pub(crate) fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        f64::from(self.0.next_u32()) < p * 4_294_967_296.0
    }

    /// Uniform in `0..bound`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u64::from(self.0.next_u32()) * bound as u64;
        (wide >> 32) as usize
    }

    /// Standard normal (Marsaglia's polar method).
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let s = x * x + y * y;
            if s > 0.0 && s < 1.0 {
                return x * (-2.0 * ln(s) / s).sqrt();
            }
        }
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.unit())
    }

    /// Gamma with this shape and mean 1 (Marsaglia and Tsang 2000; shapes below 1 by their boost).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        let (grown, boost) = if shape < 1.0 {
            (shape + 1.0, exp(ln(1.0 - self.unit()) / shape))
        } else {
            (shape, 1.0)
        };
        let d = grown - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if ln(1.0 - self.unit()) < 0.5 * x * x + d - d * v + d * ln(v) {
                return boost * d * v / shape;
            }
        }
    }

    /// Poisson with this mean, by inversion: meant for means below about 50.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let mut p = exp(-mean);
        let mut left = self.unit();
        let mut count = 0;
        while left >= p && count < 1_000 {
            left -= p;
            count += 1;
            p *= mean / f64::from(count);
        }
        count
    }

    /// Puts a slice in random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }
}

/// A well-mixed hash of two numbers as a uniform value in [0, 1) (SplitMix64's finaliser).
pub(crate) fn hashed_unit(a: u64, b: u64) -> f64 {
    let mut z = a
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(b.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// e to the power `x`, from basic operations only; `x` is held within +-700.
pub(crate) fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-700.0, 700.0);
    let twos = (x * std::f64::consts::LOG2_E + 0.5).floor();
    let rest = (x - twos * LN2_HIGH) - twos * LN2_LOW;
    let series = (1..=14)
        .rev()
        .fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    series * f64::from_bits(((twos as i64 + 1023) as u64) << 52)
}

/// Natural logarithm of a positive normal number, from basic operations only; `x` is held above 0.
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    let mut twos = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        twos += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..12)
        .rev()
        .fold(0.0, |sum, n| 1.0 / f64::from(2 * n + 1) + sum * square);
    2.0 * s * series + twos as f64 * std::f64::consts::LN_2
}

/// Draws an index in proportion to fixed weights in constant time (Walker's alias method as
/// arranged by Vose 1991).
#[derive(Default, Clone)]
pub(crate) struct Alias(Vec<(u32, u16)>);

impl Alias {
    /// A table over `weights`, at most 65,535 of them; negative ones count as 0. Without any
    /// positive weight every index is equally likely.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().map(|weight| weight.max(0.0)).sum();
        let scale = if total > 0.0 {
            weights.len() as f64 / total
        } else {
            0.0
        };
        let flat = if scale > 0.0 { 0.0 } else { 1.0 };
        let mut share: Vec<f64> = weights.iter().map(|w| w.max(0.0) * scale + flat).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..share.len()).partition(|&index| share[index] < 1.0);
        let mut table: Vec<(u32, u16)> = (0..share.len())
            .map(|index| (u32::MAX, index as u16))
            .collect();
        while let (Some(low), Some(&high)) = (small.pop(), large.last()) {
            table[low] = ((share[low] * 4_294_967_296.0) as u32, high as u16);
            share[high] -= 1.0 - share[low];
            if share[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        Self(table)
    }

    /// One index; 0 for an empty table.
    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.0.next_u64();
        let slot = (((bits >> 32) * self.0.len() as u64) >> 32) as usize;
        match self.0.get(slot) {
            Some(&(threshold, other)) if (bits as u32) >= threshold && threshold != u32::MAX => {
                usize::from(other)
            }
            _ => slot,
        }
    }
}
