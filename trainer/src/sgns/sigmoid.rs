//! The logistic function by table. Nothing else.

/// Beyond ± this the function is flat in single precision.
const REACH: f32 = 16.0;
const PER_UNIT: f32 = 64.0;
const CELLS: usize = 2048;

/// σ(x) = 1 / (1 + e⁻ˣ), linear between 2048 places on ±16: wrong by less than 4·10⁻⁶.
#[derive(Debug, Clone)]
pub(crate) struct Sigmoid {
    /// Value at the left end of a cell, and the rise to its right end.
    cells: Box<[[f32; 2]; CELLS]>,
}

impl Sigmoid {
    /// Fills the table. In double precision and then rounded, so that mathematics libraries that
    /// differ in the last bit still agree.
    pub(crate) fn new() -> Self {
        let at = |cell: usize| {
            1.0 / (1.0 + (f64::from(REACH) - cell as f64 / f64::from(PER_UNIT)).exp())
        };
        let mut cells = Box::new([[0.0; 2]; CELLS]);
        for (i, cell) in cells.iter_mut().enumerate() {
            *cell = [at(i) as f32, (at(i + 1) - at(i)) as f32];
        }
        Self { cells }
    }

    /// σ(x); the function's ends for an `x` beyond ±16, and no number for none.
    #[inline(always)]
    pub(crate) fn at(&self, x: f32) -> f32 {
        let place = (x + REACH) * PER_UNIT;
        let place = place.clamp(0.0, CELLS as f32 - 0.001);
        let cell = place as usize;
        let [value, rise] = self.cells[cell & (CELLS - 1)];
        value + rise * (place - cell as f32)
    }
}

/// -ln σ(x), without overflow.
pub(crate) fn softplus_of_minus(x: f32) -> f64 {
    let x = f64::from(x);
    (-x).max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_function_everywhere() {
        let table = Sigmoid::new();
        for i in -40_000..40_000 {
            let x = i as f32 * 0.001;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(table.at(x)) - exact).abs() < 4e-6, "{x}");
            assert!((softplus_of_minus(x) + exact.ln()).abs() < 1e-9, "{x}");
        }
        assert!(table.at(f32::NAN).is_nan());
    }
}
