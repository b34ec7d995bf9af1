//! Popularity that looks at days.

use pannier_proto::spec::PopularityParams;

use super::*;

#[test]
fn popularity_with_decay_is_of_the_newest_training_baskets() {
    let decay = 0.5f64;
    let mut scores = vec![0.0; 2 + ITEMS as usize];
    for user in baskets() {
        // Seven are for training.
        for (day, basket) in user[..7].iter().enumerate() {
            let weight = decay.powi(6 - day as i32);
            basket
                .iter()
                .for_each(|item| scores[*item as usize] += weight);
        }
    }
    let mut expected: Vec<u32> = (2..2 + ITEMS).collect();
    // Of equals the more popular one, which has the smaller index.
    expected.sort_by(|a, b| {
        scores[*b as usize]
            .total_cmp(&scores[*a as usize])
            .then(a.cmp(b))
    });
    let params = PopularityParams { decay };
    let ranked = rank(&BaselineModel::Popularity(params).into(), 2);
    assert_eq!(ranked.lists.len(), USERS + 1);
    for list in ranked.lists.values() {
        assert_eq!(list[..], expected[..TOP as usize]);
    }
    let study = BaselineStudy {
        decay: vec![1.0, decay],
        ..BaselineStudy::default()
    };
    let studied = rank(
        &BaselineSpec {
            study: Some(Box::new(study)),
            ..BaselineModel::Popularity(PopularityParams::default()).into()
        },
        2,
    );
    assert_eq!(studied.trials.len(), 2);
    assert!(studied.trials[1].mean() > studied.trials[0].mean());
    assert!(studied.bytes == ranked.bytes);
}
