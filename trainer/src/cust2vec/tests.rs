//! Trainings against the formulas in double precision, and vectors that belong to users.

use pannier_proto::feed::{KeyedRng, NoiseTable, mix};
use pannier_proto::ids::PAD;
use proptest::prelude::*;

use super::{Architecture, Cust2vec, Cust2vecParams, Documents, Mode, Vectors};
use crate::sgns::tests::Naive;
use crate::sgns::{Examples, Sampling};

const ROWS: usize = 32;
/// Items of a list.
const LIST: usize = 40;
const ALL: [Architecture; 4] = [
    Architecture::Memory,
    Architecture::Concat,
    Architecture::Bag { items: false },
    Architecture::Bag { items: true },
];

fn params(architecture: Architecture, shared: bool) -> Cust2vecParams {
    Cust2vecParams {
        architecture,
        dim: 12,
        window: 4,
        negatives: 5,
        negatives_shared: shared,
        power: 0.75,
        epochs: 8,
        learning_rate: 0.05,
        min_learning_rate: 0.001,
        seed: 3,
    }
}

/// Lists half of items that all buy, half of ten that only users in even places buy, or in odd ones.
/// Items in even places are in both groups: vectors of items in the users' place would be found out.
fn tastes(users: usize, seed: u64) -> Documents {
    let mut rng = KeyedRng::new(seed);
    let mut item = |user: usize| {
        let group = if rng.below(2) == 0 {
            2
        } else {
            (user % 2) as u32
        };
        2 + 10 * group + rng.below(10)
    };
    let items = (0..users * LIST).map(|i| item(i / LIST)).collect();
    Documents::new(items, (1..=users).map(|u| u * LIST).collect(), ROWS).unwrap()
}

fn train(users: &Documents, params: &Cust2vecParams, mode: Mode, adagrad: bool) -> Vectors {
    let cust2vec = Cust2vec::new(&users.counts(), params, mode).unwrap();
    let mut vectors = cust2vec.fresh(users.len());
    let squares = adagrad.then(|| cust2vec.squares(users.len()));
    for epoch in 0..params.epochs {
        let learnt = cust2vec
            .epoch(&mut vectors, squares.as_ref(), users, epoch)
            .unwrap();
        assert!(learnt.pairs >= (users.len() * LIST) as u64 && learnt.loss.pairs > 0);
    }
    assert!(vectors.is_finite());
    vectors
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// How much nearer a vector is to those in even places than to those in odd ones: the difference of
/// mean cosines, itself left out.
fn leaning(vector: &[f32], others: &[&[f32]]) -> f32 {
    let mean = |odd: usize| {
        let of_group = others
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|other| **other != vector);
        let all: Vec<f32> = of_group.map(|other| cosine(vector, other)).collect();
        all.iter().sum::<f32>() / all.len() as f32
    };
    mean(0) - mean(1)
}

#[test]
fn vectors_are_the_users_and_tell_tastes_apart() {
    let users = tastes(61, 1);
    let unseen = tastes(15, 2);
    for architecture in ALL {
        for shared in [false, true] {
            for mode in [Mode::Deterministic, Mode::Fast { threads: 3 }] {
                let mut params = params(architecture, shared);
                // Items that stand in their places tell a taste better than their mean does: fewer are
                // around, so that users have to.
                let window = if architecture == Architecture::Concat {
                    1
                } else {
                    2
                };
                (params.epochs, params.window) = (60, window);
                let vectors = train(&users, &params, mode, false);
                let sizes = (vectors.users(), vectors.rows(), vectors.dim());
                assert_eq!(sizes, (61, ROWS, 12));
                let of_users: Vec<&[f32]> = (0..61).map(|u| vectors.user(u)).collect();
                let found = |vectors: &[&[f32]]| {
                    let leans = |(at, v): (usize, &&[f32])| {
                        if at % 2 == 0 {
                            leaning(v, &of_users)
                        } else {
                            -leaning(v, &of_users)
                        }
                    };
                    vectors
                        .iter()
                        .enumerate()
                        .map(leans)
                        .fold(f32::MAX, f32::min)
                };
                assert!(
                    found(&of_users) > 0.1,
                    "{params:?} {mode:?}: {}",
                    found(&of_users)
                );
                // In the users' place, item vectors would not pass.
                let of_items: Vec<&[f32]> = (2..ROWS).map(|i| vectors.item(i)).collect();
                assert!(found(&of_items) < 0.0);

                let cust2vec = Cust2vec::new(&users.counts(), &params, mode).unwrap();
                let with_order = cust2vec.infer(&vectors, &unseen, 60).unwrap();
                let without = cust2vec.infer_without_order(&vectors, &unseen, 60).unwrap();
                assert_eq!(with_order != without, architecture == Architecture::Concat);
                for inferred in [with_order, without] {
                    let inferred: Vec<&[f32]> = inferred.chunks(12).collect();
                    assert_eq!(inferred.len(), 15);
                    assert!(
                        found(&inferred) > 0.1,
                        "{params:?} {mode:?}: {}",
                        found(&inferred)
                    );
                }
            }
        }
    }
}

