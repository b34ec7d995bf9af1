//! Decisions of the layouts that know more of them than their transactions tell.

use std::path::Path;

use pannier_engine::generate::{GenerateLayout, GenerateSpec, HeaderVariant, generate};
use pannier_proto::spec::ContextSpec;

use super::staged::Staged;

fn made(layout: &str, folder: &Path, customers: u32) {
    let spec = GenerateSpec {
        layout: GenerateLayout::from_name(layout).unwrap(),
        customers,
        weeks: 6,
        seed: 3,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share: 0.0,
    };
    generate(&spec, folder, &mut |_| {}).unwrap();
}

const SPLITS: [&str; 4] = [
    "by = \"time\"\ntest_weeks = 1\nvalid_weeks = 1",
    "by = \"last-basket\"\nvalid_share = 0.5",
    "by = \"user\"\ntest_share = 0.2\nvalid_share = 0.2",
    "by = \"time\"\ntest_weeks = 2",
];

#[tokio::test]
async fn a_session_is_never_in_two_splits() {
    let folder = tempfile::tempdir().unwrap();
    made("rees46", folder.path(), 2_000);
    for context in [ContextSpec::Decision, ContextSpec::Leaky] {
        for split in SPLITS {
            let mut staged = Staged::with("rees46", folder.path(), context, (0, 999_999)).await;
            staged.learn(split).await;
            let straddling = "select count(*) from (select session_id from decisions \
                              group by session_id having count(distinct split) > 1)";
            assert_eq!(staged.number(straddling).await, 0, "{split}");
            let kinds = "select split from decisions group by split order by split";
            let valid = if split.contains("valid") { 3 } else { 2 };
            assert_eq!(staged.rows(kinds).await.len(), valid, "{split}");
            // Nobody decides twice, and nothing that was looked at is left out.
            let (decisions, looked) = (
                staged
                    .number("select count(distinct decision_id) from decisions")
                    .await,
                staged.count("interactions").await,
            );
            assert_eq!(decisions, looked, "{split}");
            let parts = ["train_decisions", "valid_decisions"];
            let (train, valid) = (staged.count(parts[0]).await, staged.count(parts[1]).await);
            assert_eq!(
                train + valid + staged.count("decision_queries").await,
                looked
            );
            if split.starts_with("by = \"time\"") {
                let overlap = "select count(*) from decisions where split = 'train' and decided_at >= \
                               (select max(ended_at) from (select s.ended_at from sessions s join decisions d \
                                on s.session_id = d.session_id where d.split = 'train'))  + interval '1 second'";
                assert_eq!(staged.number(overlap).await, 0, "{split}");
            }
            if split.starts_with("by = \"user\"") {
                let known = "select count(*) from decision_queries where user_idx > 1";
                // But for sessions that two users share.
                assert!(staged.number(known).await * 100 < looked, "{split}");
            }
        }
    }
}

#[tokio::test]
async fn both_forms_of_complete_journey_ask_the_same() {
    let (parquet, csv) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made("complete-journey", parquet.path(), 150);
    made("complete-journey-csv", csv.path(), 150);
    let mut parquet = Staged::of("complete-journey", parquet.path()).await;
    let mut csv = Staged::of("complete-journey-csv", csv.path()).await;
    for staged in [&mut parquet, &mut csv] {
        staged.learn(SPLITS[0]).await;
    }
    // Days are counted from another day, so weekdays differ.
    let sql = "select decision_id, user_idx, item_idx, category_idx, label, price, display, mailer, bought_before, \
               days_since, baskets, hour from train_decisions order by user_id, decision_id";
    let (left, right) = (parquet.rows(sql).await, csv.rows(sql).await);
    assert!(
        left.len() > 1_000 && left == right,
        "{} {}",
        left.len(),
        right.len()
    );
}

#[tokio::test]
async fn offers_know_what_was_shown_and_what_was_bought_before() {
    let folder = tempfile::tempdir().unwrap();
    made("complete-journey", folder.path(), 150);
    let mut staged = Staged::of("complete-journey", folder.path()).await;
    staged.learn(SPLITS[0]).await;
    // Every line of a known user and a known item is there once as bought, and nothing else is.
    let bought = "select count(*) from interactions where item_idx >= 2";
    let labels = "select cast(sum(label) as bigint) from decisions";
    assert_eq!(staged.number(labels).await, staged.number(bought).await);
    let twice = "select count(*) from (select basket_id, item_id from decisions group by basket_id, item_id having count(*) > 1)";
    assert_eq!(staged.number(twice).await, 0);
    let share = "select cast(100 * avg(label) as bigint) from decisions";
    assert!((33..40).contains(&staged.number(share).await));
    // Counted anew, the slow way.
    let earlier = "select count(*) from (
        select d.decision_id, d.bought_before, count(distinct e.basket_id) as n
        from decisions d
        left join interactions e on d.user_id = e.user_id and d.item_id = e.item_id and e.item_idx >= 2 and e.decided_at < d.decided_at
        group by d.decision_id, d.bought_before
      ) where n <> bought_before";
    assert_eq!(staged.number(earlier).await, 0);
    let before = "select count(*) from decisions where bought_before > 0";
    assert!(staged.number(before).await > 100);
    let wrong = "select count(*) from decisions where (bought_before = 0) <> (days_since = 400) or days_since <= 0";
    assert_eq!(staged.number(wrong).await, 0);
    let shown = "select count(*) from (
        select d.decision_id, d.display, d.mailer,
          max(case when p.display_location <> '0' then 1 else 0 end) as display_again,
          max(case when p.mailer_location <> '0' then 1 else 0 end) as mailer_again
        from decisions d
        join (select distinct basket_id, store_id, week from transactions) t on d.basket_id = t.basket_id
        left join promotions p on p.item_id = d.item_id and p.store_id = t.store_id and p.week = t.week
        group by d.decision_id, d.display, d.mailer
      ) where display <> display_again or mailer <> mailer_again";
    assert_eq!(staged.number(shown).await, 0);
    assert!(
        staged
            .number("select count(*) from decisions where display + mailer > 0")
            .await
            > 0
    );
    let own = "select count(*) from decision_users where display <> 0 or mailer <> 0 or bought_before <> 0 or days_since <> 400 or baskets < 1";
    assert_eq!(staged.number(own).await, 0);
}
