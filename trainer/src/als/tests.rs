//! ALS against the definition, in f64 and without any of its short cuts.

use pannier_proto::feed::KeyedRng;
use proptest::prelude::*;

use super::*;

/// Entries of a made matrix: about one place in `every` has one.
pub(super) fn made(rows: usize, columns: usize, every: u32, seed: u64) -> Entries {
    let mut rng = KeyedRng::new(seed);
    let mut entries = Vec::new();
    for row in 0..rows as u32 {
        for column in 0..columns as u32 {
            if rng.below(every) == 0 {
                entries.push((row, column, 1.0 + rng.below(4) as f32));
            }
        }
    }
    Entries::new(rows, columns, &entries).unwrap()
}

/// A x = b by elimination with the largest pivot.
fn solved(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let pivot = (i..n)
            .max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs()))
            .unwrap();
        a.swap(i, pivot);
        b.swap(i, pivot);
        for row in i + 1..n {
            let by = a[row][i] / a[i][i];
            let pivot = a[i].clone();
            for (x, p) in a[row].iter_mut().zip(&pivot).skip(i) {
                *x -= by * p;
            }
            b[row] -= by * b[i];
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

/// The row's equations as the papers have them.
fn reference(als: &Als, entries: &Entries, y: &Factors, row: usize) -> Vec<f64> {
    let dim = y.dim();
    let (columns, values) = entries.row(row);
    if columns.is_empty() {
        return vec![0.0; dim];
    }
    let y = |at: usize| -> Vec<f64> { y.row(at).iter().map(|x| f64::from(*x)).collect() };
    let (mut a, mut b) = (vec![vec![0.0; dim]; dim], vec![0.0; dim]);
    let mut add = |y: &[f64], weight: f64, target: f64| {
        for i in 0..dim {
            b[i] += target * y[i];
            for k in 0..dim {
                a[i][k] += weight * y[i] * y[k];
            }
        }
    };
    let lambda = f64::from(als.regularization);
    let ridge = match als.feedback {
        Feedback::Implicit { alpha } => {
            (0..entries.columns()).for_each(|at| add(&y(at), 1.0, 0.0));
            for (column, value) in columns.iter().zip(values) {
                let extra = f64::from(alpha) * f64::from(*value);
                add(&y(*column as usize), extra, 1.0 + extra);
            }
            lambda
        }
        Feedback::Explicit => {
            for (column, value) in columns.iter().zip(values) {
                add(&y(*column as usize), 1.0, f64::from(*value));
            }
            lambda * columns.len() as f64
        }
    };
    for (i, row) in a.iter_mut().enumerate() {
        row[i] += ridge;
    }
    solved(a, b)
}

fn als() -> impl Strategy<Value = Als> {
    let feedback = prop_oneof![
        (0.5f32..40.0).prop_map(|alpha| Feedback::Implicit { alpha }),
        Just(Feedback::Explicit)
    ];
    let solver = prop_oneof![
        Just(Solver::Cholesky),
        // As many steps as there are unknowns, and some for rounding.
        Just(Solver::Conjugate { steps: 60 })
    ];
    (feedback, solver, 0.05f32..1.0).prop_map(|(feedback, solver, regularization)| Als {
        feedback,
        regularization,
        solver,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_row_solves_its_equations(als in als(), dim in 1usize..40, every in 1u32..12, seed: u64) {
        let entries = made(9, 50, every, seed);
        let mut y = Factors::random(50, dim, seed);
        // As far apart as factors are after an iteration or two.
        y.values.iter_mut().flat_map(|lane| &mut lane.0).for_each(|x| *x *= dim as f32);
        let mut x = Factors::random(9, dim, seed ^ 1);
        als.solve(&entries, &y, &mut x, UNWATCHED).unwrap();
        for row in 0..9 {
            let expected = reference(&als, &entries, &y, row);
            let length = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
            for (got, expected) in x.row(row).iter().zip(&expected) {
                let apart = (f64::from(*got) - expected).abs();
                prop_assert!(apart <= 2e-3 * (length + 1e-3), "row {row}: {got} for {expected} of {length}");
            }
        }
    }

    #[test]
    fn twice_transposed_is_the_same(rows in 1usize..20, columns in 1usize..20, every in 1u32..9, seed: u64) {
        let entries = made(rows, columns, every, seed);
        prop_assert_eq!(entries.transposed().transposed(), entries);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_best_places_are_those_of_a_sort(rows in 1usize..150, columns in 1usize..2500, k in 0usize..30, every in 2u32..40, seed: u64) {
        let (x, y) = (Factors::random(rows, 3, seed), Factors::random(columns, 3, seed ^ 1));
        let bought = made(rows, columns, every, seed);
        let places = top(&x, &y, k, |row| bought.row(row).0);
        prop_assert_eq!(places.len(), rows);
        for row in [0, rows / 2, rows - 1] {
            let own = bought.row(row).0;
            let score = |column: u32| -> f32 {
                x.row(row).iter().zip(y.row(column as usize)).map(|(a, b)| a * b).sum()
            };
            let mut sorted: Vec<u32> = (0..columns as u32).filter(|c| own.binary_search(c).is_err()).collect();
            sorted.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
            prop_assert_eq!(places[row].len(), k.min(sorted.len()));
            for (place, expected) in places[row].iter().zip(&sorted) {
                prop_assert!(own.binary_search(&place.column).is_err());
                // Scores that differ by rounding may change places.
                prop_assert!((score(*expected) - place.score).abs() <= 1e-6);
            }
            prop_assert!(places[row].windows(2).all(|pair| pair[0] > pair[1]));
        }
    }
}

/// Σ c (p - xy)² + λ(Σ|x|² + Σ|y|²) over all places.
fn objective(als: &Als, entries: &Entries, x: &Factors, y: &Factors) -> f64 {
    let Feedback::Implicit { alpha } = als.feedback else {
        return f64::NAN;
    };
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let mut sum = 0.0;
    for row in 0..x.rows() {
        let (columns, values) = entries.row(row);
        for column in 0..y.rows() {
            let at = columns.binary_search(&(column as u32)).ok();
            let liked = if at.is_some() { 1.0 } else { 0.0 };
            let confidence = 1.0 + f64::from(alpha * at.map_or(0.0, |at| values[at]));
            sum += confidence * (liked - dot(x.row(row), y.row(column))).powi(2);
        }
    }
    let sizes = |of: &Factors| {
        (0..of.rows())
            .map(|r| dot(of.row(r), of.row(r)))
            .sum::<f64>()
    };
    sum + f64::from(als.regularization) * (sizes(x) + sizes(y))
}

#[test]
fn every_half_iteration_lowers_the_objective() {
    let entries = made(60, 40, 6, 5);
    let across = entries.transposed();
    for solver in [
        Solver::Cholesky,
        Solver::Conjugate { steps: 3 },
        Solver::Blocks { size: 4 },
    ] {
        let als = Als {
            feedback: Feedback::Implicit { alpha: 10.0 },
            regularization: 0.1,
            solver,
        };
        let (mut x, mut y) = (Factors::random(60, 20, 1), Factors::random(40, 20, 2));
        let mut last = objective(&als, &entries, &x, &y);
        for _ in 0..8 {
            als.solve(&entries, &y, &mut x, UNWATCHED).unwrap();
            let users = objective(&als, &entries, &x, &y);
            als.solve(&across, &x, &mut y, UNWATCHED).unwrap();
            let items = objective(&als, &entries, &x, &y);
            assert!(users < last && items < users, "{last} {users} {items}");
            last = items;
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let entries = made(3000, 200, 20, 9);
    let als = Als {
        feedback: Feedback::Implicit { alpha: 40.0 },
        regularization: 0.01,
        solver: Solver::Conjugate { steps: 3 },
    };
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let (mut x, mut y) = (Factors::random(3000, 33, 1), Factors::random(200, 33, 2));
            let across = entries.transposed();
            for _ in 0..2 {
                als.solve(&entries, &y, &mut x, UNWATCHED).unwrap();
                als.solve(&across, &x, &mut y, UNWATCHED).unwrap();
            }
            (x, y)
        })
    };
    let one = fit(1);
    assert_eq!(fit(2), one);
    assert_eq!(fit(5), one);
}

#[test]
fn what_cannot_be_is_said() {
    assert!(Entries::new(2, 2, &[(2, 0, 1.0)]).is_err());
    assert!(Entries::new(2, 2, &[(0, 0, f32::NAN)]).is_err());
    let entries = Entries::new(2, 2, &[(0, 0, -1.0), (1, 1, 2.0), (1, 1, 1.0)]).unwrap();
    assert_eq!(entries.row(1), (&[1][..], &[3.0][..]));
    let als = Als {
        feedback: Feedback::Implicit { alpha: 1.0 },
        regularization: 0.1,
        solver: Solver::Cholesky,
    };
    let (y, mut x) = (Factors::random(2, 4, 1), Factors::random(2, 4, 2));
    let error = als
        .solve(&entries, &y, &mut x, UNWATCHED)
        .unwrap_err()
        .to_string();
    assert!(error.contains("above 0"), "{error}");
    let singular = Als {
        regularization: 0.0,
        ..als
    };
    let error = singular
        .solve(&entries, &y, &mut x, UNWATCHED)
        .unwrap_err()
        .to_string();
    assert!(error.contains("regularization"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_loss_is_its_definition(als in als(), dim in 1usize..20, every in 1u32..6, seed: u64) {
        let entries = made(7, 30, every, seed);
        let (mut x, mut y) = (Factors::random(7, dim, seed), Factors::random(30, dim, seed ^ 1));
        for factors in [&mut x, &mut y] {
            factors.values.iter_mut().flat_map(|lane| &mut lane.0).for_each(|x| *x *= dim as f32);
        }
        let across = entries.transposed();
        let length = |of: &[f32]| of.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let (mut sum, lambda) = (0.0, f64::from(als.regularization));
        for row in 0..7 {
            let (columns, values) = entries.row(row);
            for column in 0..30 {
                let score: f64 = x.row(row).iter().zip(y.row(column)).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                let value = columns.iter().position(|c| *c as usize == column).map(|at| f64::from(values[at]));
                sum += match (als.feedback, value) {
                    (Feedback::Implicit { alpha }, Some(value)) => (1.0 + f64::from(alpha) * value) * (1.0 - score).powi(2),
                    (Feedback::Implicit { .. }, None) => score * score,
                    (Feedback::Explicit, Some(value)) => (value - score).powi(2),
                    (Feedback::Explicit, None) => 0.0,
                };
            }
        }
        let implicit = matches!(als.feedback, Feedback::Implicit { .. });
        let times = |entries: &Entries, row: usize| if implicit { 1.0 } else { entries.row(row).0.len() as f64 };
        sum += lambda * (0..7).map(|row| times(&entries, row) * length(x.row(row))).sum::<f64>();
        sum += lambda * (0..30).map(|row| times(&across, row) * length(y.row(row))).sum::<f64>();
        let expected = sum / entries.len().max(1) as f64;
        let got = als.loss(&entries, &across, &x, &y);
        prop_assert!((got - expected).abs() <= 1e-4 * (1.0 + expected), "{got} for {expected}");
    }
}

#[test]
fn positive_factors_have_length_one() {
    let factors = Factors::positive(5, 20, 3);
    for row in 0..5 {
        let length: f32 = factors.row(row).iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-6 && factors.row(row).iter().all(|x| *x >= 0.0));
    }
    assert_ne!(factors.row(0), factors.row(1));
    let same = Factors::positive(2, 20, 3);
    assert_eq!(same.row(1), factors.row(1));
}