#[test]
fn the_deterministic_mode_and_inference_repeat_themselves() {
    let (users, unseen) = (tastes(30, 1), tastes(8, 2));
    for architecture in ALL {
        for adagrad in [false, true] {
            let params = params(architecture, true);
            let vectors = train(&users, &params, Mode::Deterministic, adagrad);
            assert!(vectors == train(&users, &params, Mode::Deterministic, adagrad));
            let infer = |mode, lists: &Documents| {
                let cust2vec = Cust2vec::new(&users.counts(), &params, mode).unwrap();
                cust2vec.infer(&vectors, lists, 5).unwrap()
            };
            let all = infer(Mode::Deterministic, &unseen);
            assert!(all == infer(Mode::Fast { threads: 3 }, &unseen));
            // Whoever stands beside a user changes nothing.
            let alone = Documents::new(unseen.get(6).to_vec(), vec![LIST], ROWS).unwrap();
            assert!(all[6 * 12..7 * 12] == infer(Mode::Deterministic, &alone));
        }
    }
}

/// Steps of a list, without and with a window that is wide open.
fn steps(
    architecture: Architecture,
    list: &[u32],
    sampling: &Sampling,
    seed: u64,
) -> Vec<crate::sgns::tests::Step> {
    let mut examples = Examples::new(sampling);
    architecture.add((100, list), 3, &mut KeyedRng::new(seed), &mut examples);
    examples.steps()
}

#[test]
fn steps_are_those_of_the_paper() {
    let list: Vec<u32> = (2..22).collect();
    let noise = NoiseTable::new(&[1; 20], 0.75).unwrap();
    let sampling = |shared| Sampling {
        noise: noise.clone(),
        negatives: 4,
        shared,
    };
    let near = |context: u32, item: u32| context != item && context.abs_diff(item) <= 3;
    let memory = steps(Architecture::Memory, &list, &sampling(true), 1);
    assert_eq!(memory.len(), 20);
    for ((inputs, positives, negatives), item) in memory.iter().zip(2..) {
        assert!(*positives == [item] && negatives.len() == 4);
        let (user, contexts) = inputs.split_last().unwrap();
        assert!(*user == 100 && !contexts.is_empty() && contexts.iter().all(|c| near(*c, item)));
    }
    assert!(
        memory.iter().any(|(inputs, ..)| inputs.len() == 7),
        "three on both sides"
    );
    let concat = steps(Architecture::Concat, &list, &sampling(true), 1);
    let row = |item: u32| if (2..22).contains(&item) { item } else { PAD };
    for ((inputs, positives, negatives), item) in concat.iter().zip(2u32..) {
        let around: Vec<u32> = [-3i32, -2, -1, 1, 2, 3]
            .map(|by| row(item.wrapping_add_signed(by)))
            .to_vec();
        assert_eq!(inputs[..], [&around[..], &[100]].concat());
        assert!(*positives == [item] && negatives.len() == 4);
        // Eight places share negatives.
        let first = (item - 2) as usize / 8 * 8;
        assert_eq!(*negatives, concat[first].2);
    }
    assert!(concat.len() == 20 && concat[0].2 != concat[8].2);
    let apart = steps(Architecture::Concat, &list, &sampling(false), 1);
    assert!(apart.windows(2).any(|two| two[0].2 != two[1].2));
    let bag = steps(
        Architecture::Bag { items: false },
        &list,
        &sampling(true),
        1,
    );
    assert!(bag.iter().all(|(inputs, ..)| *inputs == [100]) && bag.len() == 3);
    let items: Vec<u32> = bag
        .iter()
        .flat_map(|(_, positives, _)| positives.clone())
        .collect();
    assert_eq!(items, list);
    let apart = steps(
        Architecture::Bag { items: true },
        &list,
        &sampling(false),
        1,
    );
    assert!(
        apart
            .iter()
            .all(|(i, p, n)| (i.len(), p.len(), n.len()) == (1, 1, 4))
    );
    assert!(apart[20..].iter().all(|(i, p, _)| near(i[0], p[0])) && apart.len() > 60);
}

