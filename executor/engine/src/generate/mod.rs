//! Owns the generator of raw retail transactions in the exact form of the dunnhumby LGSR files:
//! `transactions_YYYYWW.csv[.gz]` per week and `time.csv`, at any number of customers and weeks.
//! Streams week by week: memory grows with customers, never with rows. The same spec gives the
//! same bytes on every machine (for gzip: the same content). Its statistics follow those observed
//! in the real files; `tests.rs` holds them. Must not read raw files or write tables.
//!
//! The simulation itself is pure ([`Simulation`]); this file and `rows.rs` write it out.

mod basket;
mod calendar;
mod catalogue;
mod customer;
mod labels;
mod quantity;
mod random;
mod rows;
mod shelf;
mod simulate;
mod spec;
mod stores;
mod taste;
#[cfg(test)]
mod tests;
mod tree;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

pub use basket::{Basket, Card};
pub use calendar::Week;
pub use catalogue::{Class, Item, Tier};
pub use labels::{Labels, Line};
pub use simulate::Simulation;
pub use spec::{
    GenerateError, GenerateSpec, GenerateSummary, HeaderVariant, MAX_CUSTOMERS, MAX_WEEKS, Progress,
};
pub use stores::Store;

use calendar::TIME_ROWS;
use rows::{Counts, Phrases, RowWriter};

/// Generates the files of a spec in `dir`, which is made if need be. A file appears under its name
/// only when it is complete; files of the same names are replaced, others are left alone.
///
/// # Errors
/// [`GenerateError::InvalidSpec`] before anything is written; [`GenerateError::Write`] with the
/// file that failed, complete earlier weeks staying in place.
pub fn generate(
    spec: &GenerateSpec,
    dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<GenerateSummary, GenerateError> {
    spec.validate()?;
    fs::create_dir_all(dir).map_err(|source| GenerateError::Write {
        path: dir.to_owned(),
        source,
    })?;
    let mut simulation = Simulation::new(spec);
    let phrases = Phrases::new(&simulation, spec.header);
    let mut summary = GenerateSummary {
        files: 1,
        ..GenerateSummary::default()
    };
    summary.bytes += write_file(&dir.join("time.csv"), |file| write_time(file, spec.weeks))?.0;
    for index in 0..spec.weeks {
        let extension = if spec.gzip { "csv.gz" } else { "csv" };
        let name = format!("transactions_{}.{extension}", Week::at(index).shop_week);
        let (bytes, counts) = write_file(&dir.join(name), |file| {
            if spec.gzip {
                let encoder = GzEncoder::new(file, Compression::fast());
                let (encoder, counts) = write_week(&mut simulation, &phrases, spec, encoder)?;
                encoder.finish()?;
                Ok(counts)
            } else {
                Ok(write_week(&mut simulation, &phrases, spec, file)?.1)
            }
        })?;
        summary.files += 1;
        summary.bytes += bytes;
        summary.rows += counts.rows;
        summary.baskets += counts.baskets;
        summary.bad_rows += counts.broken;
        progress(Progress {
            weeks_done: index + 1,
            weeks_total: spec.weeks,
            rows: summary.rows,
        });
    }
    Ok(summary)
}

fn write_week<W: Write>(
    simulation: &mut Simulation,
    phrases: &Phrases,
    spec: &GenerateSpec,
    out: W,
) -> io::Result<(W, Counts)> {
    let mut rows = RowWriter::new(out, phrases, &simulation.upcoming(), spec)?;
    simulation.week(|basket| rows.basket(basket))?;
    rows.finish()
}

/// The calendar: as many rows as the real file has, more where the weeks need more.
fn write_time(out: &mut impl Write, weeks: u32) -> io::Result<()> {
    out.write_all(b"shop_week,date_from,date_to\n")?;
    for index in 0..weeks.max(TIME_ROWS) {
        let week = Week::at(index);
        writeln!(
            out,
            "{},{},{}",
            week.shop_week, week.dates[0], week.dates[6]
        )?;
    }
    Ok(())
}

/// Writes a file under a temporary name and renames it; gives its size and what `write` gave.
fn write_file<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> Result<(u64, T), GenerateError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let attempt = || {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
        let value = write(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let bytes = file.metadata()?.len();
        fs::rename(&unfinished, path)?;
        Ok((bytes, value))
    };
    attempt().map_err(|source| {
        // The error matters, not whether the remains could be removed.
        let _ = fs::remove_file(&unfinished);
        GenerateError::Write {
            path: path.to_owned(),
            source,
        }
    })
}
