//! The state of a run, and the list of runs.

use pannier_proto::status::{RunPhase, RunStatus, StepPhase, StepStatus};

use super::format::{count, duration, timestamp};
use super::summary::below;
use super::table::Table;

fn phase(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Running => "running",
        RunPhase::Cancelling => "cancelling",
        RunPhase::Succeeded => "succeeded",
        RunPhase::Failed => "failed",
        RunPhase::Cancelled => "cancelled",
    }
}

fn step_phase(phase: StepPhase) -> &'static str {
    match phase {
        StepPhase::Waiting => "waiting",
        StepPhase::Running => "running",
        StepPhase::Done => "done",
        StepPhase::Skipped => "already there",
        StepPhase::Failed => "failed",
    }
}

fn took(status: &RunStatus, now_ms: i64) -> String {
    duration((status.ended_ms.unwrap_or(now_ms) - status.submitted_ms).max(0) as f64 / 1e3)
}

/// A run with its steps; `now_ms` is the reader's clock.
pub fn run(status: &RunStatus, now_ms: i64, warehouse: Option<&str>) -> Vec<String> {
    let mut lines = vec![
        format!("run        {}", status.run_id),
        format!("spec       {}", status.name),
        format!(
            "state      {} ({})",
            phase(status.phase),
            took(status, now_ms)
        ),
        format!("submitted  {} UTC", timestamp(status.submitted_ms)),
    ];
    lines.extend(
        status
            .error
            .as_ref()
            .map(|error| format!("error      {error}")),
    );
    lines.extend(
        status
            .report
            .as_ref()
            .map(|path| format!("report     {}", below(warehouse, path))),
    );
    if !status.steps.is_empty() {
        lines.push(String::new());
        let mut table = Table::new(&[
            "step", "state", ">tries", ">done", ">rows", ">time", ">waits",
        ]);
        for step in &status.steps {
            table.row(step_row(step));
        }
        lines.extend(table.lines());
    }
    lines
}

fn step_row(step: &StepStatus) -> [String; 7] {
    let done = if step.total > 0 {
        format!("{}/{}", count(step.done), count(step.total))
    } else {
        String::new()
    };
    let rows = if step.rows > 0 {
        count(step.rows)
    } else {
        String::new()
    };
    let tries = if step.attempts > 0 {
        step.attempts.to_string()
    } else {
        String::new()
    };
    let time = step.seconds.map(duration).unwrap_or_default();
    [
        step.step.clone(),
        step_phase(step.phase).to_owned(),
        tries,
        done,
        rows,
        time,
        step.stall_share
            .map(|share| format!("{:.0} %", share * 100.0))
            .unwrap_or_default(),
    ]
}

/// Runs, one a line, in the order given.
pub fn runs(runs: &[RunStatus], now_ms: i64) -> Vec<String> {
    if runs.is_empty() {
        return vec!["no runs yet".to_owned()];
    }
    let mut table = Table::new(&["run", "spec", "state", "submitted (UTC)", ">time", ">steps"]);
    for status in runs {
        let done = status
            .steps
            .iter()
            .filter(|s| matches!(s.phase, StepPhase::Done | StepPhase::Skipped))
            .count();
        table.row([
            status.run_id.clone(),
            status.name.clone(),
            phase(status.phase).to_owned(),
            timestamp(status.submitted_ms),
            took(status, now_ms),
            format!("{done}/{}", status.steps.len()),
        ]);
    }
    table.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> RunStatus {
        let step = |step: &str, phase, attempts, done, total, rows, seconds| StepStatus {
            step: step.into(),
            phase,
            attempts,
            done,
            total,
            rows,
            seconds,
            stall_share: None,
        };
        RunStatus {
            run_id: "r-20260131-1".into(),
            name: "grocery".into(),
            phase: RunPhase::Running,
            submitted_ms: 1_700_000_000_000,
            ended_ms: None,
            error: None,
            report: Some("runs/r-20260131-1/report.html".into()),
            events: 7,
            steps: vec![
                step("raw", StepPhase::Skipped, 0, 0, 0, 311_204, None),
                step(
                    "table:baskets",
                    StepPhase::Done,
                    1,
                    8,
                    8,
                    92_339,
                    Some(2.34),
                ),
                step(
                    "train:vectors",
                    StepPhase::Running,
                    2,
                    120,
                    400,
                    1_203_000,
                    None,
                ),
                step("report", StepPhase::Waiting, 0, 0, 0, 0, None),
            ],
        }
    }

    #[test]
    fn a_run_shows_its_steps() {
        let want = "\
run        r-20260131-1
spec       grocery
state      running (1 min 05 s)
submitted  2023-11-14 22:13:20 UTC
report     /w/runs/r-20260131-1/report.html

step           state          tries     done       rows   time  waits
raw            already there                    311,204
table:baskets  done               1      8/8     92,339  2.3 s
train:vectors  running            2  120/400  1,203,000
report         waiting";
        assert_eq!(
            run(&status(), 1_700_000_065_000, Some("file:///w/")).join("\n"),
            want
        );
    }

    #[test]
    fn runs_are_a_table() {
        let want = "\
run           spec     state    submitted (UTC)        time  steps
r-20260131-1  grocery  running  2023-11-14 22:13:20  10.0 s    2/4";
        assert_eq!(runs(&[status()], 1_700_000_010_000).join("\n"), want);
        assert_eq!(runs(&[], 0), ["no runs yet"]);
    }
}
