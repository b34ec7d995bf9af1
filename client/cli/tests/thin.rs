//! The binary as a thin client, against a scheduler on a real port: what it prints, and its exit
//! codes. What needs the roles is tested in the workspace's `tests`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/fake/mod.rs"]
mod fake;

use std::process::{Output, Stdio};

use fake::{Fake, Serving};
use pannier_proto::event::{RunEvent, RunEventKind};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

const SPEC: &str =
    "name = \"grocery\"\n[source]\nlayout = \"dunnhumby-lgsr\"\npath = \"data/*.csv\"\n";

struct World {
    fake: Fake,
    serving: Serving,
    dir: tempfile::TempDir,
}

impl World {
    async fn new(script: Vec<RunEventKind>) -> Self {
        let fake = Fake::new(script);
        let serving = fake.serve("127.0.0.1:0").await;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("spec.toml"), SPEC).unwrap();
        std::fs::write(dir.path().join("bad.toml"), "nmae = 1\n").unwrap();
        Self { fake, serving, dir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("PANNIER_SCHEDULER", self.serving.url())
            .env_remove("PANNIER_LOG");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn pannier(&self, args: &[&str]) -> (i32, String, String) {
        ended(self.command(args).output().await.unwrap())
    }
}

fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn submitted() -> RunEventKind {
    RunEventKind::Submitted {
        name: "grocery".into(),
        steps: vec!["raw".into()],
    }
}

fn log(text: &str) -> RunEventKind {
    RunEventKind::Log {
        step: String::new(),
        text: text.into(),
    }
}

#[tokio::test]
async fn a_run_that_succeeds() {
    let world = World::new(vec![submitted(), log("hello"), RunEventKind::Succeeded]).await;
    let (code, out, err) = world.pannier(&["run", "spec.toml"]).await;
    assert_eq!(
        out,
        "  run run-1: grocery, 1 step\n  hello\n✓ run run-1 (grocery) succeeded in 2.0 s\n"
    );
    assert_eq!((code, err.as_str()), (0, ""));

    let (code, out, _) = world.pannier(&["run", "spec.toml", "--json"]).await;
    let offsets: Vec<u64> = out
        .lines()
        .map(|l| serde_json::from_str::<RunEvent>(l).unwrap().offset)
        .collect();
    assert_eq!((code, offsets), (0, vec![0, 1, 2]));

    let (code, out, _) = world.pannier(&["logs", "run-1", "--from", "1"]).await;
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            "     1  2023-11-14 22:13:21  hello\n     2  2023-11-14 22:13:22  succeeded\n"
        )
    );
}

#[tokio::test]
async fn a_run_that_fails() {
    let failed = RunEventKind::Failed {
        error: "no files match data/*.csv".into(),
    };
    let world = World::new(vec![submitted(), failed]).await;
    let (code, _, err) = world.pannier(&["run", "spec.toml"]).await;
    assert_eq!(
        (code, err.as_str()),
        (1, "error: run run-1 failed: no files match data/*.csv\n")
    );
    let (code, _, _) = world.pannier(&["logs", "--follow", "--from", "2"]).await;
    assert_eq!(code, 1);
    let (code, out, _) = world.pannier(&["retry", "run-1", "--follow", "-q"]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "✓ run run-1 (grocery) succeeded in 1.0 s\n")
    );
}

#[tokio::test]
async fn ctrl_c_cancels_a_run_and_detaches_from_a_submitted_one() {
    let world = World::new(vec![submitted()]).await;
    for (command, run, note) in [
        ("run", "run-1", "was cancelled"),
        ("submit", "run-2", "goes on"),
    ] {
        let args: &[&str] = if command == "run" {
            &["run", "spec.toml"]
        } else {
            &["submit", "spec.toml", "--follow"]
        };
        let mut child = world
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(
            lines.next_line().await.unwrap().unwrap(),
            format!("  run {run}: grocery, 1 step")
        );
        let pid = child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .await
                .unwrap()
                .success()
        );
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .await
            .unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(130), "{err}");
        assert!(err.contains(note), "{err}");
    }
    let (_, out, _) = world.pannier(&["list"]).await;
    assert!(
        out.contains("run-1  grocery  cancelled") && out.contains("run-2  grocery  running"),
        "{out}"
    );
}

