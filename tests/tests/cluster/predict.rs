//! `pannier predict`: everybody's lists of a published model, of the source as it is by then.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use pannier_proto::event::{RunEvent, RunEventKind, StepOutcome};
use pannier_tests::{Options, Ran, eventually, on_cluster, ran};
use serde_json::Value;

/// A model of sequences and one of counts.
const SPEC: &str = r#"name = "shop"
seed = 3
[source]
layout = "transactions"
path = "raw"
[source.columns]
user_id = "user"
basket_id = "basket"
item_id = "item"
ordered_at = "at"
[prepare]
profile = false
[split]
by = "last-basket"
[evaluate]
k = [3]
[[train]]
name = "next"
model = "attention-lstm"
params = { embedding = 8, hidden = 16, attention = 8, epochs = 2, batch = 16 }
[[train]]
name = "factors"
model = "als"
params = { factors = 8, iterations = 3 }
"#;

const HEAD: &str = "user,basket,at,item\n";

/// Thirty users, each with five baskets of three out of seven items.
fn first() -> String {
    let mut lines = HEAD.to_owned();
    for user in 0..30 {
        for basket in 0..5 {
            let at = format!("2024-0{}-1{}", 1 + basket, user % 10);
            for i in 0..3 {
                let item = (user + basket * i * i) % 7;
                lines += &format!("u{user:02},b{user:02}-{basket},{at} 10:00:00,item {item}\n");
            }
        }
    }
    lines
}

/// A newer basket of one who is known, one of a newcomer, and one of a newcomer who buys what is new.
const LATER: &str = "user,basket,at,item\n\
    u00,b00-9,2024-07-01 10:00:00,item 6\n\
    fresh,bf-0,2024-07-02 10:00:00,item 1\n\
    late,bl-0,2024-07-03 10:00:00,never seen\n";

/// Trains both models and then puts newer baskets into the source.
fn trained(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir(folder.join("raw"))?;
    fs::write(folder.join("raw/1.csv"), first())?;
    let raw = folder.join("raw").display().to_string();
    let spec = SPEC.replace("\"raw\"", &format!("{raw:?}"));
    fs::write(folder.join("shop.toml"), spec)?;
    ran(folder, &["run", "shop.toml", "--data", "d"])?.good()?;
    fs::write(folder.join("raw/2.csv"), LATER)?;
    Ok(())
}

/// A command on the data of `trained`.
fn on(folder: &Path, line: &str) -> anyhow::Result<Ran> {
    let args: Vec<&str> = line.split(' ').chain(["--data", "d"]).collect();
    ran(folder, &args)
}

/// The events of a command that prints them.
fn events(out: &str) -> anyhow::Result<Vec<RunEvent>> {
    let events = out.lines().map(serde_json::from_str);
    Ok(events.collect::<Result<_, _>>()?)
}

/// A step's outcome, and whether it was there already.
fn finished(events: &[RunEvent], name: &str) -> anyhow::Result<(StepOutcome, bool)> {
    let mut events = events.iter();
    let finished = events.find_map(|event| match &event.kind {
        RunEventKind::StepFinished {
            step,
            result,
            skipped,
            ..
        } if step == name => Some((result.clone(), *skipped)),
        _ => None,
    });
    finished.with_context(|| format!("{name} is not finished"))
}

