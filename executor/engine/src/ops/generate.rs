//! Writes generated raw files once: a marker beside them, put last, says which spec they are of.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::generate::{GenerateSpec, generate};

/// Name of the marker: JSON of [`Generated`].
pub const MARKER: &str = "_generated.json";

/// Name of the note that says which spec's files are being written.
const BEGUN: &str = "_generating.json";

/// Generates raw files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Generate {
    /// What to generate.
    pub spec: GenerateSpec,
    /// Folder to write to.
    pub dir: String,
}

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The spec the files were made from.
    pub spec: GenerateSpec,
    /// Files.
    pub files: u64,
    /// Lines.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The marker of a folder, where there is one that can be read.
#[must_use]
pub fn marker(dir: &str) -> Option<Generated> {
    let text = std::fs::read(Path::new(dir).join(MARKER)).ok()?;
    serde_json::from_slice(&text).ok()
}

impl Generate {
    /// Files, lines and bytes written.
    #[must_use]
    pub fn schema() -> SchemaRef {
        let fields = ["files", "rows", "bytes"].map(|n| Field::new(n, DataType::UInt64, false));
        Arc::new(Schema::new(fields.to_vec()))
    }

    /// Runs on one partition; its input's rows only set it off.
    ///
    /// # Errors
    /// None before the stream is polled.
    pub fn execute(&self, input: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
        let op = self.clone();
        let done = async move {
            input.try_collect::<Vec<_>>().await?;
            let made = tokio::task::spawn_blocking(move || op.run()).await;
            let made = made.map_err(|e| exec_datafusion_err!("generating stopped: {e}"))??;
            let columns: Vec<ArrayRef> = [made.files, made.rows, made.bytes]
                .map(|n| Arc::new(UInt64Array::from(vec![n])) as ArrayRef)
                .to_vec();
            Ok(RecordBatch::try_new(Self::schema(), columns)?)
        };
        let stream = futures::stream::once(done).boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Self::schema(),
            stream,
        )))
    }

    fn run(&self) -> Result<Generated> {
        if let Some(there) = marker(&self.dir).filter(|m| m.spec == self.spec) {
            return Ok(there);
        }
        let dir = Path::new(&self.dir);
        std::fs::create_dir_all(dir)?;
        self.make_room(dir)?;
        let summary = generate(&self.spec, dir, &mut |_| {})
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        let made = Generated {
            spec: self.spec.clone(),
            files: summary.files as u64,
            rows: summary.rows,
            bytes: summary.bytes,
        };
        let json = serde_json::to_vec_pretty(&made)
            .map_err(|e| exec_datafusion_err!("the marker cannot be written: {e}"))?;
        std::fs::write(dir.join(format!("{MARKER}.tmp")), json)?;
        std::fs::rename(dir.join(format!("{MARKER}.tmp")), dir.join(MARKER))?;
        Ok(made)
    }

    /// Clears the folder of another spec's files and notes what is being written. Files of the
    /// same spec may stay: they are the same bytes, and another attempt may be at work on them.
    fn make_room(&self, dir: &Path) -> Result<()> {
        let begun: Option<GenerateSpec> = std::fs::read(dir.join(BEGUN))
            .ok()
            .and_then(|t| serde_json::from_slice(&t).ok());
        if begun.as_ref() == Some(&self.spec) {
            return Ok(());
        }
        let ours = begun.is_some();
        let was = begun.map_or(self.spec.layout, |spec| spec.layout);
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !was.is_output(&name.to_string_lossy()) {
                continue;
            }
            if !ours {
                return Err(exec_datafusion_err!(
                    "`{}` holds files that were not generated; give the generated data a folder of its own",
                    self.dir
                ));
            }
            std::fs::remove_file(entry.path())?;
        }
        if marker(&self.dir).is_some() {
            std::fs::remove_file(dir.join(MARKER))?;
        }
        let json = serde_json::to_vec(&self.spec)
            .map_err(|e| exec_datafusion_err!("the note cannot be written: {e}"))?;
        Ok(std::fs::write(dir.join(BEGUN), json)?)
    }
}
