//! Owns how generated files come to be: complete or not at all, packed by their names, counted.
//! Must not know what stands in them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::spec::{GenerateError, GenerateSummary, Progress};

/// Bytes gathered before they go to the disk.
const BUFFER: usize = 1 << 20;

/// The folder that files are written to, and what was written so far.
pub struct Output<'a> {
    dir: &'a Path,
    weeks: u32,
    weeks_done: u32,
    progress: &'a mut dyn FnMut(Progress),
    /// What was written; files and bytes are counted here, the rest by the layouts.
    pub summary: GenerateSummary,
}

impl<'a> Output<'a> {
    pub(super) fn new(dir: &'a Path, weeks: u32, progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            dir,
            weeks,
            weeks_done: 0,
            progress,
            summary: GenerateSummary::default(),
        }
    }

    /// Writes a file under a temporary name and renames it; gives what `write` gave. A name that
    /// ends in `.gz` is of a gzip file.
    ///
    /// # Errors
    /// [`GenerateError::Write`]; then nothing is left of the file.
    pub fn file<T>(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<T>,
    ) -> Result<T, GenerateError> {
        let path = self.dir.join(name);
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        let unfinished = PathBuf::from(unfinished);
        let attempt = || {
            let mut file = BufWriter::with_capacity(BUFFER, File::create(&unfinished)?);
            let value = if name.ends_with(".gz") {
                let mut packed = GzEncoder::new(&mut file, Compression::fast());
                let value = write(&mut packed)?;
                packed.finish()?;
                value
            } else {
                write(&mut file)?
            };
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            let bytes = file.metadata()?.len();
            fs::rename(&unfinished, &path)?;
            Ok((bytes, value))
        };
        let (bytes, value) = attempt().map_err(|source| {
            // The error matters, not whether the remains could be removed.
            let _ = fs::remove_file(&unfinished);
            GenerateError::Write {
                path: path.clone(),
                source,
            }
        })?;
        self.summary.files += 1;
        self.summary.bytes += bytes;
        Ok(value)
    }

    /// Notes that one more week is written, its rows being in the summary.
    pub fn week_done(&mut self) {
        self.weeks_done += 1;
        (self.progress)(Progress {
            weeks_done: self.weeks_done,
            weeks_total: self.weeks,
            rows: self.summary.rows,
        });
    }
}
