//! How long an iteration of ALS takes, on entries from a file, and what comes of it.
//!
//!     als_speed ENTRIES FACTORS [--iterations 5] [--alpha 40] [--regularization 0.01] [--threads 2]
//!               [--solver conjugate|cholesky|blocks] [--steps 3] [--block 64] [--top 10]
//!               [--feedback implicit|explicit] [--out FOLDER]
//!
//! ENTRIES: little-endian u32 users, u32 items, then for each entry u32 user, u32 item, f32 count.
//! Prints a line of JSON for each iteration, and with `--top` one for the best items of all users;
//! with `--out` it writes `users.f32` and `items.f32`, row after row.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pannier_trainer::als::{Als, Entries, Factors, Feedback, Solver, UNWATCHED, top};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let file = args.next().context("say which entries")?;
    let dim: usize = args.next().context("say how many factors")?.parse()?;
    let mut options = HashMap::new();
    while let Some(name) = args.next() {
        let value = args
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        options.insert(name, value);
    }
    let mut option = |name: &str, default: &str| -> String {
        options.remove(name).unwrap_or_else(|| default.to_owned())
    };
    let iterations: usize = option("--iterations", "5").parse()?;
    let threads: usize = option("--threads", "2").parse()?;
    let steps = option("--steps", "3").parse()?;
    let alpha = option("--alpha", "40").parse()?;
    let size = option("--block", "64").parse()?;
    let als = Als {
        feedback: match (option("--feedback", "implicit").as_str(), alpha) {
            ("implicit", alpha) => Feedback::Implicit { alpha },
            ("explicit", _) => Feedback::Explicit,
            (other, _) => bail!("no feedback is called {other}"),
        },
        regularization: option("--regularization", "0.01").parse()?,
        solver: match option("--solver", "conjugate").as_str() {
            "conjugate" => Solver::Conjugate { steps },
            "cholesky" => Solver::Cholesky,
            "blocks" => Solver::Blocks { size },
            other => bail!("no solver is called {other}"),
        },
    };
    let out = option("--out", "");
    let places: usize = option("--top", "0").parse()?;
    if let Some(unknown) = options.keys().next() {
        bail!("{unknown} is not known");
    }
    let entries = read(&file)?;
    let across = entries.transposed();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let first = match als.feedback {
        Feedback::Implicit { .. } => Factors::random,
        Feedback::Explicit => Factors::positive,
    };
    let mut users = first(entries.rows(), dim, 1);
    let mut items = first(entries.columns(), dim, 2);
    for iteration in 0..iterations {
        let began = Instant::now();
        pool.install(|| als.solve(&entries, &items, &mut users, UNWATCHED))?;
        let half = began.elapsed().as_secs_f64();
        pool.install(|| als.solve(&across, &users, &mut items, UNWATCHED))?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{{\"side\":\"pannier\",\"iteration\":{iteration},\"factors\":{dim},\"entries\":{},\"seconds\":{seconds:.4},\"users_s\":{half:.4},\"items_s\":{:.4}}}",
            entries.len(),
            seconds - half
        );
    }
    if places > 0 {
        let began = Instant::now();
        let best = pool.install(|| top(&users, &items, places, |_| &[]));
        let seconds = began.elapsed().as_secs_f64();
        let places: usize = best.iter().map(Vec::len).sum();
        let products = users.rows() as f64 * items.rows() as f64 * dim as f64;
        println!(
            "{{\"side\":\"pannier\",\"factors\":{dim},\"places\":{places},\"top_s\":{seconds:.4},\"gflops\":{:.1}}}",
            2e-9 * products / seconds
        );
    }
    if !out.is_empty() {
        write(&format!("{out}/users.f32"), &users)?;
        write(&format!("{out}/items.f32"), &items)?;
    }
    Ok(())
}

fn read(file: &str) -> Result<Entries> {
    let bytes = std::fs::read(file).with_context(|| file.to_owned())?;
    let word = |at: usize| -> [u8; 4] { [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] };
    let whole = |at: usize| u32::from_le_bytes(word(at));
    if bytes.len() < 8 || !(bytes.len() - 8).is_multiple_of(12) {
        bail!("{file} is no file of entries");
    }
    let entries: Vec<(u32, u32, f32)> = (8..bytes.len())
        .step_by(12)
        .map(|at| (whole(at), whole(at + 4), f32::from_le_bytes(word(at + 8))))
        .collect();
    Ok(Entries::new(
        whole(0) as usize,
        whole(4) as usize,
        &entries,
    )?)
}

fn write(file: &str, factors: &Factors) -> Result<()> {
    let rows = (0..factors.rows()).flat_map(|row| factors.row(row));
    let bytes: Vec<u8> = rows.flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(file, bytes).with_context(|| file.to_owned())
}
