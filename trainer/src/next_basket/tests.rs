//! Each method against an independent naive implementation, written from its formula over dense vectors,
//! and in several variants at once against one by one.

use std::collections::BTreeSet;

use pannier_proto::spec::{
    BaselineModel, Fill, ItemKnnParams, KnnOver, PersonalFrequencyParams, PopularityParams,
    TifuKnnParams, UpCfParams,
};
use proptest::prelude::*;

use super::method::{Asked, Scratch, method};
use super::sequences::Sequences;

/// Indices, PAD and UNK among them.
const ITEMS: usize = 12;

type History = Vec<Vec<u32>>;

fn basket() -> impl Strategy<Value = Vec<u32>> {
    let items = proptest::collection::btree_set(2..ITEMS as u32, 0..4);
    items.prop_map(|items| items.into_iter().collect())
}

fn history() -> impl Strategy<Value = History> {
    proptest::collection::vec(basket(), 0..7)
}

/// Users of whom each bought something, and who is asked for: one of them, or a stranger.
fn users() -> impl Strategy<Value = (Vec<History>, usize, History)> {
    let known = history().prop_filter("nothing bought", |h| h.iter().any(|b| !b.is_empty()));
    (
        proptest::collection::vec(known, 1..9),
        0usize..12,
        history(),
    )
}

fn decay() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(0.9), Just(0.5)]
}

fn counts() -> Vec<u64> {
    (0..ITEMS as u64).map(|item| item * 7 % 5).collect()
}

/// Days of a user's baskets: the more users before, the later.
fn days(at: usize, user: &History) -> Vec<i64> {
    let first = 100 + 2 * at as i64;
    (first..).step_by(3).take(user.len()).collect()
}

/// Scores of each model as the method gives them that serves all.
fn ours(models: &[BaselineModel], users: &[History], at: usize, own: &History) -> Vec<Vec<f32>> {
    let mut sequences = Sequences::none(ITEMS);
    let name = |at: usize| format!("user {at}");
    (0..)
        .zip(users)
        .for_each(|(at, user)| sequences.push(&name(at), (user, &days(at, user)), &[]));
    sequences.close();
    let mut scratch = Scratch::new(sequences.len(), ITEMS);
    let asked = Asked {
        user: sequences.find(&name(at)),
        history: own.iter().map(Vec::as_slice).collect(),
        counts: None,
    };
    let mut all = vec![Vec::new(); models.len()];
    method(models, &sequences, &counts()).unwrap().score(
        &asked,
        &mut scratch,
        &mut |at, scores| {
            assert!(all[at].is_empty(), "{at} came twice");
            all[at] = scores.to_vec();
        },
    );
    all
}

/// Who is asked for: a known user with the own history, or a stranger; and the others.
fn apart(all: &(Vec<History>, usize, History)) -> (History, Vec<&History>) {
    let (users, at, stranger) = all;
    let own = users.get(*at).unwrap_or(stranger).clone();
    let others = users.iter().enumerate().filter(|(other, _)| other != at);
    (own, others.map(|(_, history)| history).collect())
}

fn assert_close(ours: &[f32], naive: &[f64]) -> Result<(), TestCaseError> {
    for item in 2..ITEMS {
        let (ours, naive) = (f64::from(ours[item]), naive[item]);
        let close = ours == naive || (ours - naive).abs() < 1e-5;
        prop_assert!(close, "item {item}: {ours} is not {naive}");
    }
    Ok(())
}

fn has(basket: &[u32], item: usize) -> f64 {
    f64::from(u8::from(basket.contains(&(item as u32))))
}

fn frequency(history: &History, decay: f64) -> Vec<f64> {
    let n = history.len() as i32;
    let of = |item| {
        (1..)
            .zip(history)
            .map(|(b, basket)| has(basket, item) * decay.powi(n - b))
            .sum()
    };
    (0..ITEMS).map(of).collect()
}