#[test]
fn lists_are_of_the_newest_baskets_and_users_are_answered_from_them() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    trained(folder)?;
    let ask = |user: &str, more: &str| -> anyhow::Result<Value> {
        let line = format!("recommend --model shop-next --user {user} --json{more}");
        Ok(serde_json::from_str(&on(folder, &line)?.good()?)?)
    };
    let none = on(folder, "recommend --model shop-next --user u00")?;
    ensure!(
        none.code == Some(1) && none.err.contains("`pannier predict --model shop-next@1`"),
        "{none:?}"
    );

    // All seven items stand in every list.
    let predict = "predict --model shop-next --top 7 --json";
    let first = events(&on(folder, predict)?.good()?)?;
    let StepOutcome::Listed {
        users, rows, table, ..
    } = finished(&first, "recommend:next")?.0
    else {
        anyhow::bail!("no lists");
    };
    assert_eq!((users, rows), (32, 32 * 7));
    assert_eq!(table, "recommendations_shop_next");
    ensure!(
        finished(&first, "table:vocab")?.1,
        "the vocab was made anew"
    );
    ensure!(!finished(&first, "table:transactions")?.1);

    let sql = |query: &str| -> anyhow::Result<String> {
        let args = ["sql", query, "--csv", "--data", "d"];
        ran(folder, &args)?.good()
    };
    let known = format!(
        "select user_id, min(cast(known as int)) as known, max(rank) as n from {table} where user_id in ('u00', 'fresh', 'late') group by user_id order by user_id"
    );
    assert_eq!(
        sql(&known)?,
        "user_id,known,n\nfresh,1,7\nlate,0,7\nu00,1,7\n"
    );
    let bought = format!("select item_id, bought from {table} where user_id = 'fresh' and bought");
    assert_eq!(sql(&bought)?, "item_id,bought\nitem 1,true\n");
    // What the model was trained on keeps its names.
    let held = sql("select count(distinct split) as n from splits")?;
    assert_eq!(held, "n\n2\n");

    let answer = ask("u00", "")?;
    let listed = format!("select item_id, score from {table} where user_id = 'u00' order by rank");
    let listed = sql(&listed)?;
    let items = answer["items"].as_array().context("items")?;
    let ids: Vec<&str> = items.iter().filter_map(|i| i["item_id"].as_str()).collect();
    let expected = listed.lines().skip(1).filter_map(|l| l.split(',').next());
    assert_eq!(ids, expected.collect::<Vec<_>>());
    ensure!(answer["unknown"] == false && answer["probabilities"] == true);
    let run = &first[0].run_id;
    ensure!(answer["listed_by"] == run.as_str(), "{answer}");
    let new = ask("fresh", " --new-only")?;
    let new = new["items"].as_array().context("items")?;
    ensure!(
        new.iter().all(|item| item["bought"] == false) && new.len() == 6,
        "{new:?}"
    );
    for stranger in ["late", "nobody"] {
        let answer = ask(stranger, " --top 2")?;
        let popular = sql("select item_id from vocab order by item_idx limit 2")?;
        let ids = answer["items"].as_array().context("items")?.iter();
        let ids: Vec<&str> = ids.filter_map(|i| i["item_id"].as_str()).collect();
        assert_eq!(ids, popular.lines().skip(1).collect::<Vec<_>>());
        ensure!(answer["unknown"] == true, "{answer}");
    }

    // The same again is there, and lists of another length are others.
    let again = events(&on(folder, predict)?.good()?)?;
    let (outcome, skipped) = finished(&again, "recommend:next")?;
    ensure!(skipped && outcome == finished(&first, "recommend:next")?.0);
    on(
        folder,
        "predict --model shop-next --top 2 --new-only -o new.csv -q",
    )?
    .good()?;
    let new = fs::read_to_string(folder.join("new.csv"))?;
    let mut lines = new.lines();
    assert_eq!(
        lines.next(),
        Some("user_id,rank,item_id,score,bought,known")
    );
    ensure!(lines.clone().any(|line| line.starts_with("fresh,2,")));
    ensure!(lines.all(|line| line.contains(",false,") && !line.starts_with("u00,")));
    Ok(())
}

#[test]
fn a_model_of_counts_lists_those_too_of_whom_it_knows_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    trained(folder)?;
    let line = "predict --model shop-factors@1 --top 3 -o lists.jsonl -q";
    on(folder, line)?.good()?;
    let lines = fs::read_to_string(folder.join("lists.jsonl"))?;
    let rows = lines.lines().map(serde_json::from_str);
    let rows: Vec<Value> = rows.collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), 32 * 3);
    let of = |user: &str| -> Vec<(bool, &str)> {
        let rows = rows.iter().filter(|row| row["user_id"] == user);
        let row = |row: &'_ Value| row["known"] == true;
        rows.map(|r| (row(r), r["item_id"].as_str().unwrap_or_default()))
            .collect()
    };
    ensure!(of("u00").iter().chain(&of("fresh")).all(|row| row.0));
    let popular = on(folder, "sql select\u{a0}item_id\u{a0}from\u{a0}vocab\u{a0}order\u{a0}by\u{a0}item_idx\u{a0}limit\u{a0}3 --csv")?.good()?;
    let popular = popular.lines().skip(1).map(|id| (false, id));
    assert_eq!(of("late"), popular.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn what_cannot_be_predicted_is_said() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    let nothing = on(folder, "predict --model shop-next")?;
    ensure!(
        nothing.code == Some(1) && nothing.err.contains("nothing has run in d yet"),
        "{nothing:?}"
    );
    trained(folder)?;
    let pairs =
        "[[train]]\nname = \"pairs\"\nmodel = \"prod2vec\"\nparams = { dim = 8, epochs = 1 }\n";
    let spec = fs::read_to_string(folder.join("shop.toml"))? + pairs;
    fs::write(folder.join("shop.toml"), spec)?;
    ran(folder, &["run", "shop.toml", "--data", "d"])?.good()?;
    for (line, code, said) in [
        (
            "predict --model shap-next",
            1,
            "there is no model `shap-next`",
        ),
        (
            "predict --model shop-next@7",
            1,
            "there is no version or alias `7`",
        ),
        (
            "predict --model shop-pairs",
            1,
            "ranks for baskets and not for users",
        ),
        (
            "recommend --model shop-pairs --user u00",
            1,
            "knows items and no users",
        ),
        (
            "recommend --model shop-next --item milk",
            1,
            "leave out --item",
        ),
        (
            "predict --model shop-next --set train[0].name=x",
            1,
            "`train[0].name` cannot be set here",
        ),
        (
            "predict --model shop-next --set source.pth=x",
            2,
            "did you mean `path`?",
        ),
        (
            "predict --model shop-next -o lists.txt",
            2,
            "none of .parquet, .csv and .jsonl",
        ),
    ] {
        let wrong = on(folder, line)?;
        ensure!(
            wrong.code == Some(code) && wrong.err.contains(said),
            "{line}: {wrong:?}"
        );
    }
    fs::rename(folder.join("raw"), folder.join("elsewhere"))?;
    let gone = on(folder, "predict --model shop-next")?;
    ensure!(
        gone.code == Some(1)
            && gone
                .err
                .contains("the source of shop-next@2, as its spec names it"),
        "{gone:?}"
    );
    let from = format!(
        "predict --model shop-next -q --set source.path={}",
        folder.join("elsewhere").display()
    );
    on(folder, &from)?.good()?;
    Ok(())
}

