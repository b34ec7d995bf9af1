//! exp, the logistic function, tanh and the loss of a logit, sixteen at a time, by polynomials. Errors
//! are below 1e-6, and the same on every set of instructions.

use super::simd::Vector;

/// 1.5 · 2^23: adding it leaves a number's integer part in the lowest bits of the sum; 127 is a
/// float's bias of exponents.
const ROUND: f32 = 12_582_912.0;
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Coefficients from the highest power down, as in Cephes' expf (Moshier 1989).
const EXP: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    0.5,
];

/// 2 · artanh(x) / x in powers of x², from the highest down.
const ARTANH: [f32; 7] = [
    2.0 / 13.0,
    2.0 / 11.0,
    2.0 / 9.0,
    2.0 / 7.0,
    2.0 / 5.0,
    2.0 / 3.0,
    2.0,
];

/// e^x; x is taken as at least -87 and at most 87.
#[inline(always)]
pub(crate) unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: the caller's for the instructions.
    unsafe {
        let x = x.max(V::splat(-87.0)).min(V::splat(87.0));
        let biased = x.fma(V::splat(std::f32::consts::LOG2_E), V::splat(ROUND + 127.0));
        let n = biased.sub(V::splat(ROUND + 127.0));
        let r = n.fma(V::splat(-LN_2_HIGH), x);
        let r = n.fma(V::splat(-LN_2_LOW), r);
        let mut p = V::splat(EXP[0]);
        let mut i = 1;
        while i < EXP.len() {
            p = p.fma(r, V::splat(EXP[i]));
            i += 1;
        }
        let y = p.fma(r.mul(r), r).add(V::splat(1.0));
        y.mul(biased.to_exponent())
    }
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) unsafe fn logistic<V: Vector>(x: V) -> V {
    // SAFETY: the caller's for the instructions.
    unsafe {
        let one = V::splat(1.0);
        one.div(one.add(exp(V::splat(0.0).sub(x))))
    }
}

/// 1 - 2 / (1 + e^2x).
#[inline(always)]
pub(crate) unsafe fn tanh<V: Vector>(x: V) -> V {
    // SAFETY: the caller's for the instructions.
    unsafe {
        let one = V::splat(1.0);
        one.sub(V::splat(2.0).div(one.add(exp(x.add(x)))))
    }
}

/// The logistic function of z, and ln(1 + e^z).
#[inline(always)]
pub(crate) unsafe fn logistic_and_softplus<V: Vector>(z: V) -> (V, V) {
    // SAFETY: the caller's for the instructions.
    unsafe {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let e = exp(z.min(zero.sub(z)));
        let s = one.div(one.add(e));
        // ln(1 + e) = 2 · artanh(e / (2 + e)), e in (0, 1].
        let a = e.div(e.add(V::splat(2.0)));
        let a2 = a.mul(a);
        let mut series = V::splat(ARTANH[0]);
        let mut i = 1;
        while i < ARTANH.len() {
            series = series.fma(a2, V::splat(ARTANH[i]));
            i += 1;
        }
        (z.by_sign(e.mul(s), s), series.fma(a, z.max(zero)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::kernels::simd::{Task, WIDTH, available, run_with};

    struct All<'a>(&'a [f32], &'a mut [[f32; 5]]);

    impl Task for All<'_> {
        type Output = ();
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            for (x, out) in self
                .0
                .chunks_exact(WIDTH)
                .zip(self.1.chunks_exact_mut(WIDTH))
            {
                let mut of = [[0.0; WIDTH]; 5];
                unsafe {
                    let x = V::load(x.as_ptr());
                    let (s, l) = logistic_and_softplus(x);
                    for (at, y) in [exp(x), logistic(x), tanh(x), s, l].into_iter().enumerate() {
                        y.store(of[at].as_mut_ptr());
                    }
                }
                for (i, out) in out.iter_mut().enumerate() {
                    *out = std::array::from_fn(|f| of[f][i]);
                }
            }
        }
    }

    #[test]
    fn errors_are_small_and_bits_the_same_on_every_processor() {
        let xs: Vec<f32> = (0..160_000)
            .map(|i| (i as f32 - 80_000.0) / 1000.0)
            .collect();
        let of = |set| {
            let mut out = vec![[0.0; 5]; xs.len()];
            run_with(set, All(&xs, &mut out));
            out
        };
        let plain = of(available()[0]);
        for set in available() {
            assert!(of(set) == plain, "{set:?}");
        }
        for (x, [e, s, t, p, l]) in xs.iter().zip(&plain) {
            let x = f64::from(*x);
            let s64 = 1.0 / (1.0 + (-x).exp());
            assert!((f64::from(*e) / x.exp() - 1.0).abs() < 1e-6, "{x}");
            assert!((f64::from(*s) - s64).abs() < 2e-7, "{x}");
            assert!((f64::from(*t) - x.tanh()).abs() < 3e-7, "{x}");
            assert!((f64::from(*p) - s64).abs() < 2e-7, "{x}");
            let softplus = x.max(0.0) + (-x.abs()).exp().ln_1p();
            assert!(
                (f64::from(*l) - softplus).abs() < 3e-7 * softplus.max(1.0),
                "{x}"
            );
        }
    }
}
