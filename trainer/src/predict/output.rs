//! Predictions on their way into files, piece by piece. Nothing is there until they are closed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::{ManifestColumn, ManifestFile};
use pannier_proto::work::{PredictionForm, WrittenTable};

use crate::csv_file::CsvFile;
use crate::error::TrainerError;
use crate::predict::Prediction;
use crate::predict::queries::Query;
use crate::predict::rank::Place;
use crate::storage::Storage;
use crate::table_file::TableFile;
use crate::vocab::Vocab;

/// Writes the places of queries, best first: a query's name, then by form.
pub(crate) struct Output<'a> {
    file: TableFile,
    form: PredictionForm,
    vocab: &'a Vocab,
    /// Queries are of users whom the model has met, whatever they bought.
    met: bool,
    /// CSV without a header: name, item, score.
    lines: Option<CsvFile>,
}

impl<'a> Output<'a> {
    /// Begins the files of a prediction; the name of a query is the first column of `asked`.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn create(
        storage: &Storage,
        of: &Prediction<'a>,
        asked: &Schema,
    ) -> Result<Self, TrainerError> {
        let field = |name: &str, data_type| Field::new(name, data_type, false);
        let is_name = |f: &&Arc<Field>| !matches!(f.data_type(), DataType::List(_));
        let name = asked.fields().iter().find(is_name);
        let name = name.ok_or_else(|| TrainerError::data("queries", "nothing names them"))?;
        let name = field(name.name(), name.data_type().clone());
        let score = field("score", DataType::Float32);
        let (stem, fields) = match of.work.form {
            PredictionForm::Ranks => {
                let item = field("item_idx", DataType::UInt32);
                (
                    "predictions",
                    vec![name, item, field("rank", DataType::UInt32), score],
                )
            }
            PredictionForm::Decisions => {
                return Err(TrainerError::bug("decisions are not ranked"));
            }
            PredictionForm::Lists { .. } => {
                let item = field("item_id", DataType::Utf8);
                (
                    "recommendations",
                    vec![
                        name,
                        field("rank", DataType::UInt32),
                        item,
                        score,
                        field("bought", DataType::Boolean),
                        field("known", DataType::Boolean),
                    ],
                )
            }
        };
        let path = |ending: &str| format!("{}/{stem}.{ending}", of.work.output);
        let csv = of.work.form == PredictionForm::Lists { csv: true };
        Ok(Self {
            file: TableFile::create(storage, path("parquet"), Arc::new(Schema::new(fields)))?,
            form: of.work.form,
            vocab: of.vocab,
            met: asked.column_with_name("user_idx").is_some(),
            lines: csv.then(|| CsvFile::create(storage, path("csv"), false)),
        })
    }

    /// Adds queries with their places, best first; lists say which items the query had already.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn write(
        &mut self,
        (names, queries): (&ArrayRef, &[Query]),
        ranked: &[Vec<Place>],
    ) -> Result<(), TrainerError> {
        let at = (0u64..)
            .zip(ranked)
            .flat_map(|(at, places)| places.iter().map(move |_| at));
        let names = take(names, &UInt64Array::from_iter_values(at), None);
        let names = names.map_err(TrainerError::bug)?;
        let places = || ranked.iter().flatten();
        let ranks = ranked.iter().flat_map(|places| 1..=places.len() as u32);
        let ranks: ArrayRef = Arc::new(UInt32Array::from_iter_values(ranks));
        let scores = Arc::new(Float32Array::from_iter_values(places().map(|p| p.score)));
        let columns: Vec<ArrayRef> = match self.form {
            PredictionForm::Ranks => {
                let items = UInt32Array::from_iter_values(places().map(|p| p.item));
                vec![names, Arc::new(items), ranks, scores]
            }
            PredictionForm::Decisions => {
                return Err(TrainerError::bug("decisions are not ranked"));
            }
            PredictionForm::Lists { .. } => {
                let items = &self.vocab.items;
                let id = |p: &Place| &items[(p.item - FIRST_ITEM) as usize].item_id;
                let ids = StringArray::from_iter(places().map(|p| Some(id(p))));
                let own = queries.iter().zip(ranked).flat_map(|(query, places)| {
                    let is_own = |p: &Place| Some(query.items.binary_search(&p.item).is_ok());
                    places.iter().map(is_own)
                });
                let own = Arc::new(BooleanArray::from_iter(own));
                let known = queries.iter().zip(ranked).flat_map(|(query, places)| {
                    let known = self.met || !query.items.is_empty();
                    places.iter().map(move |_| Some(known))
                });
                let known = Arc::new(BooleanArray::from_iter(known));
                vec![names, ranks, Arc::new(ids), scores, own, known]
            }
        };
        let batch = RecordBatch::try_new(Arc::clone(self.file.schema()), columns);
        let batch = batch.map_err(TrainerError::bug)?;
        if let Some(lines) = &mut self.lines {
            lines.write(&batch.project(&[0, 2, 3]).map_err(TrainerError::bug)?)?;
        }
        self.file.write(&batch)
    }

    /// Commits the files, Parquet last, and tells of that.
    ///
    /// # Errors
    /// [`TrainerError::Storage`].
    pub(crate) fn close(self) -> Result<WrittenTable, TrainerError> {
        if let Some(lines) = self.lines {
            lines.close()?;
        }
        let columns = self.file.schema().fields().iter().map(|f| ManifestColumn {
            name: f.name().clone(),
            data_type: f.data_type().to_string(),
            nullable: f.is_nullable(),
        });
        let columns = columns.collect();
        let written = self.file.close()?;
        let file = ManifestFile {
            path: written.path,
            part: 0,
            rows: written.rows,
            bytes: written.bytes,
            row_groups: written.row_groups,
            digest: written.digest,
        };
        Ok(WrittenTable { columns, file })
    }
}
