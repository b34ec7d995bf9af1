//! Logistic regression by Newton's method: columns of numbers, standardised, and where asked for a column
//! of zeros and ones for each category, which is never written out. Of the Hessian the categories' part is
//! diagonal, so that a step solves only for the other columns (Schur complement).

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// Steps at most: Newton needs a handful, more only where data are separable and l2 is 0.
const STEPS: usize = 50;
/// A step that brings less of the loss is the last.
const ENOUGH: f64 = 1e-10;
/// Decisions of a partial sum.
const BLOCK: usize = 8192;

/// A regression that was fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logistic {
    /// Mean and standard deviation of each column.
    standards: Vec<[f64; 2]>,
    /// Of the columns; the last one's is 1 everywhere.
    pub(super) weights: Vec<f64>,
    /// By category.
    pub(super) categories: Vec<f64>,
}

/// The loss, its gradient and its Hessian.
struct Curve {
    loss: f64,
    gradient: Vec<f64>,
    of_categories: Vec<f64>,
    /// Columns by columns, row after row.
    square: Vec<f64>,
    /// Categories by columns.
    between: Vec<f64>,
    diagonal: Vec<f64>,
}

impl Curve {
    fn new(columns: usize, categories: usize) -> Self {
        Self {
            loss: 0.0,
            gradient: vec![0.0; columns],
            of_categories: vec![0.0; categories],
            square: vec![0.0; columns * columns],
            between: vec![0.0; categories * columns],
            diagonal: vec![0.0; categories],
        }
    }

    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.gradient, &other.gradient),
            (&mut self.of_categories, &other.of_categories),
            (&mut self.square, &other.square),
            (&mut self.between, &other.between),
            (&mut self.diagonal, &other.diagonal),
        ];
        self.loss += other.loss;
        for (sums, of) in pairs {
            sums.iter_mut().zip(of).for_each(|(sum, x)| *sum += x);
        }
    }
}

/// Decisions with standardised columns and a 1 behind them, row after row.
struct Rows<'a> {
    numbers: Vec<f64>,
    width: usize,
    categories: Option<&'a [u32]>,
}

impl Rows<'_> {
    fn row(&self, row: usize) -> &[f64] {
        &self.numbers[row * self.width..][..self.width]
    }
}

impl Logistic {
    /// Fits columns, [columns][decisions], and categories to what was decided.
    pub(super) fn fit(
        columns: &[Vec<f64>],
        categories: Option<&[u32]>,
        labels: &[f32],
        l2: f64,
    ) -> Self {
        let standards = columns.iter().map(|column| standard(column));
        let known = categories.and_then(|of| of.iter().max());
        let mut of = Self {
            standards: standards.collect(),
            weights: vec![0.0; columns.len() + 1],
            categories: vec![0.0; known.map_or(0, |largest| *largest as usize + 1)],
        };
        let rows = of.rows(columns, categories, labels.len());
        let mut curve = of.curve(&rows, labels, l2, true);
        for _ in 0..STEPS {
            let Some((columns, categories)) = of.direction(&curve) else {
                break;
            };
            let mut scale = 1.0;
            let better = loop {
                let mut next = of.clone();
                let moved = next.weights.iter_mut().zip(&columns);
                moved.for_each(|(w, by)| *w -= scale * by);
                let moved = next.categories.iter_mut().zip(&categories);
                moved.for_each(|(w, by)| *w -= scale * by);
                let loss = next.curve(&rows, labels, l2, false).loss;
                if loss < curve.loss {
                    break Some((next, loss));
                }
                scale /= 2.0;
                if scale < 1e-6 {
                    break None;
                }
            };
            let Some((next, loss)) = better else {
                break;
            };
            of = next;
            if curve.loss - loss < ENOUGH * curve.loss {
                break;
            }
            curve = of.curve(&rows, labels, l2, true);
        }
        of
    }

