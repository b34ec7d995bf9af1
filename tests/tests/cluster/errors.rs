//! What goes wrong is said in a sentence that names the place, with the right exit code.

use std::path::Path;

use anyhow::{Context, ensure};
use pannier_proto::event::RunEventKind;
use pannier_tests::{Cluster, Options, Ran, on_cluster, ran, sh, shared};

const TABLES: Options = Options {
    executors: 2,
    trainers: 0,
    tables: true,
};

/// Neither a backtrace nor the debug form of a type.
fn is_clean(ran: &Ran) -> bool {
    ["panicked", "backtrace", "RUST_", "Error(", "Os {"]
        .iter()
        .all(|w| !ran.err.contains(w) && !ran.out.contains(w))
}

#[tokio::test]
async fn a_bad_spec_names_file_line_key_and_the_nearest() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    let faults: [(&str, &str, &[&str]); 5] = [
        (
            "test_weeks = 3",
            "tset_weeks = 3",
            &[
                "bad.toml:13:1",
                "unknown key `tset_weeks`",
                "did you mean `test_weeks`?",
            ],
        ),
        (
            "seed = 7",
            "seed = \"x\"",
            &["bad.toml:2:8", "`seed` must be an integer", "found \"x\""],
        ),
        (
            "dunnhumby-lgsr",
            "dunhumby-lgsr",
            &[
                "bad.toml:5:10",
                "`layout`",
                "did you mean `dunnhumby-lgsr`?",
            ],
        ),
        (
            "/raw\"",
            "/nowhere\"",
            &[
                "bad.toml:6:8",
                "no file matches",
                "/nowhere/transactions_*.csv*",
            ],
        ),
        (
            "test_weeks = 3",
            "test_weeks = 30",
            &[
                "bad.toml:13:14",
                "30 weeks are held out, but the source has 24",
            ],
        ),
    ];
    for (right, wrong, fragments) in faults {
        std::fs::write(
            dir.path().join("bad.toml"),
            shared.spec.replace(right, wrong),
        )?;
        for command in ["run", "validate"] {
            let answer = ran(dir.path(), &[command, "bad.toml"])?;
            assert_eq!(answer.code, Some(2), "{wrong}: {answer:?}");
            for fragment in fragments {
                ensure!(answer.err.contains(fragment), "{fragment}: {}", answer.err);
            }
            ensure!(is_clean(&answer), "{answer:?}");
        }
    }
    // Nothing was begun.
    let tables = dir.path().join("pannier-data/warehouse/tables");
    ensure!(!std::fs::exists(tables)?, "a table was made");
    let missing = ran(dir.path(), &["run", "none.toml"])?;
    ensure!(
        missing.code == Some(2) && missing.err.contains("cannot read the spec none.toml"),
        "{missing:?}"
    );
    Ok(())
}

/// Submits a changed spec and follows it; it must fail.
fn fails(cluster: &Cluster, spec: &str) -> anyhow::Result<Ran> {
    std::fs::write(cluster.dir.path().join("changed.toml"), spec)?;
    let answer = cluster.ran(&["submit", "changed.toml", "--follow"])?;
    ensure!(answer.code == Some(1) && is_clean(&answer), "{answer:?}");
    Ok(answer)
}

/// Submits a changed spec; it must be refused before anything is begun.
fn refused(cluster: &Cluster, spec: &str) -> anyhow::Result<Ran> {
    std::fs::write(cluster.dir.path().join("changed.toml"), spec)?;
    let answer = cluster.ran(&["submit", "changed.toml", "--follow"])?;
    ensure!(answer.code == Some(2) && is_clean(&answer), "{answer:?}");
    ensure!(answer.err.contains("changed.toml:"), "{}", answer.err);
    Ok(answer)
}

