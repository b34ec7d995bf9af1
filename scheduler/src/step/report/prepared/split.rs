//! How the data were split, and what every filter after that kept from models.

use pannier_proto::spec::SplitSpec;

use super::{ask, number, text};
use crate::error::SchedulerError;
use crate::report::{LeftOut, Split, SplitPart, TableRow};
use crate::step::report::Facts;

/// The split; `None` where none was made. `made` are the run's tables.
pub async fn split(facts: &Facts<'_>, made: &[TableRow]) -> Result<Option<Split>, SchedulerError> {
    let sql =
        "select split, count(*) as baskets, sum(lines) as rows, count(distinct user_id) as users,
               cast(min(ordered_at) as date) as first_day, cast(max(ordered_at) as date) as last_day
               from splits group by split order by min(ordered_at)";
    let (parts, of_baskets, of_sequences) = tokio::try_join!(
        ask(facts, &["splits"], sql),
        of_baskets(facts),
        of_sequences(facts),
    )?;
    let parts: Vec<SplitPart> = parts
        .iter()
        .map(|r| SplitPart {
            name: text(r, "split"),
            rows: number(r, "rows"),
            baskets: number(r, "baskets"),
            users: Some(number(r, "users")),
            from: Some(text(r, "first_day")),
            to: Some(text(r, "last_day")),
        })
        .collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let by = match facts.record.plan.spec.split {
        SplitSpec::Time { test_weeks, .. } => {
            format!("time: the last {test_weeks} weeks are held out")
        }
        SplitSpec::LastBasket { .. } => "the last basket of each user".to_owned(),
        SplitSpec::User { test_share, .. } => {
            format!("users: {:.1} % of them are held out", 100.0 * test_share)
        }
    };
    let mut left_out = of_tables(facts, made, &parts);
    left_out.extend(of_baskets);
    left_out.extend(of_sequences);
    Ok(Some(Split {
        by,
        parts,
        left_out,
    }))
}

/// What is told by the tables' numbers of rows.
fn of_tables(facts: &Facts<'_>, made: &[TableRow], parts: &[SplitPart]) -> Vec<LeftOut> {
    let rows = |table: &str| made.iter().find(|t| t.name == table).map(|t| t.rows);
    let baskets = |split: &str| parts.iter().find(|p| p.name == split).map(|p| p.baskets);
    let spec = &facts.record.plan.spec;
    let fewer = format!(
        "in fewer than {} train baskets",
        spec.prepare.min_item_baskets
    );
    let items_rule = match spec.prepare.max_items {
        Some(most) => format!("{fewer}, or not among the {most} most frequent"),
        None => fewer,
    };
    let queries = format!(
        "fewer than two known items, or beyond the {} that evaluate.queries asks for",
        spec.evaluate.queries
    );
    let short = "fewer than two items".to_owned();
    [
        (
            "items outside the vocab",
            items_rule,
            rows("items"),
            rows("vocab"),
        ),
        (
            "train baskets that no pair is made of",
            short,
            baskets("train"),
            rows("train_baskets"),
        ),
        (
            "test baskets that are no query",
            queries,
            baskets("test"),
            rows("queries"),
        ),
    ]
    .into_iter()
    .filter_map(|(what, rule, of, kept)| {
        Some(LeftOut {
            what: what.to_owned(),
            rule,
            count: of?.saturating_sub(kept?),
            of,
        })
    })
    .collect()
}

/// Whether a table is as this program makes it: one that the spec replaced may lack the counts.
fn counts_itself(facts: &Facts<'_>, table: &str) -> bool {
    let table = facts.record.plan.table(table);
    table.is_some_and(|t| t.own.is_none())
}

/// What `baskets` counted of its own rows.
async fn of_baskets(facts: &Facts<'_>) -> Result<Vec<LeftOut>, SchedulerError> {
    if !counts_itself(facts, "baskets") {
        return Ok(Vec::new());
    }
    let sql = "select sum(unknown_items) as unknown, sum(cut_items) as cut,
               count(case when user_id is null then 1 end) as anonymous, count(*) as baskets from baskets";
    let rows = ask(facts, &["baskets"], sql).await?;
    let Some(row) = rows.first() else {
        return Ok(Vec::new());
    };
    let most = facts.record.plan.spec.prepare.max_basket_items;
    let cut = most.map(|most| LeftOut {
        what: "known items cut off their baskets".to_owned(),
        rule: format!("beyond a basket's {most} most frequent items"),
        count: number(row, "cut"),
        of: None,
    });
    let unknown = LeftOut {
        what: "items that became UNK in their baskets".to_owned(),
        rule: "outside the vocab".to_owned(),
        count: number(row, "unknown"),
        of: None,
    };
    let anonymous = LeftOut {
        what: "baskets in no sequence".to_owned(),
        rule: "of no known user".to_owned(),
        count: number(row, "anonymous"),
        of: Some(number(row, "baskets")),
    };
    Ok([unknown, anonymous].into_iter().chain(cut).collect())
}

/// What long histories lost.
async fn of_sequences(facts: &Facts<'_>) -> Result<Vec<LeftOut>, SchedulerError> {
    let Some(most) = facts.record.plan.spec.prepare.max_history else {
        return Ok(Vec::new());
    };
    if !counts_itself(facts, "sequences") {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select sum(case when count > {most} then count - {most} else 0 end) as older, sum(count) as baskets from sequences"
    );
    let rows = ask(facts, &["sequences"], &sql).await?;
    let cut = rows.first().map(|row| LeftOut {
        what: "baskets cut off their sequences".to_owned(),
        rule: format!("older than a user's newest {most}"),
        count: number(row, "older"),
        of: Some(number(row, "baskets")),
    });
    Ok(cut.into_iter().collect())
}
