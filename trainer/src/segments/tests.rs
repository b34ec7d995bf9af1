//! Segments against naive versions in f64, and against what scikit-learn 1.9.1 says.

use pannier_proto::feed::KeyedRng;
use proptest::prelude::*;

use super::bounds::apart;
use super::panels::{Each, Panels, nearest};
use super::*;
use crate::als::Factors;
use crate::lanes::{Instructions, Lane, Simd, floats};

/// Vectors around `groups` centres that lie `wide` apart, one after another.
fn made(rows: usize, dim: usize, groups: usize, wide: f32, seed: u64) -> Factors {
    let mut rng = KeyedRng::new(seed);
    let mut number = || (rng.below(1 << 20) as f32 / (1 << 19) as f32) - 1.0;
    let centres: Vec<f32> = (0..groups * dim).map(|_| number() * wide).collect();
    let values: Vec<f32> = (0..rows * dim)
        .map(|at| centres[at / dim % groups * dim + at % dim] + number())
        .collect();
    Factors::from_rows(&values, dim)
}

/// Twelve vectors of three numbers, of which scikit-learn was asked.
fn twelve() -> Factors {
    let number = |i: usize| {
        let (a, b) = ((i * 7) % 11 + 6 * (i % 3), (i * 5) % 13);
        [a as f32, b as f32 / 2.0, (i * i % 7) as f32]
    };
    let values: Vec<f32> = (0..12).flat_map(number).collect();
    Factors::from_rows(&values, 3)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * b.abs().max(1.0)
}

fn squared(a: &[f32], b: &[f32]) -> f64 {
    let parts = a.iter().zip(b).map(|(a, b)| f64::from(a - b));
    parts.map(|x| x * x).sum()
}

#[test]
fn scikit_learn_says_the_same() {
    let points = Points::new(&twelve(), false).unwrap();
    let kmeans = KMeans {
        tolerance: 0.0,
        ..KMeans::new(3, 1)
    };
    // KMeans(3, init=x[[0, 1, 2]], tol=0), and the best of 400 starts
    let given = |rows: &[u32]| points.only(rows).vectors;
    let found = kmeans.lloyd(&points, given(&[0, 1, 2]));
    assert!(near(found.inertia, 57.388_889_3), "{}", found.inertia);
    assert_eq!(found.labels, [2, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(found.sizes, [9, 2, 1]);
    assert_eq!(kmeans.fit(&points).unwrap().labels, found.labels);
    // KMeans(3, init=x[[3, 4, 11]], tol=0)
    let other = kmeans.lloyd(&points, given(&[3, 4, 11]));
    assert!(near(other.inertia, 66.141_670_2), "{}", other.inertia);
    assert!(near(f64::from(other.centres.row(0)[0]), 10.833_333));
    assert!(near(f64::from(other.centres.row(1)[1]), 4.9));
    // silhouette_score and silhouette_samples
    let thirds: Vec<u32> = (0..12).map(|i| i % 3).collect();
    let apart = silhouette(&points, &thirds, 12, 0).unwrap();
    assert!(near(apart.mean, 0.048_724_990), "{apart:?}");
    assert!(near(apart.segments[1].unwrap(), 0.288_905_44), "{apart:?}");
    let alone = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2];
    let apart = silhouette(&points, &alone, 12, 0).unwrap();
    assert!(near(apart.mean, -0.270_907_116), "{apart:?}");
    // adjusted_rand_score
    let index = adjusted_rand(&[0, 0, 1, 1, 2, 2, 2, 0], &[0, 0, 1, 2, 2, 2, 1, 1]);
    assert!(near(index, 0.047_619_047_6), "{index}");
    assert!(near(adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5));
    // PCA(2): explained_variance_ratio_, components_, transform
    let map = map(&points);
    assert!(near(map.explained[0], 0.799_594_22), "{map:?}");
    assert!(near(map.explained[1], 0.143_157_99), "{map:?}");
    assert!(near(map.axes[0][1], 0.306_605_31), "{map:?}");
    assert!(near(map.axes[1][0], -0.357_245_80), "{map:?}");
    assert!(near(f64::from(map.places[0][0]), -11.130_093_6), "{map:?}");
    assert!(near(f64::from(map.places[7][1]), 0.412_080_32), "{map:?}");
}

/// All scores, and the nearest.
struct Kept<'a>(&'a mut Vec<(Vec<Lane>, u32, f32, f32)>);

