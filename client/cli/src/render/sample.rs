//! A whole made-up run, drawn the way a pipe sees it.

#![allow(clippy::unwrap_used)]

use pannier_proto::event::{
    CheckResult, MetricRow, PairedRow, RunEvent, RunEventKind, StepOutcome,
};
use pannier_proto::spec::Severity;
use pannier_proto::work::{StallLedger, WorkOutcome};

use super::describe;
use super::plain::Plain;
use super::progress::{Change, Progress};
use super::summary::{End, Summary};

const START_MS: i64 = 1_700_000_000_000;
const TRAIN: &str = "train:vectors";

fn started(step: &str, attempt: u32) -> RunEventKind {
    RunEventKind::StepStarted {
        step: step.into(),
        attempt,
    }
}

fn progress(step: &str, done: u64, rows: u64) -> RunEventKind {
    RunEventKind::StepProgress {
        step: step.into(),
        done,
        total: 400,
        rows,
        rate: 56_000.4,
        stall_share: None,
    }
}

fn finished(step: &str, skipped: bool, result: StepOutcome) -> RunEventKind {
    RunEventKind::StepFinished {
        step: step.into(),
        skipped,
        seconds: 2.34,
        result,
    }
}

fn table(rows: u64) -> StepOutcome {
    StepOutcome::Table {
        version: "0123456789abcdef".into(),
        rows,
        bytes: 4_100_000,
        parts: 8,
        digest: "d".into(),
    }
}

fn check(offending: u64, severity: Severity) -> RunEventKind {
    RunEventKind::Checked {
        step: "check:staged".into(),
        check: CheckResult {
            name: "owners".into(),
            rule: "transactions.user_id is not null".into(),
            severity,
            passed: offending == 0,
            found: format!("{offending} of 100 rows offend, 0 may"),
            offending,
            columns: vec!["basket_id".into(), "spend".into()],
            sample: (0..offending)
                .map(|i| vec![i.to_string(), "1.50".into()])
                .collect(),
        },
    }
}

fn evaluated() -> StepOutcome {
    let metric = |method: &str, metric: &str, value| MetricRow {
        method: method.into(),
        metric: metric.into(),
        value,
        lo: value - 0.01,
        hi: value + 0.01,
        n: 12_345,
    };
    let paired = |against: &str, metric: &str, difference| PairedRow {
        method: "vectors".into(),
        against: against.into(),
        metric: metric.into(),
        difference,
        lo: difference - 0.004,
        hi: difference + 0.004,
    };
    StepOutcome::Evaluated {
        metrics: vec![
            metric("vectors", "hit_rate@10", 0.2134),
            metric("vectors", "coverage@10", 0.5),
            metric("popularity", "hit_rate@10", 0.18),
            metric("popularity", "coverage@10", 0.01),
        ],
        paired: vec![
            paired("popularity", "hit_rate@10", 0.0334),
            paired("popularity", "coverage@10", 0.49),
        ],
        calibration: Vec::new(),
        curves: Vec::new(),
        decided: None,
    }
}

/// Facts with the seconds at which they were recorded.
type Timed = Vec<(f64, RunEventKind)>;

fn preparing() -> Timed {
    let steps = [
        "raw",
        "table:baskets",
        "check:staged",
        TRAIN,
        "evaluate",
        "publish",
        "report",
    ];
    let generated = StepOutcome::Generated {
        files: 52,
        rows: 311_204,
        bytes: 25_000_000,
    };
    let checked = StepOutcome::Checked {
        passed: 12,
        warned: 1,
    };
    vec![
        (
            0.0,
            RunEventKind::Submitted {
                name: "grocery".into(),
                steps: steps.map(Into::into).to_vec(),
            },
        ),
        (0.1, finished("raw", true, generated)),
        (0.2, started("table:baskets", 1)),
        (2.5, finished("table:baskets", false, table(92_339))),
        (2.6, check(0, Severity::Fail)),
        (2.6, check(2, Severity::Warn)),
        (2.7, finished("check:staged", false, checked)),
    ]
}

fn training() -> Timed {
    let trained = WorkOutcome::Trained {
        files: vec![],
        feed: "f".into(),
        feed_ledger: "l".into(),
        steps: 400,
        example: "pair".into(),
        trials: vec![],
        pairs: 1_203_000,
        seconds: 2.34,
        stall: StallLedger {
            scan: 0.03,
            compute: 0.97,
            ..StallLedger::default()
        },
        epochs: Vec::new(),
        wire_bytes: 0,
        resumed_from: Some((1, 100)),
    };
    let step = || TRAIN.to_owned();
    let loss = RunEventKind::Loss {
        step: step(),
        epoch: 1,
        global_step: 150,
        loss: 2.31,
        learning_rate: 0.02,
        pairs: 450_000,
        stall: StallLedger::default(),
    };
    vec![
        (3.0, started(TRAIN, 1)),
        (4.0, progress(TRAIN, 10, 30_000)),
        (9.0, progress(TRAIN, 110, 330_000)),
        (10.0, progress(TRAIN, 120, 360_000)),
        (
            11.0,
            RunEventKind::StepLost {
                step: step(),
                reason: "the trainer went away".into(),
            },
        ),
        (12.0, started(TRAIN, 2)),
        (13.0, progress(TRAIN, 100, 300_000)),
        (14.0, loss),
        (18.0, progress(TRAIN, 300, 900_000)),
        (
            19.0,
            RunEventKind::Log {
                step: step(),
                text: "checkpoint at epoch 4".into(),
            },
        ),
        (20.0, finished(TRAIN, false, StepOutcome::Work(trained))),
    ]
}