#[tokio::test]
async fn a_killed_trainer_changes_no_byte_of_lists() -> anyhow::Result<()> {
    let alone = tempfile::tempdir()?;
    trained(alone.path())?;
    let line = "predict --model shop-next --top 4 -o lists.csv -q";
    on(alone.path(), line)?.good()?;
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, _| {
        let folder = cluster.dir.path().to_owned();
        let raw = folder.join("raw");
        fs::create_dir(&raw)?;
        fs::write(raw.join("1.csv"), first())?;
        let raw_path = raw.display().to_string();
        let spec = SPEC.replace("\"raw\"", &format!("{raw_path:?}"));
        fs::write(folder.join("shop.toml"), spec)?;
        let run = cluster.submit("shop.toml")?;
        cluster.succeeded(&run).await?;
        fs::write(raw.join("2.csv"), LATER)?;

        cluster.trainers[0].kill()?;
        cluster.ready(2, 0).await?;
        let args = ["predict", "--model", "shop-next", "--top", "4", "-o", "lists.csv"];
        let args = [&args[..], &["--key", "tonight"]].concat();
        let _command = cluster.command(&args)?;
        let client = cluster.client().await?;
        let predicts = eventually(PATIENCE, "the run is there", async || {
            let runs = client.list(1).await.ok()?;
            runs.into_iter().find(|r| r.name == "predict-shop-next")
        });
        let run = predicts.await?.run_id;
        let says = |text: &'static str| {
            move |kind: &RunEventKind| matches!(kind, RunEventKind::Log { step, text: said }
                if step == LISTS && said.starts_with(text))
        };
        cluster.event(&run, "all is there but a trainer", says("waits for a trainer")).await?;
        // A trainer that takes the work gets no users until it is killed.
        for executor in &mut cluster.executors {
            executor.signal("STOP")?;
        }
        cluster.add_trainer()?;
        cluster.event(&run, "the trainer has the work", says("attempt 1 on trainer")).await?;
        let table = cluster.warehouse().join("tables/recommendations_shop_next");
        ensure!(!table.exists(), "lists before they are written");
        cluster.trainers[1].kill()?;
        let lost = |kind: &RunEventKind| matches!(kind, RunEventKind::StepLost { step, .. } if step == LISTS);
        cluster.event(&run, "the lost attempt", lost).await?;
        for executor in &mut cluster.executors {
            executor.signal("CONT")?;
        }
        cluster.add_trainer()?;
        let (events, _) = cluster.succeeded(&run).await?;

        let path = |events: &[RunEvent]| match finished(events, LISTS) {
            Ok((StepOutcome::Listed { path, .. }, _)) => Ok(path),
            other => anyhow::bail!("{other:?}"),
        };
        let file = fs::read(cluster.warehouse().join(path(&events)?))?;
        let there = folder_named(&alone.path().join("d/warehouse/runs"), "predict-shop-next")?;
        let same = there.join("recommendations/next/recommendations.parquet");
        ensure!(file == fs::read(same)?, "the lists differ");
        // The same key is the same run, and its lists can be had again.
        let again = [&args[..6], &["again.csv", "--quiet"], &args[7..]].concat();
        cluster.ran(&again)?.good()?;
        let csv = fs::read(folder.join("again.csv"))?;
        ensure!(csv == fs::read(alone.path().join("lists.csv"))?);
        assert_eq!(client.list(10).await?.len(), 2);
        Ok(())
    })
    .await
}

const LISTS: &str = "recommend:next";
/// Until a command has been heard.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The folder whose name begins so.
fn folder_named(parent: &Path, begins: &str) -> anyhow::Result<std::path::PathBuf> {
    let entries = fs::read_dir(parent)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths = entries.iter().map(fs::DirEntry::path);
    let named = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(begins)
    };
    paths.find(named).with_context(|| format!("no {begins}"))
}