/// Places of the `k` largest values; values nearer than 1e-7 are equal, and of equals the first is taken.
fn largest(values: &[f64], k: u32) -> Vec<usize> {
    let mut all: Vec<usize> = (0..values.len()).collect();
    all.sort_by_key(|at| ((-values[*at] * 1e7).round() as i64, *at));
    all.truncate(k as usize);
    all
}

/// A weight as it is kept.
fn kept(weight: f64) -> f64 {
    f64::from(weight as f32)
}

fn tifu_vector(history: &History, params: &TifuKnnParams) -> Vec<f64> {
    let (n, groups) = (history.len(), params.groups as usize);
    let m = n.min(groups);
    let mut u = vec![0.0; ITEMS];
    let mut from = 0;
    for g in 1..=m {
        // The oldest groups are the smaller ones.
        let size = n / m + usize::from(g > m - n % m);
        for t in 1..=size {
            let within = params.within_decay.powi((size - t) as i32) / size as f64;
            let weight = within * params.group_decay.powi((m - g) as i32) / m as f64;
            for (item, u) in u.iter_mut().enumerate() {
                *u += weight * has(&history[from + t - 1], item);
            }
        }
        from += size;
    }
    assert_eq!(from, n);
    u.into_iter().map(kept).collect()
}

/// Nothing where it is not clear who the neighbours are: one is as far away, to six digits, as one who is
/// left out, and bought other things.
fn tifu(params: &TifuKnnParams, own: &History, others: &[&History]) -> Option<Vec<f64>> {
    let u = tifu_vector(own, params);
    let vectors: Vec<Vec<f64>> = others.iter().map(|h| tifu_vector(h, params)).collect();
    let near = |v: &Vec<f64>| -v.iter().zip(&u).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    let near: Vec<f64> = vectors.iter().map(near).collect();
    let nearest = match own.iter().all(Vec::is_empty) {
        true => vec![],
        false => largest(&near, params.neighbours),
    };
    let left_out = |at: &usize| !nearest.is_empty() && !nearest.contains(at);
    for other in (0..others.len()).filter(left_out) {
        let close = |at: &usize| (near[*at] - near[other]).abs() < 1e-6;
        if nearest
            .iter()
            .any(|at| close(at) && vectors[*at] != vectors[other])
        {
            return None;
        }
    }
    let mean = |item: usize| {
        let sum: f64 = nearest.iter().map(|at| vectors[*at][item]).sum();
        sum / nearest.len().max(1) as f64
    };
    let of = |item: usize| params.alpha * u[item] + (1.0 - params.alpha) * mean(item);
    Some((0..ITEMS).map(of).collect())
}

fn items(history: &History) -> BTreeSet<u32> {
    history.iter().flatten().copied().collect()
}

fn up_cf(params: &UpCfParams, own: &History, others: &[&History]) -> Vec<f64> {
    let popularity = |history: &History, item: usize| -> f64 {
        let r = match params.recency {
            0 => history.len(),
            r => history.len().min(r as usize),
        };
        let newest = history.iter().rev().take(r);
        newest.map(|basket| has(basket, item)).sum::<f64>() / r.max(1) as f64
    };
    let mine = items(own);
    let similarity = |other: &&History| -> f64 {
        let theirs = items(other);
        let common = mine.intersection(&theirs).count() as f64;
        let (a, b) = (mine.len() as f64, theirs.len() as f64);
        if common == 0.0 {
            0.0
        } else {
            common / (a.powf(params.asymmetry) * b.powf(1.0 - params.asymmetry))
        }
    };
    let similar: Vec<f64> = others.iter().map(similarity).collect();
    let nearest = largest(&similar, params.neighbours);
    let of = |item: usize| {
        let weighted =
            |at: &usize| similar[*at].powf(params.locality) * popularity(others[*at], item);
        popularity(own, item) + nearest.iter().map(weighted).sum::<f64>()
    };
    (0..ITEMS).map(of).collect()
}