fn ending() -> Timed {
    let published = StepOutcome::Published {
        model: "grocery-vectors".into(),
        version: 3,
        alias: Some("champion".into()),
        gate: None,
        passed: true,
        explanation: "hit_rate@10 0.2134 >= 0.2050".into(),
    };
    let report = StepOutcome::Report {
        path: "runs/r-1/report.html".into(),
    };
    vec![
        (21.0, finished("evaluate", false, evaluated())),
        (22.0, finished("publish", false, published)),
        (23.0, finished("report", false, report)),
        (72.0, RunEventKind::Succeeded),
    ]
}

/// The whole run.
pub fn run() -> Vec<RunEvent> {
    let event = |(offset, (seconds, kind)): (usize, (f64, RunEventKind))| RunEvent {
        run_id: "r-1".into(),
        offset: offset as u64,
        at_ms: START_MS + (seconds * 1e3) as i64,
        kind,
    };
    [preparing(), training(), ending()]
        .concat()
        .into_iter()
        .enumerate()
        .map(event)
        .collect()
}

#[test]
fn a_pipe_sees_few_plain_lines() {
    let (mut progress, mut plain, mut summary) =
        (Progress::default(), Plain::default(), Summary::default());
    let mut lines = Vec::new();
    for event in run() {
        for change in progress.apply(&event) {
            lines.extend(plain.lines(&change, event.at_ms));
        }
        summary.apply(&event);
    }
    lines.extend(
        summary
            .lines("r-1", Some("/data/warehouse"))
            .iter()
            .map(super::Line::plain),
    );
    let want = "  run r-1: grocery, 7 steps
✓ raw                311,204 rows   25.0 MB  (already there)  52 files
  table:baskets  started
✓ table:baskets       92,339 rows    4.1 MB      2.3 s
! check `owners` warns: 2 of 100 rows offend, 0 may (transactions.user_id is not null)
      basket_id  spend
      0          1.50
      1          1.50
! check:staged   12 checks passed                2.3 s  1 warned
  train:vectors  started
  train:vectors  110/400  330,000 rows  56,000 rows/s  15 s left
! train:vectors  attempt lost: the trainer went away
  train:vectors  started
  train:vectors  300/400  900,000 rows  56,000 rows/s  3 s left  loss 2.3100
  train:vectors  checkpoint at epoch 4
✓ train:vectors   1,203,000 pairs                2.3 s  3 % of the time waiting for data, resumed at epoch 1 step 100
✓ evaluate              4 metrics                2.3 s
✓ publish        grocery-vectors version 3 is now champion (hit_rate@10 0.2134 >= 0.2050)
✓ report         runs/r-1/report.html

  metric       vectors   popularity
  hit_rate@10   0.2134*      0.1800
  coverage@10   0.5000       0.0100
  over 12,345 held-out baskets and 12,345 held-out users
  vectors against popularity: hit_rate@10 +0.0334 (95 % interval +0.0294 to +0.0374)

✓ run r-1 (grocery) succeeded in 1 min 12 s
✓ published  grocery-vectors version 3 is now champion (hit_rate@10 0.2134 >= 0.2050)
  report     /data/warehouse/runs/r-1/report.html";
    assert_eq!(lines.join("\n"), want);
    assert!(!lines.concat().contains('\u{1b}'));
    assert_eq!(summary.end(), Some(&End::Succeeded));
}

#[test]
fn bars_begin_and_end_in_pairs() {
    let mut progress = Progress::default();
    let changes: Vec<Change> = run().iter().flat_map(|e| progress.apply(e)).collect();
    let begun = changes
        .iter()
        .filter(|c| matches!(c, Change::Begin { .. }))
        .count();
    let ended = changes
        .iter()
        .filter(|c| matches!(c, Change::End { .. }))
        .count();
    assert_eq!((begun, ended), (3, 3));
    let failed = RunEventKind::Failed { error: "no".into() };
    let mut progress = Progress::default();
    for kind in [started("a", 1), started("b", 1)] {
        progress.apply(&RunEvent {
            run_id: "r".into(),
            offset: 0,
            at_ms: 0,
            kind,
        });
    }
    let last = progress.apply(&RunEvent {
        run_id: "r".into(),
        offset: 1,
        at_ms: 0,
        kind: failed,
    });
    assert_eq!(
        last.len(),
        2,
        "bars of steps that never ended go away with the run"
    );
}

#[test]
fn every_event_reads_as_one_line() {
    let lines: Vec<String> = run().iter().map(describe::event).collect();
    assert!(lines.iter().all(|l| !l.is_empty() && !l.contains('\n')));
    assert_eq!(
        lines[3],
        "table:baskets: done, 92,339 rows, 4.1 MB, version 0123456789ab, 2.3 s"
    );
    let trained = "train:vectors: 110/400, 330,000 rows, 56,000/s".to_owned();
    assert!(lines.contains(&trained), "{lines:?}");
}
