//! Against the formulas in double precision.

use super::super::check::{assert_gradient, on_pools, some, wide};
use super::*;

fn naive(
    states: &[f64],
    hidden: &[f64],
    bias: &[f64],
    score: &[f64],
    packing: &Packing,
    slopes: &[f32],
) -> f64 {
    let units = bias.len();
    let width = hidden.len() / units;
    let mut total = 0.0;
    for (rank, length) in packing.lengths.iter().enumerate() {
        let rows: Vec<usize> = (0..*length as usize)
            .map(|step| packing.row(step, rank))
            .collect();
        let score = |row: &usize| -> f64 {
            let bent = |unit: usize| {
                let sum: f64 = (0..width)
                    .map(|i| states[row * width + i] * hidden[i * units + unit])
                    .sum();
                (sum + bias[unit]).tanh() * score[unit]
            };
            (0..units).map(bent).sum::<f64>().exp()
        };
        let scores: Vec<f64> = rows.iter().map(score).collect();
        let sum: f64 = scores.iter().sum();
        for (row, score) in rows.iter().zip(&scores) {
            for i in 0..width {
                total +=
                    score / sum * states[row * width + i] * f64::from(slopes[rank * width + i]);
            }
        }
    }
    total
}

#[test]
fn gradients_are_those_of_the_formulas() {
    for (width, units) in [(16, 5), (32, 8), (80, 70)] {
        let packing = Packing::new(&[2, 19, 1, 3, 2, 2, 1, 4, 5, 1, 2]);
        let states = some(packing.rows() * width, 1);
        let (hidden, bias, score) = (some(width * units, 2), some(units, 3), some(units, 4));
        let slopes = some(11 * width, 5);
        let weights = Weights {
            hidden: &hidden,
            bias: &bias,
            score: &score,
        };
        let (pooled, gradients) = on_pools(|| {
            let (pooled, saved) = forward(&states, &packing, weights);
            let g = backward(&slopes, &states, &packing, weights, saved);
            (pooled, [g.states, g.hidden, g.bias, g.score])
        });
        let [s, h, b, v] = [&states, &hidden, &bias, &score].map(|of| wide(of));
        let sum: f64 = pooled
            .iter()
            .zip(&slopes)
            .map(|(a, b)| f64::from(a * b))
            .sum();
        assert!((sum - naive(&s, &h, &b, &v, &packing, &slopes)).abs() < 1e-4);
        assert_gradient("bias", &gradients[2], &bias, |b| {
            naive(&s, &h, b, &v, &packing, &slopes)
        });
        assert_gradient("score", &gradients[3], &score, |v| {
            naive(&s, &h, &b, v, &packing, &slopes)
        });
        if width <= 32 {
            assert_gradient("states", &gradients[0], &states, |s| {
                naive(s, &h, &b, &v, &packing, &slopes)
            });
            assert_gradient("hidden", &gradients[1], &hidden, |h| {
                naive(&s, h, &b, &v, &packing, &slopes)
            });
        }
    }
}