fn item_knn(params: &ItemKnnParams, own: &History, all: &[History]) -> Vec<f64> {
    let groups: Vec<BTreeSet<u32>> = match params.over {
        KnnOver::Baskets => all
            .iter()
            .flatten()
            .map(|b| b.iter().copied().collect())
            .collect(),
        KnnOver::Users => all.iter().map(items).collect(),
    };
    let both = |i: usize, j: usize| {
        let with = groups
            .iter()
            .filter(|g| g.contains(&(i as u32)) && g.contains(&(j as u32)));
        with.count() as f64
    };
    let similarity = |i: usize, j: usize| match both(i, j) {
        0.0 => 0.0,
        n => n / ((both(i, i) * both(j, j)).sqrt() + params.shrink),
    };
    let weights = frequency(own, params.decay);
    let mut scores = vec![0.0; ITEMS];
    for (i, weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        let to: Vec<f64> = (0..ITEMS)
            .map(|j| if j == i { 0.0 } else { similarity(i, j) })
            .collect();
        scores[i] += weight * similarity(i, i);
        largest(&to, params.neighbours)
            .into_iter()
            .for_each(|j| scores[j] += weight * to[j]);
    }
    scores
}

proptest! {
    #[test]
    fn personal_frequency_and_last_basket(
        history in history(), params in proptest::collection::vec((decay(), any::<bool>()), 1..4),
    ) {
        let params = params.into_iter().map(|(decay, filled)| PersonalFrequencyParams {
            decay, fill: if filled { Fill::Popularity } else { Fill::None },
        });
        let params: Vec<_> = params.collect();
        let models: Vec<_> = params.iter().copied().map(BaselineModel::PersonalFrequency).collect();
        // From -1 to below 0 by popularity.
        let fill: Vec<f64> = counts().iter().map(|n| *n as f64 / 5.0 - 1.0).collect();
        for (params, ours) in params.iter().zip(ours(&models, &[], 0, &history)) {
            let own = frequency(&history, params.decay);
            let of = |item: usize| match (own[item], params.fill) {
                (0.0, Fill::Popularity) => fill[item],
                (0.0, Fill::None) => f64::NEG_INFINITY,
                (weight, _) => weight,
            };
            assert_close(&ours, &(0..ITEMS).map(of).collect::<Vec<_>>())?;
        }
        let own = frequency(&history, 1.0);
        let newest = history.iter().rev().find(|b| !b.is_empty()).cloned().unwrap_or_default();
        let of = |item: usize| if has(&newest, item) > 0.0 { own[item] } else { fill[item] };
        let last = ours(&[BaselineModel::LastBasket], &[], 0, &history);
        assert_close(&last[0], &(0..ITEMS).map(of).collect::<Vec<_>>())?;
    }

    #[test]
    fn popularity_by_days(users in users(), decays in proptest::collection::vec(decay(), 1..4)) {
        let model = |decay: &f64| BaselineModel::Popularity(PopularityParams { decay: *decay });
        let models: Vec<_> = decays.iter().map(model).collect();
        let all = users.0.iter().enumerate();
        let dated: Vec<(i64, &Vec<u32>)> = all.flat_map(|(at, user)| days(at, user).into_iter().zip(user)).collect();
        let newest = dated.iter().map(|(day, _)| *day).max().unwrap();
        for (decay, ours) in decays.iter().zip(ours(&models, &users.0, users.1, &users.2)) {
            let of = |item| match *decay {
                1.0 => counts()[item] as f64,
                decay => dated.iter().map(|(day, basket)| has(basket, item) * decay.powf((newest - day) as f64)).sum(),
            };
            assert_close(&ours, &(0..ITEMS).map(of).collect::<Vec<_>>())?;
        }
    }

    #[test]
    fn tifu_knn(
        users in users(), groups in 1u32..5, within_decay in decay(), group_decay in decay(),
        light in proptest::collection::vec((1u32..7, prop_oneof![Just(0.0), Just(0.3), Just(1.0)]), 1..5),
    ) {
        let params = light.into_iter().map(|(neighbours, alpha)| {
            TifuKnnParams { groups, within_decay, group_decay, neighbours, alpha }
        });
        let params: Vec<_> = params.collect();
        let models: Vec<_> = params.iter().copied().map(BaselineModel::TifuKnn).collect();
        let (own, others) = apart(&users);
        for (params, ours) in params.iter().zip(ours(&models, &users.0, users.1, &own)) {
            if let Some(naive) = tifu(params, &own, &others) {
                assert_close(&ours, &naive)?;
            }
        }
    }

    #[test]
    fn up_cf_at_r(
        users in users(), recency in 0u32..5, asymmetry in prop_oneof![Just(0.0), Just(0.25), Just(1.0)],
        light in proptest::collection::vec((1u32..7, prop_oneof![Just(1.0), Just(3.5)]), 1..5),
    ) {
        let params = light.into_iter().map(|(neighbours, locality)| {
            UpCfParams { recency, asymmetry, locality, neighbours }
        });
        let params: Vec<_> = params.collect();
        let models: Vec<_> = params.iter().copied().map(BaselineModel::UpCf).collect();
        let (own, others) = apart(&users);
        for (params, ours) in params.iter().zip(ours(&models, &users.0, users.1, &own)) {
            assert_close(&ours, &up_cf(params, &own, &others))?;
        }
    }

    #[test]
    fn item_knn_by_baskets_and_by_users(
        users in users(), over in prop_oneof![Just(KnnOver::Baskets), Just(KnnOver::Users)],
        shrink in prop_oneof![Just(0.0), Just(2.0)], light in proptest::collection::vec((1u32..7, decay()), 1..4),
    ) {
        let params = light.into_iter().map(|(neighbours, decay)| {
            ItemKnnParams { over, neighbours, shrink, decay }
        });
        let params: Vec<_> = params.collect();
        let models: Vec<_> = params.iter().copied().map(BaselineModel::ItemKnn).collect();
        let (own, _) = apart(&users);
        for (params, ours) in params.iter().zip(ours(&models, &users.0, users.1, &own)) {
            assert_close(&ours, &item_knn(params, &own, &users.0))?;
        }
    }
}

