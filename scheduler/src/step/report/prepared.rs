//! The page's part on data: tables, rejects, checks, split.

use std::collections::BTreeMap;

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::objects;

use super::Facts;
use crate::error::SchedulerError;
use crate::plan::StepKind;
use crate::report::{
    Check, CheckOutcome, RejectReason, RejectSample, Rejects, ReportData, RowAction, SampleRows,
    Severity, Split, SplitPart, TableRow,
};
use crate::step::check::sample;
use crate::step::{LEFT_OUT, READ};

/// Rejected lines shown.
const SHOWN: usize = 20;

/// Fills in what is known. Queries are made only for a run that went `well`.
pub async fn fill(
    facts: &Facts<'_>,
    data: &mut ReportData,
    well: bool,
) -> Result<(), SchedulerError> {
    for step in &facts.record.plan.steps {
        match (&step.kind, facts.finished(&step.id)) {
            (
                StepKind::Table(table),
                Some((
                    StepOutcome::Table {
                        version,
                        rows,
                        bytes,
                        parts,
                        ..
                    },
                    skipped,
                    seconds,
                )),
            ) => data.tables.push(TableRow {
                name: table.name.clone(),
                version: version.clone(),
                rows: *rows,
                bytes: *bytes,
                parts: u64::from(*parts),
                seconds,
                skipped,
                source_rows: None,
            }),
            (StepKind::Check(check), Some((outcome, ..))) => {
                data.checks.extend(checked(&check.name, outcome))
            }
            (StepKind::RejectShare { .. }, Some((outcome, ..))) => {
                data.checks.extend(checked("share of rejects", outcome))
            }
            (StepKind::Check(_) | StepKind::RejectShare { .. }, None) => {
                data.checks.extend(failed(facts, &step.id))
            }
            _ => {}
        }
    }
    if well {
        data.rejects = Some(rejects(facts).await?);
        data.split = split(facts).await?;
        let lines = data.rejects.as_ref().map(|r| r.rows_read);
        for table in data.tables.iter_mut().filter(|t| t.name == "transactions") {
            table.source_rows = lines;
        }
    }
    Ok(())
}

fn checked(name: &str, outcome: &StepOutcome) -> Option<Check> {
    let StepOutcome::Checked {
        offending,
        severity,
        passed,
        sample,
        ..
    } = outcome
    else {
        return None;
    };
    let columns: Vec<String> = sample
        .first()
        .map(|r| r.keys().cloned().collect())
        .unwrap_or_default();
    let rows = sample
        .iter()
        .map(|r| r.values().cloned().collect())
        .collect();
    Some(Check {
        name: name.to_owned(),
        severity: if severity == "fail" {
            Severity::Fail
        } else {
            Severity::Warn
        },
        outcome: if *passed {
            CheckOutcome::Passed
        } else {
            CheckOutcome::Warned
        },
        offending_rows: *offending,
        sample: (!sample.is_empty()).then_some(SampleRows { columns, rows }),
    })
}

/// A check that stopped the run: its step failed, and what offended is in the log.
fn failed(facts: &Facts<'_>, step: &str) -> Option<Check> {
    let error = facts.events.iter().rev().find_map(|e| match &e.kind {
        RunEventKind::StepFailed { step: s, error, .. } if s == step => Some(error.clone()),
        _ => None,
    })?;
    let rows: Vec<Vec<String>> = facts
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            RunEventKind::Log { step: s, text } if s == step => Some(vec![text.clone()]),
            _ => None,
        })
        .collect();
    let count = error
        .split(": ")
        .nth(1)
        .and_then(|t| t.split(' ').next())
        .and_then(|n| n.parse().ok())
        .unwrap_or(rows.len() as u64);
    Some(Check {
        name: step.trim_start_matches("check:").to_owned(),
        severity: Severity::Fail,
        outcome: CheckOutcome::Failed,
        offending_rows: count,
        sample: (!rows.is_empty()).then(|| SampleRows {
            columns: vec!["row".into()],
            rows,
        }),
    })
}

/// Runs a query over tables of this run; rows as text.
async fn ask(
    facts: &Facts<'_>,
    tables: &[&str],
    sql: &str,
) -> Result<Vec<BTreeMap<String, String>>, SchedulerError> {
    let jobs = &facts.context.jobs;
    let context = jobs.context()?;
    for name in tables {
        let Some(table) = facts.record.plan.table(name) else {
            return Ok(Vec::new());
        };
        if !jobs
            .warehouse()
            .exists(&objects::table_manifest(name, &table.version))
            .await?
        {
            return Ok(Vec::new());
        }
        jobs.register(&context, name, &table.version).await?;
    }
    let query = context.sql(sql).await?.into_optimized_plan()?;
    sample(
        &jobs.query(&context, query, facts.cancel).await?,
        usize::MAX,
    )
}

fn text(row: &BTreeMap<String, String>, key: &str) -> String {
    row.get(key).cloned().unwrap_or_default()
}

fn number(row: &BTreeMap<String, String>, key: &str) -> u64 {
    row.get(key).and_then(|v| v.parse().ok()).unwrap_or(0)
}

async fn rejects(facts: &Facts<'_>) -> Result<Rejects, SchedulerError> {
    // A reason that quotes a value is one reason for all values.
    let grouped = "select regexp_replace(reason, '`[^`]*`', '…') as reason, count(*) as rows from rejects group by 1 order by rows desc, reason";
    let mut reasons: Vec<RejectReason> = ask(facts, &["rejects"], grouped)
        .await?
        .iter()
        .map(|r| RejectReason {
            reason: text(r, "reason"),
            action: RowAction::Rejected,
            rows: number(r, "rows"),
        })
        .collect();
    let mut lines = 0;
    for row in ask(
        facts,
        &["facts"],
        "select fact, rows from facts order by fact",
    )
    .await?
    {
        match text(&row, "fact").as_str() {
            READ => lines = number(&row, "rows"),
            fact => reasons.push(RejectReason {
                reason: fact.trim_start_matches(LEFT_OUT).to_owned(),
                action: if fact.starts_with(LEFT_OUT) {
                    RowAction::LeftOut
                } else {
                    RowAction::Noted
                },
                rows: number(&row, "rows"),
            }),
        }
    }
    let shown =
        format!("select file, line, reason, text from rejects order by file, line limit {SHOWN}");
    let samples = ask(facts, &["rejects"], &shown)
        .await?
        .iter()
        .map(|r| RejectSample {
            file: text(r, "file"),
            line: number(r, "line"),
            reason: text(r, "reason"),
            text: text(r, "text"),
        })
        .collect();
    Ok(Rejects {
        rows_read: lines,
        threshold: Some(facts.record.plan.spec.source.max_reject_share),
        reasons,
        samples,
    })
}

async fn split(facts: &Facts<'_>) -> Result<Option<Split>, SchedulerError> {
    let sql =
        "select split, count(*) as baskets, sum(lines) as rows, count(distinct user_id) as users,
               cast(min(ordered_at) as date) as first_day, cast(max(ordered_at) as date) as last_day
               from splits group by split order by min(ordered_at)";
    let parts: Vec<SplitPart> = ask(facts, &["splits"], sql)
        .await?
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
    let by = match facts.record.plan.spec.split {
        pannier_proto::spec::SplitSpec::Time { test_weeks, .. } => {
            format!("time: the last {test_weeks} weeks are held out")
        }
        pannier_proto::spec::SplitSpec::LastBasket {} => "the last basket of each user".to_owned(),
    };
    Ok((!parts.is_empty()).then_some(Split { by, parts }))
}
