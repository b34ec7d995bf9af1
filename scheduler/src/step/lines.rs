//! Counts that no line was lost: every line read is a transaction, a reject, or left out for a
//! reason that `facts` names. A source whose lines do not add up stops the run.
//!
//! The contract with a layout's `facts`: `lines read` counts the rows of the raw relation of lines,
//! and a fact whose name begins with [`LEFT_OUT`] counts lines that are neither transactions nor
//! rejects. All other facts are of lines that are kept.

use std::fmt;
use std::path::Path;

use pannier_proto::event::{RunEventKind, StepOutcome};
use tokio_util::sync::CancellationToken;

use super::check::manifest;
use super::rows::named;
use super::table::raw_paths;
use super::{StepFailure, StepResult};
use crate::driver::StepRun;
use crate::error::SchedulerError;

/// How the name of a fact begins whose lines are no transactions.
pub const LEFT_OUT: &str = "left out: ";

/// The fact that counts all lines.
pub const READ: &str = "lines read";

/// Where the lines went.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lines {
    read: u64,
    transactions: u64,
    rejects: u64,
    left_out: Vec<(String, u64)>,
}

impl Lines {
    /// Lines that went nowhere; below zero, transactions that come from no line of their own.
    fn lost(&self) -> i128 {
        let left_out: u64 = self.left_out.iter().map(|(_, rows)| rows).sum();
        let found = [self.transactions, self.rejects, left_out];
        i128::from(self.read) - found.into_iter().map(i128::from).sum::<i128>()
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            read,
            transactions,
            rejects,
            left_out,
        } = self;
        write!(
            f,
            "{read} lines read = {transactions} transactions + {rejects} rejects"
        )?;
        for (why, rows) in left_out {
            write!(f, " + {rows} {why}")?;
        }
        Ok(())
    }
}

/// Counts the lines. `raw` is the relation that they are read from; `own` says that the spec has
/// SQL of its own for a table that is counted, which may leave out what it likes.
pub async fn balance(run: &StepRun, raw: &str, own: bool) -> StepResult {
    let lines = count(run, raw).await?;
    let lost = lines.lost();
    let text = match lost {
        0 => lines.to_string(),
        more if more > 0 => format!("{lines} + {more} left out by the spec's own SQL"),
        _ => format!("{lines} - {} made by the spec's own SQL", -lost),
    };
    if lost != 0 && !own {
        let wrong = if lost > 0 {
            format!("{lost} went nowhere")
        } else {
            format!("{} came from nowhere", -lost)
        };
        return Err(SchedulerError::Failed(format!(
            "the lines do not add up: {lines}, and {wrong}; this is a fault of the layout {}",
            run.record.plan.spec.source.layout
        ))
        .into());
    }
    run.tell(RunEventKind::Log {
        step: run.step.clone(),
        text,
    });
    Ok((
        StepOutcome::Checked {
            passed: 1,
            warned: 0,
        },
        false,
    ))
}

async fn count(run: &StepRun, raw: &str) -> Result<Lines, StepFailure> {
    let files = raw_paths(&run.record.plan, raw).await?;
    let names: Vec<String> = files
        .iter()
        .filter_map(|f| Path::new(f).file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let by_file = "select file, count(*) as rows from rejects group by file";
    let facts = "select fact as file, rows from facts order by fact";
    let (by_file, facts) =
        tokio::try_join!(pairs(run, "rejects", by_file), pairs(run, "facts", facts),)?;
    let by_file = by_file.into_iter();
    let of_lines = by_file.filter(|(file, _)| names.contains(file));
    let rejects = of_lines.map(|(_, rows)| rows).sum();
    let mut lines = Lines {
        read: 0,
        transactions: manifest(run, "transactions").await?.rows,
        rejects,
        left_out: Vec::new(),
    };
    for (fact, rows) in facts {
        if fact == READ {
            lines.read = rows;
        } else if fact.starts_with(LEFT_OUT) {
            lines.left_out.push((fact, rows));
        }
    }
    Ok(lines)
}

/// A small query of a table: names in `file`, numbers in `rows`.
async fn pairs(run: &StepRun, table: &str, sql: &str) -> Result<Vec<(String, u64)>, StepFailure> {
    let jobs = &run.context.jobs;
    let context = jobs.context()?;
    let version = manifest(run, table).await?.version;
    jobs.register(&context, table, &version).await?;
    let query = context.sql(sql).await?.into_optimized_plan()?;
    let cancel: &CancellationToken = &run.cancel;
    let rows = named(&jobs.query(&context, query, cancel).await?)?;
    let pair = |row: &std::collections::BTreeMap<String, String>| {
        let rows = row.get("rows").and_then(|n| n.parse().ok());
        (
            row.get("file").cloned().unwrap_or_default(),
            rows.unwrap_or(0),
        )
    };
    Ok(rows.iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_add_up_are_told_in_one_sentence() {
        let mut lines = Lines {
            read: 100,
            transactions: 80,
            rejects: 5,
            left_out: vec![("left out: outside prepare.weeks".into(), 15)],
        };
        assert_eq!(lines.lost(), 0);
        assert_eq!(
            lines.to_string(),
            "100 lines read = 80 transactions + 5 rejects + 15 left out: outside prepare.weeks"
        );
        lines.transactions = 86;
        assert_eq!(lines.lost(), -6);
        lines.read = u64::MAX;
        assert!(lines.lost() > 0);
    }
}
