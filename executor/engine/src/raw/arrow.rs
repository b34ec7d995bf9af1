//! Reads Arrow IPC, as a stream or as a file. A file is a stream between two marks, with a footer
//! that only random access needs: so both are read from the front, packed ones too.

use std::io::{Cursor, Read};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::error::Result;

use super::columnar::Columnar;
use super::input::{self, unreadable};
use super::read::{BATCH_ROWS, RawRead, Reading};

/// What a file begins with; zeros follow it up to the alignment that its writer chose. A stream
/// begins with something else.
const MARK: &[u8] = b"ARROW1\0\0";

type Stream = StreamReader<Box<dyn Read + Send>>;

/// A file being read.
pub struct ArrowRead {
    reader: Stream,
    columnar: Columnar,
    needed: Vec<usize>,
    path: String,
    /// What is left of the batch read last.
    batch: Option<RecordBatch>,
}

fn stream(path: &str) -> Result<Box<dyn Read + Send>> {
    let mut input = input::stream(path)?;
    let mut next = || {
        let mut word = Vec::with_capacity(MARK.len());
        let taken = (&mut input).take(MARK.len() as u64).read_to_end(&mut word);
        taken.map_err(|e| unreadable(path, &e)).map(|_| word)
    };
    let mut word = next()?;
    if word == MARK {
        word = next()?;
        while word == [0; MARK.len()] {
            word = next()?;
        }
    }
    Ok(Box::new(Cursor::new(word).chain(input)))
}

fn reader(path: &str, projection: Option<Vec<usize>>) -> Result<Stream> {
    StreamReader::try_new(stream(path)?, projection).map_err(|e| unreadable(path, &e))
}

/// The schema of a file.
pub(super) fn schema(path: &str) -> Result<SchemaRef> {
    Ok(reader(path, None)?.schema())
}

impl ArrowRead {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it cannot be opened, or lacks a column.
    pub fn open(path: &str, reading: Arc<Reading>) -> Result<Self> {
        let schema = schema(path)?;
        let columnar = Columnar::new(path, &schema, reading, 0)?;
        let needed = columnar.needed(&schema, |at| !schema.field(at).is_nullable());
        Ok(Self {
            reader: reader(path, Some(needed.clone()))?,
            columnar,
            needed,
            path: path.to_owned(),
            batch: None,
        })
    }
}

impl RawRead for ArrowRead {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let batch = match self.batch.take() {
            Some(batch) => batch,
            None => match self.reader.next() {
                None => return Ok(None),
                Some(batch) => batch.map_err(|e| unreadable(&self.path, &e))?,
            },
        };
        let rows = batch.num_rows().min(BATCH_ROWS);
        if batch.num_rows() > rows {
            self.batch = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        let batch = batch.slice(0, rows);
        let read = self.columnar.convert(&self.path, &self.needed, &batch)?;
        Ok(Some(read))
    }
}
