//! Opens raw files: the one place that knows where a path leads and how its bytes are packed.
//! What reads the bytes as CSV or Parquet must not know either. Blocks: not for threads of the
//! async runtime.

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use flate2::read::MultiGzDecoder;
use pannier_store::object::Blocks;
use pannier_store::{Object, is_url};
use tokio::runtime::Handle;

/// Bytes asked for at a time.
const BUFFER: usize = 1 << 18;

/// The bytes of a file from its start, unpacked as its ending says (`.gz`, `.zst`).
///
/// # Errors
/// Where it cannot be opened.
pub fn stream(path: &str) -> Result<Box<dyn Read + Send>> {
    let packed: Box<dyn Read + Send> = if is_url(path) {
        let (object, runtime) = object(path)?;
        Box::new(object.read(&runtime))
    } else {
        Box::new(file(path)?)
    };
    let packed = BufReader::with_capacity(BUFFER, packed);
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

fn file(path: &str) -> Result<File> {
    File::open(path).map_err(|e| unreadable(path, &e))
}

/// An object, and the runtime that reads it.
fn object(url: &str) -> Result<(Object, Handle)> {
    let runtime = Handle::try_current().map_err(|e| unreadable(url, &e))?;
    let object = runtime
        .block_on(Object::open(url))
        .map_err(|e| exec_datafusion_err!("{e}"))?;
    Ok((object, runtime))
}

/// A file read in places, as Parquet is.
pub struct Seekable(Places);

enum Places {
    File(File),
    Object(Arc<Blocks>),
}

impl Seekable {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &str) -> Result<Self> {
        if is_url(path) {
            let (object, runtime) = object(path)?;
            let blocks = Arc::new(Blocks::new(object, runtime));
            return Ok(Self(Places::Object(blocks)));
        }
        Ok(Self(Places::File(file(path)?)))
    }
}

impl Length for Seekable {
    fn len(&self) -> u64 {
        match &self.0 {
            Places::File(file) => Length::len(file),
            Places::Object(blocks) => blocks.size(),
        }
    }
}

impl ChunkReader for Seekable {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(match &self.0 {
            Places::File(file) => Box::new(file.get_read(start)?),
            Places::Object(blocks) => Box::new(blocks.read_from(start)),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match &self.0 {
            Places::File(file) => file.get_bytes(start, length),
            Places::Object(blocks) => blocks
                .get(start, length as u64)
                .map_err(|e| ParquetError::External(Box::new(e))),
        }
    }
}

/// Rows of each row group of a Parquet file, by its footer.
///
/// # Errors
/// Where it cannot be opened, or is no Parquet.
pub fn parquet_row_groups(path: &str) -> Result<Vec<u64>> {
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&Seekable::open(path)?)
        .map_err(|e| unreadable(path, &e))?;
    let groups = metadata.row_groups().iter();
    Ok(groups.map(|g| g.num_rows().unsigned_abs()).collect())
}

/// The error of a file that cannot be read to its end.
pub fn unreadable(path: &str, error: &dyn std::fmt::Display) -> DataFusionError {
    exec_datafusion_err!("`{path}` cannot be read to its end: {error}")
}
