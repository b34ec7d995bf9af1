use pannier_proto::event::StepOutcome;
use proptest::prelude::*;

use super::*;

fn chain() -> RunState {
    RunState::new([
        ("a".into(), vec![]),
        ("b".into(), vec!["a".into()]),
        ("c".into(), vec!["a".into()]),
        ("d".into(), vec!["b".into(), "c".into()]),
    ])
}

fn finished(step: &str) -> RunEventKind {
    RunEventKind::StepFinished {
        step: step.into(),
        skipped: false,
        seconds: 1.0,
        result: StepOutcome::Report {
            path: String::new(),
        },
    }
}

fn failed(step: &str, retryable: bool) -> RunEventKind {
    RunEventKind::StepFailed {
        step: step.into(),
        error: "no".into(),
        retryable,
    }
}

fn submitted() -> RunEventKind {
    RunEventKind::Submitted {
        name: "n".into(),
        steps: vec![],
    }
}

fn starts(actions: &[RunAction]) -> Vec<&str> {
    actions
        .iter()
        .filter_map(|a| {
            if let RunAction::Start { step, .. } = a {
                Some(step.as_str())
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn steps_start_when_what_they_wait_for_is_done() {
    let mut run = chain();
    assert_eq!(starts(&run.apply(&submitted())), ["a"]);
    assert_eq!(starts(&run.apply(&finished("a"))), ["b", "c"]);
    assert!(run.apply(&finished("b")).is_empty());
    assert_eq!(starts(&run.apply(&finished("c"))), ["d"]);
    assert_eq!(
        run.apply(&finished("d")),
        [RunAction::End(Box::new(RunEventKind::Succeeded))]
    );
}

#[test]
fn a_failure_stops_the_others_and_then_ends_the_run() {
    let mut run = chain();
    run.apply(&submitted());
    run.apply(&finished("a"));
    assert_eq!(
        run.apply(&failed("b", false)),
        [RunAction::Stop { step: "c".into() }]
    );
    let end = run.apply(&failed("c", true));
    assert!(
        matches!(&end[..], [RunAction::End(end)] if matches!(&**end, RunEventKind::Failed { error } if error == "b: no")),
        "{end:?}"
    );
}

#[test]
fn what_may_pass_is_tried_three_times_and_a_loss_more_often() {
    let mut run = chain();
    run.apply(&submitted());
    for _ in 0..2 {
        assert_eq!(starts(&run.apply(&failed("a", true))), ["a"]);
    }
    assert!(starts(&run.apply(&failed("a", true))).is_empty());
    let mut run = chain();
    run.apply(&submitted());
    for _ in 0..9 {
        assert_eq!(
            starts(&run.apply(&RunEventKind::StepLost {
                step: "a".into(),
                reason: "gone".into()
            })),
            ["a"]
        );
    }
    assert!(
        starts(&run.apply(&RunEventKind::StepLost {
            step: "a".into(),
            reason: "gone".into()
        }))
        .is_empty()
    );
}

#[test]
fn cancel_waits_for_running_steps_and_retry_goes_on() {
    let mut run = chain();
    run.apply(&submitted());
    run.apply(&finished("a"));
    assert_eq!(run.apply(&RunEventKind::CancelRequested).len(), 2);
    assert!(run.apply(&failed("b", false)).is_empty());
    assert_eq!(
        run.apply(&finished("c")),
        [RunAction::End(Box::new(RunEventKind::Cancelled))]
    );
    run.apply(&RunEventKind::Cancelled);
    assert_eq!(starts(&run.apply(&RunEventKind::RetryRequested)), ["b"]);
}

#[test]
fn recovery_starts_what_ran() {
    let mut run = chain();
    run.apply(&submitted());
    run.apply(&finished("a"));
    assert_eq!(starts(&run.apply(&RunEventKind::Recovered)), ["b", "c"]);
}

proptest! {
    /// Whatever happens to steps, a run in which every start is answered comes to an end, no step
    /// starts before what it waits for is done, and nothing starts twice at a time.
    #[test]
    fn every_run_ends(answers in proptest::collection::vec(0u8..5, 0..60), cancel_at in 0usize..60, restart_at in 0usize..60) {
        let mut run = chain();
        let mut running: Vec<String> = Vec::new();
        let mut done: Vec<String> = Vec::new();
        let mut actions = run.apply(&submitted());
        let mut ended = None;
        for turn in 0..200 {
            for action in std::mem::take(&mut actions) {
                match action {
                    RunAction::Start { step, .. } => {
                        prop_assert!(!running.contains(&step));
                        prop_assert!(run.steps[&step].after.iter().all(|a| done.contains(a)));
                        running.push(step);
                    }
                    RunAction::Stop { .. } => {}
                    RunAction::End(kind) => { prop_assert!(ended.is_none()); ended = Some(kind); }
                }
            }
            if ended.is_some() { break; }
            if turn == cancel_at { actions = run.apply(&RunEventKind::CancelRequested); continue; }
            if turn == restart_at { running.clear(); actions = run.apply(&RunEventKind::Recovered); continue; }
            prop_assert!(!running.is_empty(), "nothing runs and nothing ended");
            let step = running.remove(0);
            let event = match answers.get(turn).copied().unwrap_or(0) {
                0 | 1 => { done.push(step.clone()); finished(&step) }
                2 => failed(&step, true),
                3 => RunEventKind::StepLost { step, reason: "gone".into() },
                _ => failed(&step, false),
            };
            actions = run.apply(&event);
        }
        prop_assert!(ended.is_some());
    }
}