impl Each for Kept<'_> {
    #[inline(always)]
    unsafe fn each<S: Simd>(&mut self, at: usize, scores: &mut [Lane]) {
        assert_eq!(at, self.0.len());
        // SAFETY: passed on.
        let found = unsafe { nearest::<S>(scores) };
        let kept = (scores.to_vec(), found.label, found.best, found.second);
        self.0.push(kept);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn scores_are_the_same_on_all_instructions(dim in 1usize..40, k in 1usize..70, rows in 1usize..30, seed: u64) {
        let (x, centres) = (made(rows, dim, 3, 1.0, seed), made(k, dim, 3, 1.0, seed ^ 1));
        let panels = Panels::new(&centres, 0..k);
        let asked: Vec<u32> = (0..rows as u32).rev().collect();
        let of = |set| {
            let mut kept = Vec::new();
            panels.visit(&x, &asked, set, &mut Kept(&mut kept));
            kept
        };
        let plain = of(Instructions::available()[0]);
        for set in Instructions::available() {
            prop_assert!(of(set) == plain, "{set:?}");
        }
        for (row, (scores, label, best, second)) in asked.iter().zip(&plain) {
            let scores = &floats(scores)[..k];
            let mut order: Vec<usize> = (0..k).collect();
            order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
            prop_assert_eq!(*label as usize, order[0]);
            prop_assert_eq!(*best, scores[order[0]]);
            prop_assert_eq!(*second, order.get(1).map_or(f32::INFINITY, |at| scores[*at]));
            let row = x.row(*row as usize);
            let square: f64 = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            for (at, score) in scores.iter().enumerate() {
                let expected = squared(row, centres.row(at));
                prop_assert!((square + 2.0 * f64::from(*score) - expected).abs() < 1e-4 * (1.0 + square + expected));
            }
        }
    }

    #[test]
    fn what_is_found_cannot_be_bettered_by_a_step(
        dim in 1usize..20, k in 1usize..12, wide in 0.0f32..3.0, starts in 1usize..3, seed: u64
    ) {
        let x = made(300, dim, 5, wide, seed);
        let points = Points::new(&x, false).unwrap();
        let kmeans = KMeans { starts, tolerance: 0.0, ..KMeans::new(k, seed) };
        let found = kmeans.fit(&points).unwrap();
        prop_assert!(found.iterations < 300);
        let mut inertia = 0.0;
        for row in 0..300 {
            let own = squared(x.row(row), found.centres.row(found.labels[row] as usize));
            for c in 0..k {
                prop_assert!(own <= squared(x.row(row), found.centres.row(c)) + 1e-5 * (1.0 + own));
            }
            inertia += own;
        }
        prop_assert!((inertia - found.inertia).abs() <= 1e-4 * inertia + 1e-6);
        for c in 0..k {
            let rows: Vec<usize> = (0..300).filter(|row| found.labels[*row] as usize == c).collect();
            prop_assert_eq!(rows.len() as u64, found.sizes[c]);
            prop_assert!(!rows.is_empty());
            prop_assert!(c == 0 || found.sizes[c - 1] >= found.sizes[c]);
            for i in 0..dim {
                let mean = rows.iter().map(|row| f64::from(x.row(*row)[i])).sum::<f64>() / rows.len() as f64;
                prop_assert!((mean - f64::from(found.centres.row(c)[i])).abs() < 1e-5 * (1.0 + mean.abs()));
            }
        }
    }

    #[test]
    fn bounds_change_no_label(dim in 1usize..10, k in 2usize..9, iterations in 0usize..9, seed: u64) {
        let points = Points::new(&made(200, dim, 4, 1.0, seed), false).unwrap();
        let first = points.only(&(0..k as u32).collect::<Vec<_>>()).vectors;
        let kmeans = KMeans { iterations, tolerance: 0.0, ..KMeans::new(k, seed) };
        let found = kmeans.lloyd(&points, first.clone());
        // The same, with every row asked each time.
        let (mut centres, mut labels) = (first, Vec::new());
        for _ in 0..=iterations {
            if !labels.is_empty() {
                for c in 0..k {
                    let own = (0..200).filter(|row| labels[*row] as usize == c);
                    let rows: Vec<&[f32]> = own.map(|row| points.vectors.row(row)).collect();
                    prop_assume!(!rows.is_empty());
                    for (i, mean) in centres.row_mut(c).iter_mut().enumerate() {
                        *mean = (rows.iter().map(|x| f64::from(x[i])).sum::<f64>() / rows.len() as f64) as f32;
                    }
                }
            }
            let mut kept = Vec::new();
            let asked: Vec<u32> = (0..200).collect();
            let panels = Panels::new(&centres, 0..k);
            panels.visit(&points.vectors, &asked, Instructions::best(), &mut Kept(&mut kept));
            labels = kept.iter().map(|kept| kept.1).collect();
        }
        prop_assert_eq!(adjusted_rand(&labels, &found.labels), 1.0);
    }

    #[test]
    fn silhouettes_are_as_defined(dim in 1usize..8, k in 2usize..6, seed: u64) {
        let x = made(70, dim, k, 1.0, seed);
        let points = Points::new(&x, false).unwrap();
        let mut rng = KeyedRng::new(seed);
        let labels: Vec<u32> = (0..70).map(|row| if row < k { row as u32 } else { rng.below(k as u32) }).collect();
        let found = silhouette(&points, &labels, 70, seed).unwrap();
        let values: Vec<f64> = (0..70).map(|row| {
            let mean = |label: u32| {
                let others: Vec<f64> = (0..70).filter(|other| *other != row && labels[*other] == label)
                    .map(|other| squared(x.row(row), x.row(other)).sqrt()).collect();
                (others.len(), others.iter().sum::<f64>() / others.len() as f64)
            };
            let (count, a) = mean(labels[row]);
            let b = (0..k as u32).filter(|label| *label != labels[row])
                .map(|label| mean(label).1).fold(f64::INFINITY, f64::min);
            if count == 0 { 0.0 } else { (b - a) / a.max(b) }
        }).collect();
        let mean = values.iter().sum::<f64>() / 70.0;
        prop_assert!((found.mean - mean).abs() < 1e-4, "{} for {mean}", found.mean);
    }

    #[test]
    fn agreement_counts_pairs(labels in prop::collection::vec((0u32..4, 0u32..4), 2..40)) {
        let (a, b): (Vec<u32>, Vec<u32>) = labels.into_iter().unzip();
        let (mut both, mut one, mut other, mut all) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..a.len() {
            for k in 0..i {
                let (x, y) = (a[i] == a[k], b[i] == b[k]);
                all += 1.0;
                both += f64::from(u8::from(x && y));
                one += f64::from(u8::from(x));
                other += f64::from(u8::from(y));
            }
        }
        let expected: f64 = one * other / all;
        let most = (one + other) / 2.0;
        let index = if most == expected { 1.0 } else { (both - expected) / (most - expected) };
        prop_assert!((adjusted_rand(&a, &b) - index).abs() < 1e-9);
    }
}