#[tokio::test]
async fn a_run_cancelled_by_someone_else() {
    let world = World::new(vec![submitted()]).await;
    let child = world
        .command(&["run", "spec.toml"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while !world.fake.has("run-1") {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.pannier(&["cancel", "run-1"]).await.0, 0);
    assert_eq!(
        child.wait_with_output().await.unwrap().status.code(),
        Some(4)
    );
    assert_eq!(
        world.pannier(&["cancel", "run-1"]).await,
        (
            1,
            String::new(),
            "error: the scheduler refused: run `run-1` has ended\n".into()
        )
    );
}

#[tokio::test]
async fn bad_specs_and_bad_usage_are_2() {
    let world = World::new(vec![submitted(), RunEventKind::Succeeded]).await;
    for args in [
        &["run", "bad.toml"][..],
        &["plan", "bad.toml"],
        &["run", "none.toml"],
        &["sql", "drop table x"],
        &["run"],
        &["sql", "x", "--csv", "--json"],
        &["sql", "x", "--format", "parquet"],
        &["sql", "x", "-o", "answer.xlsx"],
        &["sql", "x", "-o", "answer.csv", "--format", "xlsx"],
        &["sql", "-f", "none.sql"],
    ] {
        let (code, out, err) = world.pannier(args).await;
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.starts_with("error: "), "{args:?}: {err}");
    }
    assert!(
        world
            .pannier(&["run", "bad.toml"])
            .await
            .2
            .contains("bad.toml:1:1")
    );
    let (code, out, err) = world.pannier(&["validate", "bad.toml", "--json"]).await;
    assert_eq!((code, err.as_str()), (2, ""));
    assert!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["errors"][0].is_string());
    let (code, _, err) = world.pannier(&["status", "none"]).await;
    assert_eq!(
        (code, err.as_str()),
        (1, "error: no run `none`; `pannier list` shows them\n")
    );
}

#[tokio::test]
async fn no_scheduler_is_3() {
    let world = World::new(vec![]).await;
    let (code, _, err) = world.pannier(&["list", "--scheduler", "127.0.0.1:1"]).await;
    assert_eq!(code, 3);
    assert!(
        err.starts_with("error: no scheduler answers at http://127.0.0.1:1 (Connection refused"),
        "{err}"
    );
}

#[tokio::test]
async fn answers_are_tables_json_or_csv() {
    let world = World::new(vec![submitted(), RunEventKind::Succeeded]).await;
    assert_eq!(
        world.pannier(&["submit", "spec.toml", "-q"]).await,
        (0, "run-1\n".into(), String::new())
    );
    let (_, out, _) = world.pannier(&["sql", "select 1"]).await;
    assert_eq!(
        out,
        "  n  item\n  1  milk\n200  null\n(2 rows; there are more, --limit says how many to show)\n"
    );
    let (_, out, err) = world.pannier(&["sql", "select 1", "--csv"]).await;
    assert_eq!(
        (out.as_str(), err.lines().count()),
        ("n,item\n1,milk\n200,\n", 1)
    );
    let place = world.dir.path().join("answer.jsonl");
    std::fs::write(world.dir.path().join("a.sql"), "select 1").unwrap();
    let written = world
        .pannier(&["sql", "-f", "a.sql", "-o", "answer.jsonl"])
        .await;
    assert_eq!((written.0, written.1.as_str()), (0, ""));
    assert_eq!(
        std::fs::read_to_string(&place).unwrap(),
        "{\"n\":1,\"item\":\"milk\"}\n{\"n\":200,\"item\":null}\n"
    );
    // A query that is refused leaves the file of before.
    let refused = world
        .pannier(&["sql", "drop table x", "-o", "answer.jsonl"])
        .await;
    assert_eq!(refused.0, 2);
    assert!(
        std::fs::read_to_string(&place)
            .unwrap()
            .starts_with("{\"n\"")
    );
    for args in [
        &["status"][..],
        &["list"],
        &["plan", "spec.toml"],
        &["validate", "spec.toml"],
        &["models"],
        &["gc", "--dry-run"],
        &["similar", "--model", "m", "--item", "milk"],
        &["recommend", "--model", "m", "--user", "u"],
        &["sql", "select 1"],
        &["tables"],
        &["tables", "show", "baskets"],
        &["version"],
        &["submit", "spec.toml"],
    ] {
        let (code, out, err) = world.pannier(&[args, &["--json"]].concat()).await;
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap();
        let (code, out, err) = world.pannier(args).await;
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(!out.is_empty() && !out.contains('\u{1b}'), "{args:?}");
    }
}
