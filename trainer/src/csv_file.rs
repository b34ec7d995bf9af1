//! A CSV file that is written piece by piece. Nothing is there until it is closed.

use arrow::array::RecordBatch;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use crate::error::TrainerError;
use crate::storage::{Storage, failed};

/// A file on its way.
pub(crate) struct CsvFile {
    storage: Storage,
    path: String,
    object: BufWriter,
    /// The columns' names come before the next rows.
    header: bool,
}

impl CsvFile {
    /// Begins a file, with a line of the columns' names where asked for.
    pub(crate) fn create(storage: &Storage, path: String, header: bool) -> Self {
        Self {
            storage: storage.clone(),
            object: BufWriter::new(storage.store(), Path::from(path.as_str())),
            path,
            header,
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), TrainerError> {
        let mut bytes = Vec::new();
        let mut writer = arrow::csv::WriterBuilder::new()
            .with_header(std::mem::take(&mut self.header))
            .build(&mut bytes);
        writer.write(batch).map_err(TrainerError::bug)?;
        drop(writer);
        let written = self.object.write_all(&bytes);
        self.storage
            .runtime()
            .block_on(written)
            .map_err(failed("write", &self.path))
    }

    /// Commits the file.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn close(mut self) -> Result<(), TrainerError> {
        let closed = self.storage.runtime().block_on(self.object.shutdown());
        closed.map_err(failed("write", &self.path))
    }
}
