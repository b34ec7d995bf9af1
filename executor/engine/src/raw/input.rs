//! Opens raw files: the one place that knows where a path leads and how its bytes are packed.
//! What reads the bytes as CSV or Parquet must not know either.

use std::fs::File;
use std::io::{BufReader, Read};

use bytes::Bytes;
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use flate2::read::MultiGzDecoder;

/// Bytes asked for at a time.
const BUFFER: usize = 1 << 18;

/// The bytes of a file from its start, unpacked as its ending says (`.gz`, `.zst`).
///
/// # Errors
/// Where it cannot be opened.
pub fn stream(path: &str) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let packed = BufReader::with_capacity(BUFFER, file);
    Ok(match path.rsplit('.').next() {
        Some("gz") => Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(packed),
        )),
        Some("zst") => {
            let unpacked = zstd::Decoder::with_buffer(packed).map_err(|e| unreadable(path, &e))?;
            Box::new(BufReader::with_capacity(BUFFER, unpacked))
        }
        _ => Box::new(packed),
    })
}

/// A file read in places, as Parquet is.
pub struct Seekable(File);

impl Seekable {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &str) -> Result<Self> {
        File::open(path).map(Self).map_err(|e| unreadable(path, &e))
    }
}

impl Length for Seekable {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

impl ChunkReader for Seekable {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// Rows of a Parquet file, by its footer.
///
/// # Errors
/// Where it cannot be opened, or is no Parquet.
pub fn parquet_rows(path: &str) -> Result<u64> {
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&Seekable::open(path)?)
        .map_err(|e| unreadable(path, &e))?;
    Ok(metadata.file_metadata().num_rows().unsigned_abs())
}

/// The error of a file that cannot be read to its end.
pub fn unreadable(path: &str, error: &dyn std::fmt::Display) -> DataFusionError {
    exec_datafusion_err!("`{path}` cannot be read to its end: {error}")
}