proptest! {
    /// A whole training equals the formulas, applied to the steps one after another. Without Adagrad:
    /// from V of zeros it makes large steps of small gradients, and of what they were rounded by; its
    /// steps are held to the formulas beside the learner.
    #[test]
    fn a_training_equals_the_formulas(at in 0usize..4, shared: bool, seed in 0u64..200) {
        // One user: the order of users is not at stake.
        let users = Documents::new(tastes(2, seed).get(1).to_vec(), vec![LIST], ROWS).unwrap();
        let params = Cust2vecParams { seed, epochs: 2, ..params(ALL[at], shared) };
        let cust2vec = Cust2vec::new(&users.counts(), &params, Mode::Deterministic).unwrap();
        let mut vectors = cust2vec.fresh(1);
        let wide = |floats: &[f32]| floats.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let matrices = |vectors: &Vectors| {
            let input: Vec<f64> = (0..ROWS).flat_map(|i| wide(vectors.item(i))).chain(wide(vectors.user(0))).collect();
            let pieces = |i| (0..vectors.slots()).flat_map(move |slot| wide(vectors.piece(i, slot)));
            (input, (0..ROWS).flat_map(pieces).collect::<Vec<f64>>())
        };
        let (input, output) = matrices(&vectors);
        let mut naive = Naive { dim: 12, slots: vectors.slots(), input, output, squares: None };
        let noise = NoiseTable::new(&users.counts(), 0.75).unwrap();
        let sampling = Sampling { noise, negatives: 5, shared };
        for epoch in 0..2u32 {
            cust2vec.epoch(&mut vectors, None, &users, epoch).unwrap();
            let mut examples = Examples::new(&sampling);
            let key = mix(seed ^ mix(u64::from(epoch) ^ 0x6570_6F63_6875_7372));
            let mut rng = KeyedRng::new(mix(key ^ mix(0)));
            params.architecture.add((ROWS as u32, users.get(0)), params.window, &mut rng, &mut examples);
            let rate = 0.05 + (0.001 - 0.05) * f64::from(epoch) / 2.0;
            examples.steps().iter().for_each(|step| naive.learn(step, rate));
        }
        let (input, output) = matrices(&vectors);
        for (a, b) in input.iter().chain(&output).zip(naive.input.iter().chain(&naive.output)) {
            prop_assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{} {}", a, b);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_weights_are_taken_up() {
    let users = tastes(4, 1);
    let params = params(Architecture::Memory, false);
    let cust2vec = Cust2vec::new(&users.counts(), &params, Mode::Deterministic).unwrap();
    assert!(
        cust2vec
            .epoch(&mut cust2vec.fresh(3), None, &users, 0)
            .is_err()
    );
    let squares = cust2vec.squares(3);
    assert!(
        cust2vec
            .epoch(&mut cust2vec.fresh(4), Some(&squares), &users, 0)
            .is_err()
    );
    let others = Documents::new(vec![2], vec![1], ROWS + 1).unwrap();
    assert!(cust2vec.infer(&cust2vec.fresh(4), &others, 1).is_err());
    assert!(Cust2vec::new(&[0, 0], &params, Mode::Deterministic).is_err());

    let vectors = train(&users, &params, Mode::Deterministic, false);
    let all = |n: usize, of: &dyn Fn(usize) -> Vec<f32>| (0..n).flat_map(of).collect::<Vec<f32>>();
    let own = all(4, &|u| vectors.user(u).to_vec());
    let input = all(ROWS, &|i| vectors.item(i).to_vec());
    let output = all(ROWS, &|i| vectors.output(i).to_vec());
    assert!(Vectors::of(12, &own, &input, &output).unwrap() == vectors);
    assert!(Vectors::of(12, &own[1..], &input, &output).is_err());
    assert!(Vectors::of(12, &own, &input, &output[12..]).is_err());
}
