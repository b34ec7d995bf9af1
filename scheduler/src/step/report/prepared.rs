//! The page's part on data: tables, rejects, checks, split.

use std::collections::BTreeMap;

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::{objects, spec};

use super::Facts;
use crate::error::SchedulerError;
use crate::plan::StepKind;
use crate::report::{
    Check, CheckOutcome, RejectReason, RejectSample, Rejects, ReportData, RowAction, SampleRows,
    Severity, TableRow,
};
use crate::step::rows::named;
use crate::step::{LEFT_OUT, READ};

mod split;

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
            (StepKind::Checks { checks }, _) => {
                data.checks.extend(
                    checks
                        .iter()
                        .filter_map(|c| checked(facts, &step.id, &c.name)),
                );
            }
            _ => {}
        }
    }
    if well {
        // Small queries, each of which mostly waits.
        let asked = tokio::try_join!(rejects(facts), split::split(facts, &data.tables))?;
        (data.rejects, data.split) = (Some(asked.0), asked.1);
        let profile = objects::profile(&facts.record.run_id);
        data.profile = facts.context.jobs.warehouse().find_json(&profile).await?;
        let lines = data.rejects.as_ref().map(|r| r.rows_read);
        for table in data.tables.iter_mut().filter(|t| t.name == "transactions") {
            table.source_rows = lines;
        }
    }
    Ok(())
}

/// What came of a check the last time it was evaluated.
fn checked(facts: &Facts<'_>, step: &str, name: &str) -> Option<Check> {
    let result = facts.events.iter().rev().find_map(|e| match &e.kind {
        RunEventKind::Checked { step: s, check } if s == step && check.name == name => Some(check),
        _ => None,
    })?;
    let (severity, missed) = match result.severity {
        spec::Severity::Fail => (Severity::Fail, CheckOutcome::Failed),
        spec::Severity::Warn => (Severity::Warn, CheckOutcome::Warned),
    };
    Some(Check {
        name: result.name.clone(),
        rule: result.rule.clone(),
        severity,
        outcome: if result.passed {
            CheckOutcome::Passed
        } else {
            missed
        },
        found: result.found.clone(),
        sample: (!result.sample.is_empty()).then(|| SampleRows {
            columns: result.columns.clone(),
            rows: result.sample.clone(),
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
    named(&jobs.query(&context, query, facts.cancel).await?)
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
    let shown =
        format!("select file, line, reason, text from rejects order by file, line limit {SHOWN}");
    let noted = "select fact, rows from facts order by fact";
    let (grouped, noted, shown) = tokio::try_join!(
        ask(facts, &["rejects"], grouped),
        ask(facts, &["facts"], noted),
        ask(facts, &["rejects"], &shown),
    )?;
    let mut reasons: Vec<RejectReason> = grouped
        .iter()
        .map(|r| RejectReason {
            reason: text(r, "reason"),
            action: RowAction::Rejected,
            rows: number(r, "rows"),
        })
        .collect();
    let mut lines = 0;
    for row in noted {
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
    let samples = shown
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