#[tokio::test]
async fn a_failing_check_stops_the_run_before_it_learns() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, shared| {
        let check = |sql: &str| format!("{}\n[[check]]\nname = \"mine\"\nsql = \"{sql}\"\nseverity = \"fail\"\n", shared.spec);
        let typo = refused(cluster, &check("select bascket_id from transactions"))?;
        for word in ["the SQL of check `mine` is wrong", "bascket_id", "transactions.basket_id"] {
            ensure!(typo.err.contains(word), "{word}: {}", typo.err);
        }
        let stolen = cluster.dir.path().join("stolen.csv").display().to_string();
        let writes = refused(cluster, &check(&format!("copy transactions to '{stolen}'")))?;
        ensure!(writes.err.contains("the SQL of check `mine` is wrong"), "{}", writes.err);
        ensure!(!std::fs::exists(&stolen)?, "a check wrote a file");
        let offending = fails(cluster, &check("select basket_id, quantity from transactions where quantity > 3"))?;
        ensure!(offending.err.contains("check `mine`:"), "{}", offending.err);
        ensure!(offending.out.contains("basket_id") && offending.out.contains("quantity"), "{}", offending.out);

        let strict = shared.spec.replace("[prepare]", "max_reject_share = 0.0001\n[prepare]").replace("\n\nmax_reject", "\nmax_reject");
        let rejects = fails(cluster, &strict)?;
        ensure!(rejects.err.contains("share of rejects"), "{}", rejects.err);
        for word in ["transactions_", "file", "line", "reason", "text"] {
            ensure!(rejects.out.contains(word), "{word}: {}", rejects.out);
        }
        for run in cluster.client().await?.list(10).await? {
            let learned = cluster.events(&run.run_id).await?.into_iter().any(|e| {
                matches!(e.kind, RunEventKind::StepStarted { step, .. } if step.starts_with("train:") || step == "table:vocab")
            });
            ensure!(!learned, "run {} learned something", run.run_id);
        }
        Ok(())
    })
    .await
}

fn copy_cut(from: &Path, to: &Path) -> anyhow::Result<String> {
    std::fs::create_dir_all(to)?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        names.push(entry.file_name().to_string_lossy().into_owned());
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    names.sort();
    let victim = names
        .iter()
        .find(|n| n.ends_with(".csv.gz"))
        .context("a gzip file")?;
    let bytes = std::fs::read(to.join(victim))?;
    std::fs::write(to.join(victim), &bytes[..bytes.len() / 2])?;
    Ok(victim.clone())
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_named() -> anyhow::Result<()> {
    let options = Options {
        tables: false,
        ..TABLES
    };
    on_cluster(options, async |cluster, shared| {
        let cut = cluster.dir.path().join("cut");
        let victim = copy_cut(&shared.raw, &cut)?;
        let spec = shared.tables_spec.replace(
            &shared.raw.display().to_string(),
            &cut.display().to_string(),
        );
        let answer = fails(cluster, &spec)?;
        ensure!(
            answer
                .err
                .contains(&format!("{victim}` cannot be read to its end")),
            "{}",
            answer.err
        );
        ensure!(answer.err.lines().count() == 1, "{}", answer.err);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn nobody_answers() -> anyhow::Result<()> {
    let _turn = shared()?;
    let dir = tempfile::tempdir()?;
    let scheduler = ["--scheduler", "http://127.0.0.1:1"];
    let list = ran(dir.path(), &[&["list"], &scheduler[..]].concat())?;
    ensure!(
        list.code == Some(3) && list.err.lines().count() == 1,
        "{list:?}"
    );
    ensure!(
        list.err
            .contains("no scheduler answers at http://127.0.0.1:1"),
        "{list:?}"
    );
    let mut args = vec!["executor", "--set", "connect_timeout=1s"];
    for port in ["feed_port=0", "task_port=0", "shuffle_port=0"] {
        args.extend(["--set", port]);
    }
    let executor = ran(dir.path(), &[&args, &scheduler[..]].concat())?;
    ensure!(
        executor.code == Some(1) && executor.err.lines().count() == 1,
        "{executor:?}"
    );
    ensure!(
        executor
            .err
            .contains("no scheduler answers at http://127.0.0.1:1"),
        "{executor:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_said_in_one_sentence() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("disk"))?;
    std::fs::write(dir.path().join("spec.toml"), &shared.spec)?;
    // A mount of our own, gone with the shell.
    let own = "unshare --map-root-user --mount sh -c";
    let mount = |size: &str| format!("mount -t tmpfs -o size={size} tmpfs disk");
    if sh(dir.path(), &format!("{own} '{}'", mount("1m")))?.code != Some(0) {
        eprintln!("skipped: this machine lets nobody mount a small disk");
        return Ok(());
    }
    // Too small for shuffle files, and too small for the run's log.
    for size in ["2m", "200k"] {
        let run = r#"timeout 60 "$PANNIER" run spec.toml --data disk/data"#;
        let answer = sh(dir.path(), &format!("{own} '{} && {run}'", mount(size)))?;
        assert_eq!(answer.code, Some(1), "{size}: {answer:?}");
        ensure!(is_clean(&answer), "{size}: {answer:?}");
        let last = answer.err.lines().last().unwrap_or_default();
        ensure!(
            last.contains("no space is left") || last.contains("disk is full"),
            "{size}: {answer:?}"
        );
    }
    Ok(())
}
