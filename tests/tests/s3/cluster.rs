//! A cluster that shares nothing but a bucket.

use std::path::Path;
use std::time::Duration;

use pannier_client::Client;
use pannier_tests::{Process, eventually, shared};

use crate::faults::Faults;
use crate::server::{BUCKET, S3};
use crate::whole::{outcome, without_versions};

/// Until processes have found each other.
const SOON: Duration = Duration::from_secs(40);

/// Starts a role in a folder of its own.
fn role(s3: &S3, folder: &Path, name: &str, args: &[String]) -> anyhow::Result<Process> {
    let own = folder.join(name);
    std::fs::create_dir(&own)?;
    let role = name.trim_end_matches(char::is_numeric);
    let mut command = s3.command(&own)?;
    Process::spawn(&own, name, command.arg(role).args(args))
}

fn sets(sets: &[String]) -> Vec<String> {
    let each = sets.iter().flat_map(|s| ["--set".to_owned(), s.clone()]);
    each.collect()
}

#[test]
fn roles_need_no_folder_in_common() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    let faults = Faults {
        slow_down: 11,
        cut: 5,
        lost: 7,
    };
    let s3 = S3::start(&dir.path().join("s3"), faults)?;
    s3.upload(&shared.raw, "raw")?;
    let raw = shared.raw.display().to_string();
    let spec = shared.spec.replace(&raw, &format!("s3://{BUCKET}/raw"));
    std::fs::write(dir.path().join("spec.toml"), spec)?;

    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    drop(listener);
    let url = format!("http://{address}");
    let warehouse = format!("warehouse=s3://{BUCKET}/w");
    let patience = "store.backoff=5ms".to_owned();
    let _scheduler = role(
        &s3,
        dir.path(),
        "scheduler",
        &sets(&[
            format!("listen={address}"),
            warehouse.clone(),
            patience.clone(),
        ]),
    )?;
    let others = ["executor1", "executor2", "trainer"].map(|name| {
        let mut set = vec![format!("scheduler={url}"), patience.clone()];
        if name != "trainer" {
            let ports = ["feed_port=0", "shuffle_port=0", "task_port=0", "vcores=1"];
            set.extend(ports.map(str::to_owned));
            set.push(warehouse.clone());
        }
        role(&s3, dir.path(), name, &sets(&set))
    });
    let _others: Vec<Process> = others.into_iter().collect::<Result<_, _>>()?;
    let answers = async || Client::connect(&url).await.ok();
    s3.wait(eventually(SOON, "a scheduler that answers", answers))?;
    let submit = [
        "--scheduler",
        &url,
        "submit",
        "spec.toml",
        "--follow",
        "--json",
    ];
    let made = outcome(s3.ran(dir.path(), &submit)?, &s3.bucket.join("w"))?;
    assert_eq!(without_versions(&made), without_versions(&shared.outcome));
    assert_eq!(made.metrics, shared.outcome.metrics);
    assert!(s3.proxy.count("lost") > 3 && s3.proxy.count("slow-down") > 10);
    Ok(())
}
