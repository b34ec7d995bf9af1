//! The tables of segments: Parquet for programs, CSV for people, and the summary, which comes last.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use pannier_proto::segments::{KPIS, SegmentProfile, SegmentSummary};

use crate::als::Factors;
use crate::artifact::vector_column;
use crate::csv_file::CsvFile;
use crate::error::TrainerError;
use crate::names::Names;
use crate::storage::Storage;
use crate::table_file::TableFile;

/// Users that are written at a time.
const ROWS: usize = 16_384;

/// A folder of tables.
pub(super) struct Tables<'a> {
    pub storage: &'a Storage,
    pub folder: &'a str,
}

impl Tables<'_> {
    /// `users`: user_id, segment, and the place on the map, x and y.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(super) fn users(
        &self,
        names: &Names,
        labels: &[u32],
        places: &[[f32; 2]],
    ) -> Result<(), TrainerError> {
        let batches = (0..labels.len()).step_by(ROWS).map(|from| {
            let rows = from..(from + ROWS).min(labels.len());
            let ids = StringArray::from_iter_values(rows.clone().map(|row| names.get(row)));
            let along = |axis: usize| {
                Float32Array::from_iter_values(places[rows.clone()].iter().map(|place| place[axis]))
            };
            let segments = UInt32Array::from_iter_values(labels[rows.clone()].iter().copied());
            batch([
                ("user_id", Arc::new(ids) as ArrayRef),
                ("segment", Arc::new(segments)),
                ("x", Arc::new(along(0))),
                ("y", Arc::new(along(1))),
            ])
        });
        self.write("users", batches, true)
    }

    /// `centres`: segment, and the mean of its users' vectors, where they are normalised of those;
    /// Parquet alone.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(super) fn centres(&self, centres: &Factors) -> Result<(), TrainerError> {
        let segments = UInt32Array::from_iter_values(0..centres.rows() as u32);
        let rows = (0..centres.rows()).map(|row| centres.row(row));
        let vectors = vector_column(centres.dim(), rows)?;
        let batch = batch([
            ("segment", Arc::new(segments) as ArrayRef),
            ("vector", vectors),
        ]);
        self.write("centres", std::iter::once(batch), false)
    }

    /// `kpis`: segment and the nine KPIs.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(super) fn kpis(&self, summary: &SegmentSummary) -> Result<(), TrainerError> {
        let segments = UInt32Array::from_iter_values(0..summary.kpis.len() as u32);
        let kpis = KPIS.iter().enumerate().map(|(at, name)| {
            let values = summary.kpis.iter().map(|kpis| kpis.values()[at]);
            (*name, Arc::new(Float64Array::from_iter(values)) as ArrayRef)
        });
        let segments = ("segment", Arc::new(segments) as ArrayRef);
        let batch = batch(std::iter::once(segments).chain(kpis));
        self.write("kpis", std::iter::once(batch), true)
    }

    /// `profiles`: segment, attribute, value, users, share, index.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(super) fn profiles(&self, of: &[SegmentProfile]) -> Result<(), TrainerError> {
        let text = |f: fn(&SegmentProfile) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(of.iter().map(f)))
        };
        let number = |f: fn(&SegmentProfile) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(of.iter().map(f)))
        };
        let segments = UInt32Array::from_iter_values(of.iter().map(|p| p.segment));
        let users = UInt64Array::from_iter_values(of.iter().map(|p| p.users));
        let batch = batch([
            ("segment", Arc::new(segments) as ArrayRef),
            ("attribute", text(|p| &p.attribute)),
            ("value", text(|p| &p.value)),
            ("users", Arc::new(users)),
            ("share", number(|p| p.share)),
            ("index", number(|p| p.index)),
        ]);
        self.write("profiles", std::iter::once(batch), true)
    }

    /// `segments.json`; its path.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(super) fn summary(&self, summary: &SegmentSummary) -> Result<String, TrainerError> {
        let path = format!("{}/segments.json", self.folder);
        let json = serde_json::to_vec(summary).map_err(TrainerError::bug)?;
        self.storage.put(&path, json)?;
        Ok(path)
    }

    fn write(
        &self,
        name: &str,
        batches: impl Iterator<Item = Result<RecordBatch, TrainerError>>,
        csv: bool,
    ) -> Result<(), TrainerError> {
        let path = |ending: &str| format!("{}/{name}.{ending}", self.folder);
        let mut lines = csv.then(|| CsvFile::create(self.storage, path("csv"), true));
        let mut table: Option<TableFile> = None;
        for batch in batches {
            let batch = batch?;
            let file = match &mut table {
                Some(file) => file,
                None => {
                    let schema = batch.schema();
                    table.insert(TableFile::create(self.storage, path("parquet"), schema)?)
                }
            };
            file.write(&batch)?;
            if let Some(lines) = &mut lines {
                lines.write(&batch)?;
            }
        }
        if let Some(lines) = lines {
            lines.close()?;
        }
        table.map_or(Ok(()), |file| file.close().map(|_| ()))
    }
}

fn batch<'n>(
    columns: impl IntoIterator<Item = (&'n str, ArrayRef)>,
) -> Result<RecordBatch, TrainerError> {
    RecordBatch::try_from_iter(columns).map_err(TrainerError::bug)
}
