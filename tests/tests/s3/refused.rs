//! What no retry helps against is said at once, with what to do, and without a secret.

use std::path::Path;

use anyhow::ensure;
use pannier_tests::{Ran, finished, shared};

use crate::faults::Faults;
use crate::server::{BUCKET, S3, SECRET};

const SPEC: &str = r#"name = "small"
[source]
layout = "dunnhumby-lgsr"
path = "PATH"
[split]
test_weeks = 2
"#;

/// Says why, and nothing that is secret.
fn said(ran: &Ran, words: &[&str]) -> anyhow::Result<()> {
    ensure!(ran.code.is_some_and(|c| c != 0), "{ran:?}");
    let text = format!("{}{}", ran.out, ran.err);
    for word in words {
        ensure!(text.contains(word), "no `{word}` in: {text}");
    }
    for secret in [SECRET, "not-the-secret"] {
        ensure!(!text.contains(secret), "`{secret}` is in: {text}");
    }
    ensure!(!text.contains('\u{3c}'), "the server's XML is in: {text}");
    Ok(())
}

#[test]
fn a_bucket_that_cannot_be_used_is_an_error_with_advice() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    let s3 = S3::start(&dir.path().join("s3"), Faults::default())?;
    s3.upload(&shared.raw, "raw")?;
    let validate = |path: &str, env: &[(&str, &str)]| {
        std::fs::write(dir.path().join("spec.toml"), SPEC.replace("PATH", path))?;
        let mut command = s3.command(dir.path())?;
        finished(
            command
                .args(["validate", "spec.toml"])
                .envs(env.iter().copied()),
        )
    };
    let raw = &format!("s3://{BUCKET}/raw");
    ensure!(validate(raw, &[])?.code == Some(0));
    let some = format!("{raw}/transactions_*.csv.gz");
    ensure!(validate(&some, &[])?.code == Some(0));

    let wrong = [("AWS_SECRET_ACCESS_KEY", "not-the-secret")];
    said(
        &validate(raw, &wrong)?,
        &["spec.toml:4:8", "s3://lake", "AWS_ACCESS_KEY_ID"],
    )?;
    let plain = [("AWS_ALLOW_HTTP", "false")];
    said(
        &validate(raw, &plain)?,
        &["spec.toml:4:8", "AWS_ALLOW_HTTP=true"],
    )?;
    said(
        &validate("s3://no-such/raw", &[])?,
        &["spec.toml:4:8", "no such bucket"],
    )?;
    said(
        &validate(&format!("{raw}/none_*.csv"), &[])?,
        &["spec.toml:4:8", "no file matches", "none_*.csv"],
    )?;
    said(
        &validate("gs://lake/raw", &[])?,
        &["spec.toml:4:8", "s3://bucket/prefix"],
    )?;
    said(
        &validate("s3://key:hidden@lake/raw", &[])?,
        &["spec.toml:4:8", "AWS_ACCESS_KEY_ID"],
    )?;

    // A warehouse that cannot be used stops the scheduler before it starts.
    let refused = |root: &str, env: &[(&str, &str)]| {
        std::fs::write(dir.path().join("spec.toml"), SPEC.replace("PATH", raw))?;
        let mut command = s3.command(dir.path())?;
        command.args(["validate", "spec.toml", "--warehouse", root]);
        finished(command.envs(env.iter().copied()))
    };
    said(
        &refused("s3://lake/w", &wrong)?,
        &["s3://lake", "AWS_ACCESS_KEY_ID"],
    )?;
    said(
        &refused("s3://no-such/w", &[])?,
        &["s3://no-such", "no such bucket"],
    )?;
    said(
        &refused("ftp://lake/w", &[])?,
        &["warehouse", "s3://bucket/prefix"],
    )?;
    Ok(())
}

fn files(folder: &Path) -> anyhow::Result<usize> {
    let mut count = 0;
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            count += if path.is_dir() { files(&path)? } else { 1 };
        }
    }
    Ok(count)
}

#[test]
fn a_source_that_does_not_stay_as_it_was_ends_the_run() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    let s3 = S3::start(&dir.path().join("s3"), Faults::default())?;
    let raw = shared.raw.display().to_string();
    let spec = shared
        .tables_spec
        .replace(&raw, &format!("s3://{BUCKET}/raw"));
    std::fs::write(dir.path().join("spec.toml"), spec)?;
    for fault in ["changed", "is gone"] {
        s3.upload(&shared.raw, "raw")?;
        let folder = s3.bucket.join("raw");
        let mut names: Vec<_> = std::fs::read_dir(&folder)?
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".csv.gz"))
            .collect();
        names.sort();
        let victim = folder.join(&names[1]);
        let (path, other) = (victim.clone(), folder.join(&names[0]));
        // The reader has seen the object and now asks for its bytes.
        let read = format!("GET /{BUCKET}/raw/{}", names[1]);
        s3.proxy.before(&read, move || match fault {
            "changed" => drop(std::fs::copy(other, path).unwrap()),
            _ => std::fs::remove_file(path).unwrap(),
        });
        let ran = s3.ran(dir.path(), &["run", "spec.toml"])?;
        let url = format!("`s3://{BUCKET}/raw/{}` {fault} after", names[1]);
        said(&ran, &[&url, "submit the run again"])?;
        ensure!(ran.code == Some(1), "{ran:?}");
        let tables = dir
            .path()
            .join("pannier-data/warehouse/tables/transactions");
        ensure!(
            files(&tables)? == 0,
            "parts of files that the version is not of"
        );
    }
    Ok(())
}
