//! Owns the generator of the dunnhumby LGSR files: `transactions_YYYYWW.csv[.gz]` per week and
//! `time.csv`. Streams week by week: memory grows with customers, never with rows. Its statistics
//! follow those observed in the real files; `tests.rs` holds them.
//!
//! The simulation itself is pure ([`Simulation`]) and serves other layouts too; this file and
//! `rows.rs` write it out.

mod basket;
mod calendar;
mod catalogue;
mod chronicle;
mod customer;
mod labels;
mod quantity;
mod rows;
mod shelf;
mod simulate;
mod stores;
mod taste;
#[cfg(test)]
mod tests;
mod tree;

use std::io::{self, Write};

use super::random;
use super::{GenerateError, GenerateSpec, HeaderVariant, Output};

pub use basket::{Basket, Card};
pub use calendar::Week;
pub(super) use catalogue::ITEMS;
pub use catalogue::{Class, Item, Tier};
pub(super) use chronicle::{Chronicle, variant};
pub use labels::{Labels, Line};
pub use simulate::Simulation;
pub use stores::Store;

use calendar::TIME_ROWS;
use rows::{Counts, Phrases, RowWriter};

/// Writes the files of a spec.
pub(super) fn write(spec: &GenerateSpec, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let mut simulation = Simulation::new(spec);
    let phrases = Phrases::new(&simulation, spec.header);
    output.file("time.csv", |file| write_time(file, spec.weeks))?;
    for index in 0..spec.weeks {
        let extension = if spec.gzip { "csv.gz" } else { "csv" };
        let name = format!("transactions_{}.{extension}", Week::at(index).shop_week);
        let counts = output.file(&name, |file| {
            write_week(&mut simulation, &phrases, spec, file)
        })?;
        output.summary.rows += counts.rows;
        output.summary.baskets += counts.baskets;
        output.summary.bad_rows += counts.broken;
        output.week_done();
    }
    Ok(())
}

fn write_week(
    simulation: &mut Simulation,
    phrases: &Phrases,
    spec: &GenerateSpec,
    out: &mut dyn Write,
) -> io::Result<Counts> {
    let mut rows = RowWriter::new(out, phrases, &simulation.upcoming(), spec)?;
    simulation.week(|basket| rows.basket(basket))?;
    rows.finish()
}

/// The calendar: as many rows as the real file has, more where the weeks need more.
fn write_time(out: &mut dyn Write, weeks: u32) -> io::Result<()> {
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