#[test]
fn an_own_item_of_long_ago_is_still_above_all_others() {
    let mut history = vec![vec![3], vec![4]];
    history.extend(vec![vec![]; 2000]);
    let params = PersonalFrequencyParams {
        decay: 0.5,
        ..PersonalFrequencyParams::default()
    };
    let scores = ours(
        &[BaselineModel::PersonalFrequency(params)],
        &[],
        0,
        &history,
    );
    assert!(scores[0][3] > 0.0 && scores[0][4] > 0.0);
}

#[test]
fn popularity_cannot_decay_without_days() {
    let mut sequences = Sequences::none(ITEMS);
    sequences.push("u", (&[vec![2]], &[]), &[]);
    sequences.close();
    let popularity = |decay| {
        let models = [BaselineModel::Popularity(PopularityParams { decay })];
        method(&models, &sequences, &counts())
    };
    assert!(popularity(1.0).is_ok());
    let error = popularity(0.5).err().expect("no days").to_string();
    assert!(error.contains("column ordered_at"), "{error}");
}

#[test]
fn counts_that_came_with_the_question_stand_for_those_of_a_history_that_was_cut() {
    let asked = Asked {
        user: None,
        history: vec![&[2, 3]],
        counts: Some((&[2, 3, 5], &[4.0, 1.0, 2.0])),
    };
    assert_eq!(asked.frequency(1.0), [(2, 4.0), (3, 1.0), (5, 2.0)]);
    assert_eq!(asked.frequency(0.5), [(2, 1.0), (3, 1.0)]);
}
