//! Owns the generators of made-up raw retail data: for each layout the exact form of its files, at
//! any number of customers and weeks. Here is what they share: what may be asked ([`GenerateSpec`]),
//! the way files appear ([`Output`]), and the one place that picks the generator of a layout. Each
//! layout has a folder of its own. The same spec gives the same bytes on every machine (for gzip:
//! the same content). Must not read raw files or write tables.
//!
//! A further layout is a variant of [`GenerateLayout`] and a folder with one function
//! `write(&GenerateSpec, &mut Output) -> Result<(), GenerateError>`.

mod instacart;
mod journey;
mod lgsr;
mod lines;
mod output;
mod random;
mod rees46;
mod spec;
mod transactions;

use std::fs;
use std::path::Path;

pub use lgsr::{Basket, Card, Class, Item, Labels, Line, Simulation, Store, Tier, Week};
pub use output::Output;
pub use spec::{
    GenerateError, GenerateLayout, GenerateSpec, GenerateSummary, HeaderVariant, MAX_CUSTOMERS,
    MAX_WEEKS, Progress,
};

/// Generates the files of a spec in `dir`, which is made if need be. A file appears under its name
/// only when it is complete; files of the same names are replaced, others are left alone.
///
/// # Errors
/// [`GenerateError::InvalidSpec`] before anything is written; [`GenerateError::Write`] with the
/// file that failed, complete earlier files staying in place.
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
    let mut output = Output::new(dir, spec.weeks, progress);
    match spec.layout {
        GenerateLayout::DunnhumbyLgsr => lgsr::write(spec, &mut output)?,
        GenerateLayout::CompleteJourney => {
            journey::write(spec, journey::Form::Parquet, &mut output)?
        }
        GenerateLayout::CompleteJourneyCsv => {
            journey::write(spec, journey::Form::Csv, &mut output)?
        }
        GenerateLayout::Instacart => instacart::write(spec, &mut output)?,
        GenerateLayout::Rees46 => rees46::write(spec, &mut output)?,
        GenerateLayout::Transactions => transactions::write(spec, &mut output)?,
    }
    Ok(output.summary)
}
