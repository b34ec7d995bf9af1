//! What the feed costs and what it gives, on tables that it makes or on those of a warehouse. Every
//! comparison is made in one run, its sides in turns; JSON lines, medians of the rounds.
//!
//!     cargo build --release --workspace --examples
//!     target/release/examples/feed_bench speed      Flight against the same steps made in process
//!     target/release/examples/feed_bench shuffle    shuffled against unshuffled
//!     target/release/examples/feed_bench wire       bytes per pair: pairs against baskets
//!     target/release/examples/feed_bench latency    to the first batch, of ten million rows
//!     target/release/examples/feed_bench scale      two executors against one, a core each
//!     target/release/examples/feed_bench peer --warehouse W --transform pairs
//!
//! `--warehouse W` reads the largest `train_baskets` and `sequences` there instead of made ones.

mod data;
mod measure;
mod served;
mod sides;

use anyhow::{Context, Result, bail};
use pannier_proto::feed::FeedSpec;

use crate::data::{Source, pairs, sequences};
use crate::measure::{Sample, median};
use crate::served::{Server, serve_forever};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds that count; one more warms files and connections up.
const ROUNDS: u64 = 5;
/// Epochs of a round, where one is too short to be timed.
const EPOCHS: u64 = 5;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let what = args
        .next()
        .context("say what: speed, shuffle, wire, latency, scale or peer")?;
    let (mut warehouse, mut transform) = (None, "pairs".to_owned());
    while let Some(arg) = args.next() {
        let value = args
            .next()
            .with_context(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--warehouse" => warehouse = Some(value),
            "--transform" => transform = value,
            other => bail!("{other} is not known"),
        }
    }
    if what == "serve" {
        return serve_forever(&warehouse.context("serve needs --warehouse")?).await;
    }
    let source = Source::open(warehouse, &what).await?;
    match what.as_str() {
        "speed" => speed(&source).await,
        "shuffle" => shuffle(&source).await,
        "wire" => wire(&source).await,
        "latency" => latency(&source).await,
        "scale" => scale(&source).await,
        "peer" => peer(&source, &transform).await,
        other => bail!("{other} is not known"),
    }
}

/// Flight against in-process: nothing is kept, so that both decode every epoch.
async fn speed(source: &Source) -> Result<()> {
    let server = Server::start(&source.warehouse, 0).await?;
    let feeds = [
        ("pairs", pairs(&source.baskets)),
        ("sequences", sequences(&source.sequences)),
    ];
    for (name, feed) in feeds {
        source.put(&feed).await?;
        let (mut flight, mut here, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let through = sides::flight(&server.urls(), &feed, round, true).await?;
            let expanded = sides::flight(&server.urls(), &feed, round, false).await?;
            let direct = sides::in_process(&source.warehouse, &feed, round).await?;
            anyhow::ensure!(through.rows == direct.rows && expanded.rows == direct.rows);
            if round > 0 {
                through.print(name, "flight", round);
                expanded.print(name, "flight, transform on the executor", round);
                direct.print(name, "in process", round);
                flight.push(through.seconds);
                made.push(expanded.seconds);
                here.push(direct.seconds);
            }
        }
        let here = median(here);
        println!(
            "{{\"feed\":\"{name}\",\"throughput_of_in_process\":{:.2},\"with_transform_on_the_executor\":{:.2}}}",
            here / median(flight),
            here / median(made)
        );
    }
    Ok(())
}

/// Shuffled against unshuffled, the table read from storage and from memory.
async fn shuffle(source: &Source) -> Result<()> {
    for (kept, cache) in [("storage", 0), ("memory", 1 << 30)] {
        let server = Server::start(&source.warehouse, cache).await?;
        for (name, feed) in [
            ("pairs", pairs(&source.baskets)),
            ("sequences", sequences(&source.sequences)),
        ] {
            let plain = FeedSpec {
                shuffle: false,
                ..feed.clone()
            };
            source.put(&feed).await?;
            source.put(&plain).await?;
            let (mut shuffled, mut unshuffled) = (Vec::new(), Vec::new());
            for round in 0..=ROUNDS {
                let epochs = round * EPOCHS..(round + 1) * EPOCHS;
                let a = sides::epochs(&server.urls(), &feed, epochs.clone(), true).await?;
                let b = sides::epochs(&server.urls(), &plain, epochs, true).await?;
                if round > 0 {
                    shuffled.push(a.seconds);
                    unshuffled.push(b.seconds);
                }
            }
            println!(
                "{{\"feed\":\"{name}\",\"from\":\"{kept}\",\"shuffled_s\":{:.3},\"unshuffled_s\":{:.3},\"time_of_unshuffled\":{:.2}}}",
                median(shuffled.clone()),
                median(unshuffled.clone()),
                median(shuffled) / median(unshuffled)
            );
        }
    }
    Ok(())
}

