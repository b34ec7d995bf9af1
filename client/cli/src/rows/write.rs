//! An answer into a file or onto standard output.

use std::io;
use std::path::Path;

use anyhow::Context;
use pannier_client::Rows;

use super::{Draft, Format, RowWriter, Waiting};
use crate::out;

/// Writes rows as they come: nothing is gathered.
///
/// # Errors
/// Where the answer breaks off, or the rows cannot be written: then there is no file.
pub async fn write(
    mut rows: Rows,
    format: Format,
    to: Option<&Path>,
    waiting: &Waiting,
) -> anyhow::Result<()> {
    let draft = to.map(Draft::create).transpose()?;
    let place = || to.map_or_else(|| "standard output".into(), |p| p.display().to_string());
    let target: Box<dyn io::Write + Send> = match &draft {
        Some(draft) => Box::new(draft.file()?),
        None => Box::new(io::stdout()),
    };
    let mut writer = RowWriter::new(format, target, &rows.schema())?;
    let mut count = 0;
    while let Some(batch) = rows.next().await? {
        writer
            .write(&batch)
            .with_context(|| format!("cannot write {}", place()))?;
        count += batch.num_rows() as u64;
        waiting.rows(count);
    }
    writer
        .finish()
        .with_context(|| format!("cannot write {}", place()))?;
    if let Some(draft) = draft {
        draft.keep()?;
    }
    if rows.truncated() {
        out::note("note: there are more rows; --limit says how many to write");
    }
    Ok(())
}