#[test]
fn well_separated_groups_are_found_and_chosen() {
    let x = made(1500, 8, 6, 20.0, 3);
    let points = Points::new(&x, false).unwrap();
    let truth: Vec<u32> = (0..1500).map(|row| row % 6).collect();
    let found = KMeans::new(6, 1).fit(&points).unwrap();
    assert_eq!(adjusted_rand(&found.labels, &truth), 1.0);
    assert_eq!(found.assign(&points), found.labels);
    let survey = Survey {
        segments: 2..=9,
        repeats: 4,
        sample: 400,
        ..Survey::new(1)
    };
    let tried: Vec<Candidate> = survey
        .run(&points)
        .unwrap()
        .into_iter()
        .map(|(candidate, _)| candidate)
        .collect();
    let choice = choose(&tried).unwrap();
    assert_eq!(choice.segments, 6, "{choice:?} of {tried:?}");
    assert!(choice.reliable);
    assert_eq!(
        tried[4].halves,
        Stability {
            mean: 1.0,
            error: 0.0
        }
    );
    assert!(tried[7].seeds.mean < 1.0);
}

#[test]
fn the_choice_follows_its_rule() {
    let of = |segments: usize, halves: f64, silhouette: f64, smallest: f64| Candidate {
        segments,
        inertia: 1.0,
        silhouette,
        smallest,
        seeds: Stability {
            mean: 1.0,
            error: 0.0,
        },
        halves: Stability {
            mean: halves,
            error: 0.05,
        },
    };
    assert_eq!(choose(&[]), None);
    let all = [
        of(2, 0.90, 0.2, 0.3),
        of(3, 0.86, 0.3, 0.2),
        of(4, 0.80, 0.5, 0.1),
        of(5, 0.99, 0.9, 0.001),
        of(6, 0.79, 0.9, 0.1),
    ];
    let choice = choose(&all).unwrap();
    assert_eq!((choice.segments, choice.reliable), (4, true), "{choice:?}");
    let some = [of(2, 0.70, 0.2, 0.3), of(3, 0.78, 0.1, 0.2)];
    let choice = choose(&some).unwrap();
    assert_eq!((choice.segments, choice.reliable), (3, true), "{choice:?}");
    assert!(choice.reason.contains("no number"), "{choice:?}");
    let choice = choose(&[of(4, 0.2, 0.5, 0.001), of(3, 0.21, 0.5, 0.002)]).unwrap();
    assert_eq!((choice.segments, choice.reliable), (3, false), "{choice:?}");
    assert!(choice.reason.contains("do not plan"), "{choice:?}");
}