/// Pairs on the wire against baskets on the wire, by how long baskets are.
async fn wire(source: &Source) -> Result<()> {
    let server = Server::start(&source.warehouse, 1 << 30).await?;
    for window in [Some(5), None] {
        let feed = data::pairs_of(&source.baskets, window);
        source.put(&feed).await?;
        let window = window.map_or("basket".to_owned(), |w| w.to_string());
        let mut medians = Vec::new();
        for (side, gathered) in [("baskets", true), ("pairs", false)] {
            let mut rounds: Vec<Sample> = Vec::new();
            for round in 0..=ROUNDS {
                rounds.push(sides::flight(&server.urls(), &feed, round, gathered).await?);
            }
            let last = rounds.pop().context("there are rounds")?;
            let seconds = median(rounds.iter().skip(1).map(|s| s.seconds).collect());
            println!(
                "{{\"window\":\"{window}\",\"on_the_wire\":\"{side}\",\"pairs\":{},\"bytes_per_pair\":{:.2},\"seconds\":{seconds:.3},\"cpu_seconds\":{:.3}}}",
                last.rows,
                last.bytes as f64 / last.rows as f64,
                median(rounds.iter().map(|s| s.cpu).collect())
            );
            medians.push(seconds);
        }
        println!(
            "{{\"window\":\"{window}\",\"baskets_are_faster\":{:.2}}}",
            medians[1] / medians[0]
        );
    }
    Ok(())
}

/// From asking to the first batch: at the start, and at steps anywhere.
async fn latency(source: &Source) -> Result<()> {
    let server = Server::start(&source.warehouse, 0).await?;
    let feed = pairs(&source.baskets);
    source.put(&feed).await?;
    let steps = feed.steps();
    // The definition is read once in an executor's life; connections are there.
    sides::first(&server.urls(), &feed, (0, 0)).await?;
    for (name, resume) in [("start of an epoch", false), ("resume at any step", true)] {
        let mut times = Vec::new();
        for i in 1..=20u64 {
            let at = if resume {
                pannier_proto::feed::mix(i) % steps
            } else {
                0
            };
            times.push(sides::first(&server.urls(), &feed, (i, at)).await?);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{{\"first_batch\":\"{name}\",\"rows_of_table\":{},\"median_ms\":{:.1},\"slowest_ms\":{:.1}}}",
            feed.rows(),
            times[times.len() / 2] * 1e3,
            times[times.len() - 1] * 1e3
        );
    }
    Ok(())
}

/// Executors that are processes of their own, each on a core of its own.
async fn scale(source: &Source) -> Result<()> {
    let feed = data::heavy(&source.baskets);
    source.put(&feed).await?;
    let one = Server::spawn(&source.root(), 0)?;
    let two = Server::spawn(&source.root(), 1)?;
    let both = [one.urls(), two.urls()].concat();
    let (mut single, mut double, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let a = sides::flight(&one.urls(), &feed, round, false).await?;
        let before = one.cpu() + two.cpu();
        let b = sides::flight(&both, &feed, round, false).await?;
        let worked = (one.cpu() + two.cpu() - before) / (2.0 * b.seconds);
        anyhow::ensure!(a.rows == b.rows);
        if round > 0 {
            a.print("sql", "one executor", round);
            b.print("sql", "two executors", round);
            single.push(a.seconds);
            double.push(b.seconds);
            busy.push(worked);
        }
    }
    println!(
        "{{\"feed\":\"sql\",\"two_executors_are_faster\":{:.2},\"busy_share_of_the_two\":{:.2}}}",
        median(single) / median(double),
        median(busy)
    );
    Ok(())
}

/// One side of the comparison with other loaders: epochs until a second has passed, each round.
async fn peer(source: &Source, transform: &str) -> Result<()> {
    let feed = match transform {
        "pairs" => pairs(&source.baskets),
        "sequences" => sequences(&source.sequences),
        other => bail!("--transform is pairs or sequences, not {other}"),
    };
    source.put(&feed).await?;
    // Nobody keeps decoded rows between epochs.
    let server = Server::start(&source.warehouse, 0).await?;
    let mut epoch = 0;
    for round in 0..=ROUNDS {
        let mut sum: Option<Sample> = None;
        let mut epochs = 0;
        while sum.is_none_or(|s| s.seconds < 1.0) {
            let sample = sides::flight(&server.urls(), &feed, epoch, true).await?;
            sum = Some(sum.map_or(sample, |s| s.plus(&sample)));
            (epoch, epochs) = (epoch + 1, epochs + 1);
        }
        if let Some(sum) = sum.filter(|_| round > 0) {
            println!(
                "{{\"side\":\"pannier\",\"feed\":\"{transform}\",\"round\":{round},\"rows\":{},\"seconds\":{:.4},\"digest_sum\":{}}}",
                sum.rows / epochs,
                sum.seconds / epochs as f64,
                sum.items / epochs
            );
        }
    }
    Ok(())
}
