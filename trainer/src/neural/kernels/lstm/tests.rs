//! The kernels against the formulas in double precision, and against themselves on other threads.

use super::super::check::{assert_gradient, on_pools, some, wide};
use super::*;

/// Σ states · slopes by the formulas; weights of both directions: input, recurrent, bias.
fn naive(
    x: &[f64],
    weights: [[&[f64]; 3]; 2],
    dropout: Option<[&[f32]; 2]>,
    packing: &Packing,
    slopes: &[f32],
) -> f64 {
    let hidden = weights[0][2].len() / 4;
    let inputs = weights[0][0].len() / weights[0][2].len();
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut total = 0.0;
    for (rank, length) in packing.lengths.iter().enumerate() {
        for (way, [input, recurrent, bias]) in weights.iter().enumerate() {
            let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
            for place in 0..*length as usize {
                let step = if way == 1 {
                    *length as usize - 1 - place
                } else {
                    place
                };
                let row = packing.row(step, rank);
                let gate = |gate: usize, unit: usize, h: &[f64]| {
                    let column = gate * hidden + unit;
                    let of_x: f64 = (0..inputs)
                        .map(|i| x[row * inputs + i] * input[i * 4 * hidden + column])
                        .sum();
                    let of_h: f64 = (0..hidden)
                        .map(|i| h[i] * recurrent[i * 4 * hidden + column])
                        .sum();
                    of_x + of_h + bias[column]
                };
                let old = h.clone();
                for unit in 0..hidden {
                    let [i, f, o] = [0, 1, 3].map(|g| logistic(gate(g, unit, &old)));
                    c[unit] = f * c[unit] + i * gate(2, unit, &old).tanh();
                    let state = o * c[unit].tanh();
                    total += state * f64::from(slopes[row * 2 * hidden + way * hidden + unit]);
                    let factor = dropout.map_or(1.0, |d| d[way][rank * hidden + unit]);
                    h[unit] = state * f64::from(factor);
                }
            }
        }
    }
    total
}

struct Case {
    packing: Packing,
    x: Vec<f32>,
    weights: [[Vec<f32>; 3]; 2],
    dropout: [Vec<f32>; 2],
    slopes: Vec<f32>,
}

impl Case {
    fn new(lengths: &[u32], inputs: usize, hidden: usize) -> Self {
        let packing = Packing::new(lengths);
        let rows = packing.rows();
        let weights = [0, 1].map(|way| {
            let sizes = [inputs * 4 * hidden, hidden * 4 * hidden, 4 * hidden];
            let mut seed = 10 * way;
            sizes.map(|size| {
                seed += 1;
                some(size, seed).iter().map(|x| x * 0.5).collect()
            })
        });
        Self {
            x: some(rows * inputs, 31),
            weights,
            dropout: [0, 1].map(|way| {
                let factors = some(packing.sequences() * hidden, 40 + way);
                factors
                    .iter()
                    .map(|x| if *x < 0.0 { 0.0 } else { 1.5 })
                    .collect()
            }),
            slopes: some(rows * 2 * hidden, 32),
            packing,
        }
    }

    fn weights(&self) -> [Weights<'_>; 2] {
        [0, 1].map(|way| {
            let [input, recurrent, bias] = &self.weights[way];
            Weights {
                input,
                recurrent,
                bias,
            }
        })
    }

    fn both(&self, dropout: bool) -> (Vec<f32>, Vec<f32>, Vec<Vec<f32>>) {
        let dropout = dropout.then(|| [&self.dropout[0][..], &self.dropout[1][..]]);
        let (states, saved) = forward(&self.x, &self.packing, self.weights(), dropout);
        let gradients = backward(
            &self.slopes,
            &self.x,
            &self.packing,
            self.weights(),
            dropout,
            saved,
        );
        (
            states,
            gradients.x,
            gradients.weights.into_iter().flatten().collect(),
        )
    }
}

#[test]
fn gradients_are_those_of_the_formulas() {
    for (dropout, hidden) in [(false, 16), (true, 16), (false, 80)] {
        let case = Case::new(if hidden == 16 { &[2, 3, 1] } else { &[2] }, 3, hidden);
        let (states, of_x, of_weights) = on_pools(|| case.both(dropout));
        let masks = dropout.then(|| [&case.dropout[0][..], &case.dropout[1][..]]);
        let point: Vec<Vec<f64>> = case.weights.iter().flatten().map(|w| wide(w)).collect();
        let with = |x: &[f64], at: usize, weights: Option<&[f64]>| {
            let all = |i: usize| weights.filter(|_| i == at).unwrap_or(&point[i]);
            let weights = [[all(0), all(1), all(2)], [all(3), all(4), all(5)]];
            naive(x, weights, masks, &case.packing, &case.slopes)
        };
        let x = wide(&case.x);
        let sum: f64 = states
            .iter()
            .zip(&case.slopes)
            .map(|(a, b)| f64::from(a * b))
            .sum();
        assert!((sum - with(&x, 9, None)).abs() < 1e-4);
        assert_gradient("x", &of_x, &case.x, |x| with(x, 9, None));
        if hidden == 16 {
            for (at, (gradient, weights)) in of_weights
                .iter()
                .zip(case.weights.iter().flatten())
                .enumerate()
            {
                assert_gradient(&format!("weights {at}"), gradient, weights, |w| {
                    with(&x, at, Some(w))
                });
            }
        }
    }
}

/// Blocks of sequences, tiles and panels that are not whole.
#[test]
fn many_sequences_are_many_times_one() {
    let lengths: Vec<u32> = (0..50).map(|i| 1 + i * 7 % 9).collect();
    let case = Case::new(&lengths, 20, 32);
    let (states, of_x, of_weights) = on_pools(|| case.both(true));
    let mut sums: Vec<Vec<f64>> = of_weights.iter().map(|of| vec![0.0; of.len()]).collect();
    for (rank, length) in case.packing.lengths.iter().enumerate() {
        let rows = |of: &[f32], width: usize| -> Vec<f32> {
            let row = |step| case.packing.row(step as usize, rank) * width;
            (0..*length)
                .flat_map(|step| of[row(step)..][..width].to_vec())
                .collect()
        };
        let one = Case {
            packing: Packing::new(&[*length]),
            x: rows(&case.x, 20),
            weights: case.weights.clone(),
            dropout: [0, 1].map(|way| case.dropout[way][rank * 32..][..32].to_vec()),
            slopes: rows(&case.slopes, 64),
        };
        let (of_one, x_of_one, weights_of_one) = one.both(true);
        assert_eq!(of_one, rows(&states, 64));
        assert_eq!(x_of_one, rows(&of_x, 20));
        for (sums, of) in sums.iter_mut().zip(&weights_of_one) {
            sums.iter_mut()
                .zip(of)
                .for_each(|(sum, x)| *sum += f64::from(*x));
        }
    }
    for (sums, of) in sums.iter().zip(&of_weights) {
        assert!(
            sums.iter()
                .zip(of)
                .all(|(a, b)| (a - f64::from(*b)).abs() < 1e-3)
        );
    }
}
