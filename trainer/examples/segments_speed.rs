//! How long k-means takes on vectors from a file, and how good what it finds is.
//!
//!     segments_speed VECTORS DIM SEGMENTS [--starts 1] [--iterations 300] [--tolerance 0]
//!                    [--threads 2] [--seed 1] [--silhouette 0]
//!
//! VECTORS: little-endian f32, row after row. Prints a line of JSON; with `--silhouette` the mean over
//! so many rows as well.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pannier_trainer::als::Factors;
use pannier_trainer::segments::{KMeans, Points, silhouette};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let file = args.next().context("say which vectors")?;
    let dim: usize = args.next().context("say how many numbers")?.parse()?;
    let segments = args.next().context("say how many segments")?.parse()?;
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
    let kmeans = KMeans {
        segments,
        starts: option("--starts", "1").parse()?,
        iterations: option("--iterations", "300").parse()?,
        tolerance: option("--tolerance", "0").parse()?,
        seed: option("--seed", "1").parse()?,
    };
    let threads: usize = option("--threads", "2").parse()?;
    let sample: usize = option("--silhouette", "0").parse()?;
    if let Some(unknown) = options.keys().next() {
        bail!("{unknown} is not known");
    }
    let bytes = std::fs::read(&file).with_context(|| file.clone())?;
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    let vectors = Factors::from_rows(&values, dim);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    pool.install(|| -> Result<()> {
        let began = Instant::now();
        let points = Points::new(&vectors, false)?;
        let found = kmeans.fit(&points)?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{{\"side\":\"pannier\",\"rows\":{},\"segments\":{segments},\"seconds\":{seconds:.5},\"inertia\":{},\"iterations\":{}}}",
            vectors.rows(),
            found.inertia,
            found.iterations
        );
        if sample > 0 {
            let began = Instant::now();
            let apart = silhouette(&points, &found.labels, sample, 1)?;
            let seconds = began.elapsed().as_secs_f64();
            println!(
                "{{\"side\":\"pannier\",\"silhouette\":{},\"rows\":{},\"silhouette_s\":{seconds:.5}}}",
                apart.mean, apart.rows
            );
        }
        Ok(())
    })
}