    fn rows<'a>(&self, columns: &[Vec<f64>], categories: Option<&'a [u32]>, n: usize) -> Rows<'a> {
        let width = columns.len() + 1;
        let mut numbers = vec![1.0; n * width];
        for (at, (column, [mean, deviation])) in columns.iter().zip(&self.standards).enumerate() {
            let places = numbers.iter_mut().skip(at).step_by(width);
            for (place, x) in places.zip(column) {
                *place = (x - mean) / deviation;
            }
        }
        Rows {
            numbers,
            width,
            categories,
        }
    }

    fn logit(&self, rows: &Rows<'_>, row: usize) -> f64 {
        let numbers = rows.row(row).iter().zip(&self.weights);
        let sum: f64 = numbers.map(|(x, w)| x * w).sum();
        let category = rows.categories.map(|of| of[row] as usize);
        sum + category
            .and_then(|of| self.categories.get(of))
            .unwrap_or(&0.0)
    }

    /// The probability that decisions are for buying.
    pub(super) fn chances(&self, columns: &[Vec<f64>], categories: Option<&[u32]>) -> Vec<f32> {
        let n = columns.first().map_or(0, Vec::len);
        let rows = self.rows(columns, categories, n);
        let chance = |row| (1.0 / (1.0 + (-self.logit(&rows, row)).exp())) as f32;
        (0..n).into_par_iter().map(chance).collect()
    }

    /// Where the loss lies, and with `slopes` how it goes on. The constant's weight does not cost.
    fn curve(&self, rows: &Rows<'_>, labels: &[f32], l2: f64, slopes: bool) -> Curve {
        let (width, known) = (rows.width, self.categories.len());
        let blocks = (0..labels.len().div_ceil(BLOCK)).into_par_iter();
        let parts = blocks.map(|block| {
            let mut curve = Curve::new(width, known);
            for row in block * BLOCK..((block + 1) * BLOCK).min(labels.len()) {
                let (z, y) = (self.logit(rows, row), f64::from(labels[row]));
                curve.loss += z.max(0.0) - z * y + (-z.abs()).exp().ln_1p();
                if slopes {
                    let chance = 1.0 / (1.0 + (-z).exp());
                    let category = rows.categories.map(|of| of[row] as usize);
                    slope(&mut curve, rows.row(row), category, chance, y);
                }
            }
            curve
        });
        let parts: Vec<Curve> = parts.collect();
        let mut curve = Curve::new(width, known);
        parts.iter().for_each(|part| curve.add(part));
        for (at, w) in self.weights[..width - 1].iter().enumerate() {
            curve.loss += l2 / 2.0 * w * w;
            curve.gradient[at] += l2 * w;
            curve.square[at * width + at] += l2;
        }
        for (at, w) in self.categories.iter().enumerate() {
            curve.loss += l2 / 2.0 * w * w;
            curve.of_categories[at] += l2 * w;
            curve.diagonal[at] += l2;
        }
        curve
    }

    /// Newton's step: H⁻¹ · gradient, of the columns and of the categories.
    fn direction(&self, curve: &Curve) -> Option<(Vec<f64>, Vec<f64>)> {
        let width = self.weights.len();
        let (mut square, mut right) = (curve.square.clone(), curve.gradient.clone());
        let between = || curve.between.chunks_exact(width).zip(&curve.diagonal);
        for ((of, diagonal), gradient) in between().zip(&curve.of_categories) {
            // A category without decisions, and without l2, is not moved.
            if *diagonal <= f64::EPSILON {
                continue;
            }
            for (i, x) in of.iter().enumerate() {
                right[i] -= x * gradient / diagonal;
                for (j, y) in of.iter().enumerate() {
                    square[i * width + j] -= x * y / diagonal;
                }
            }
        }
        let columns = solved(square, right)?;
        let categories = between().zip(&curve.of_categories);
        let categories = categories.map(|((of, diagonal), gradient)| {
            let through: f64 = of.iter().zip(&columns).map(|(x, by)| x * by).sum();
            match *diagonal <= f64::EPSILON {
                true => 0.0,
                false => (gradient - through) / diagonal,
            }
        });
        let categories = categories.collect();
        Some((columns, categories))
    }
}

/// Adds a decision to gradient and Hessian.
fn slope(curve: &mut Curve, numbers: &[f64], category: Option<usize>, chance: f64, y: f64) {
    let (error, bend) = (chance - y, chance * (1.0 - chance));
    let width = numbers.len();
    for (i, x) in numbers.iter().enumerate() {
        curve.gradient[i] += error * x;
        let row = &mut curve.square[i * width..][..width];
        row.iter_mut()
            .zip(numbers)
            .for_each(|(sum, other)| *sum += bend * x * other);
    }
    if let Some(category) = category.filter(|of| *of < curve.diagonal.len()) {
        curve.of_categories[category] += error;
        curve.diagonal[category] += bend;
        let row = &mut curve.between[category * width..][..width];
        row.iter_mut()
            .zip(numbers)
            .for_each(|(sum, x)| *sum += bend * x);
    }
}

/// Mean and standard deviation; 1 for that of a column of one value.
fn standard(column: &[f64]) -> [f64; 2] {
    let n = column.len().max(1) as f64;
    let mean = column.iter().sum::<f64>() / n;
    let square = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    match square > 0.0 {
        true => [mean, square.sqrt()],
        false => [mean, 1.0],
    }
}

/// x of A·x = b for a symmetric, positive A, by LDLᵀ; a column that hangs on others gets 0.
fn solved(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    let largest = (0..n).map(|i| a[i * n + i]).fold(0.0, f64::max);
    if !largest.is_finite() || largest <= 0.0 {
        return None;
    }
    for j in 0..n {
        if a[j * n + j] <= 1e-12 * largest {
            (j..n).for_each(|i| a[i * n + j] = 0.0);
            b[j] = 0.0;
            continue;
        }
        let pivot = a[j * n + j];
        for i in j + 1..n {
            let factor = a[i * n + j] / pivot;
            for k in j + 1..=i {
                a[i * n + k] -= factor * a[k * n + j];
            }
        }
        for i in j + 1..n {
            a[i * n + j] /= pivot;
        }
    }
    for i in 0..n {
        for k in 0..i {
            b[i] -= a[i * n + k] * b[k];
        }
    }
    for (i, b) in b.iter_mut().enumerate() {
        let pivot = a[i * n + i];
        *b = if pivot > 0.0 { *b / pivot } else { 0.0 };
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            b[i] -= a[k * n + i] * b[k];
        }
    }
    Some(b)
}