#[test]
fn nothing_depends_on_threads() {
    let x = made(9000, 17, 7, 0.7, 5);
    let values: Vec<f64> = (0..9000).map(|row| f64::from(x.row(row)[0])).collect();
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let points = Points::new(&x, true).unwrap();
            let kmeans = KMeans {
                starts: 3,
                ..KMeans::new(9, 4)
            };
            let found = kmeans.fit(&points).unwrap();
            let apart = silhouette(&points, &found.labels, 1000, 2).unwrap();
            let halves = Stability::over_halves(&kmeans, &points, 2).unwrap();
            let spread = spread(&values, &found.labels, 50, 3).unwrap();
            (found, apart, halves, spread, map(&points))
        })
    };
    let one = all(1);
    assert_eq!(all(2), one);
    assert_eq!(all(5), one);
}

#[test]
fn a_kpi_spreads_only_where_segments_differ() {
    let mut rng = KeyedRng::new(9);
    let labels: Vec<u32> = (0..600).map(|_| rng.below(5)).collect();
    let noise: Vec<f64> = (0..600).map(|_| f64::from(rng.below(1000))).collect();
    let told: Vec<f64> = noise
        .iter()
        .zip(&labels)
        .map(|(x, label)| x + 150.0 * f64::from(*label))
        .collect();
    let found = spread(&told, &labels, 199, 1).unwrap();
    assert_eq!(found.p, 1.0 / 200.0);
    // Between groups, and of all, by definition.
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let grand = mean(&told);
    let of_group = (0..5).map(|group| {
        let own: Vec<f64> = (0..600)
            .filter(|row| labels[*row] == group)
            .map(|row| told[row])
            .collect();
        own.len() as f64 * (mean(&own) - grand).powi(2)
    });
    let between: f64 = of_group.sum();
    let total: f64 = told.iter().map(|x| (x - grand).powi(2)).sum();
    assert!((found.between / between - 1.0).abs() < 1e-9);
    assert!((found.share - between / total).abs() < 1e-9);
    // Of values that have nothing to do with groups p is uniform: few of 200 are below 0.1.
    let low = (0..200).filter(|seed| {
        let mut rng = KeyedRng::new(1000 + seed);
        let labels: Vec<u32> = (0..600).map(|_| rng.below(5)).collect();
        spread(&noise, &labels, 99, *seed).unwrap().p <= 0.1
    });
    let low = low.count();
    assert!((8..=34).contains(&low), "{low}");
    // All groupings of equal values spread alike.
    assert_eq!(spread(&[2.0; 30], &labels[..30], 99, 1).unwrap().p, 1.0);
    assert!(spread(&[], &[], 9, 1).is_err());
    assert!(spread(&[1.0, f64::NAN], &[0, 1], 9, 1).is_err());
}

#[test]
fn an_empty_centre_gets_the_farthest_row() {
    let x = Factors::from_rows(&[0.0, 0.1, 0.2, 0.3, 9.0, 10.0, 30.0], 1);
    let points = Points::new(&x, false).unwrap();
    // Two centres at one place: of equals the first takes every row.
    let first = points.only(&[0, 0, 4]).vectors;
    let found = KMeans::new(3, 1).lloyd(&points, first);
    assert_eq!(found.labels, [0, 0, 0, 0, 1, 1, 2]);
}

#[test]
fn what_cannot_be_is_said() {
    let same = Points::new(&Factors::from_rows(&[3.1; 30], 3), false).unwrap();
    let error = KMeans::new(2, 1).fit(&same).unwrap_err().to_string();
    assert!(error.contains("1 different ones cannot make 2"), "{error}");
    assert!(KMeans::new(0, 1).fit(&same).is_err());
    assert_eq!(KMeans::new(1, 1).fit(&same).unwrap().sizes, [10]);
    assert!(Points::new(&Factors::zero(0, 3), false).is_err());
    assert!(Points::new(&Factors::from_rows(&[f32::NAN; 3], 3), false).is_err());
    assert!(silhouette(&same, &[0; 10], 10, 1).is_err());
    assert!(silhouette(&same, &[0; 9], 10, 1).is_err());
}

#[test]
fn directions_alone_count_where_lengths_are_one() {
    let rows: Vec<f32> = (1..=20)
        .flat_map(|i| {
            if i % 2 == 0 {
                [i as f32, 0.0]
            } else {
                [0.0, i as f32]
            }
        })
        .collect();
    let points = Points::new(&Factors::from_rows(&rows, 2), true).unwrap();
    let found = KMeans::new(2, 1).fit(&points).unwrap();
    assert!((0..20).all(|row| (found.labels[row] == found.labels[0]) == (row % 2 == 0)));
    assert!(apart(found.centres.row(found.labels[0] as usize), &[0.0, 1.0]) < 1e-9);
}
