//! Reads published vectors and finds neighbours by cosine: a table of thousands of items, answered
//! in milliseconds. Bigger scoring is the trainers' work.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, Int64Type, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::manifest::TableManifest;

use crate::error::SchedulerError;

/// An item of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Raw id.
    pub item_id: String,
    /// Name, or the id where there is none.
    pub name: String,
    /// Department, where the source has one.
    pub department: Option<String>,
    /// Train baskets that hold it.
    pub count: u64,
}

/// Items and their vectors.
#[derive(Debug)]
pub struct Vectors {
    /// Items in the order of their vectors, which is that of their indices.
    pub items: Vec<Item>,
    dim: usize,
    /// Scaled to length 1.
    unit: Vec<f32>,
    lengths: Vec<f32>,
    /// What a user's vector is multiplied with, and what is added, where that is not the items' own.
    scoring: Option<Scoring>,
    /// Where each lies on a flat map; empty for artifacts of builds that made none.
    pub map: Vec<[f32; 2]>,
}

/// How users' vectors score items, where items have other vectors for that.
#[derive(Debug, Default)]
struct Scoring {
    vectors: Vec<f32>,
    priors: Vec<f32>,
}

/// The batches of a Parquet file, one after another.
///
/// # Errors
/// Where it is not there or is damaged.
pub async fn each(
    warehouse: &Warehouse,
    path: &str,
) -> Result<impl Iterator<Item = Result<RecordBatch, SchedulerError>> + use<>, SchedulerError> {
    let bytes = warehouse.get(path).await?;
    let path = path.to_owned();
    let damaged = move |e: &dyn std::fmt::Display| {
        SchedulerError::Failed(format!("`{path}` cannot be read: {e}"))
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|b| b.build())
        .map_err(|e| damaged(&e))?;
    Ok(reader.map(move |batch| batch.map_err(|e| damaged(&e))))
}

/// All of them.
///
/// # Errors
/// As [`each`].
pub async fn read(warehouse: &Warehouse, path: &str) -> Result<Vec<RecordBatch>, SchedulerError> {
    each(warehouse, path).await?.collect()
}

/// A column by name.
///
/// # Errors
/// Where there is none.
pub fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, SchedulerError> {
    batch
        .column_by_name(name)
        .map(AsRef::as_ref)
        .ok_or_else(|| SchedulerError::Failed(format!("the column {name} is missing")))
}

/// The vectors of a column one after another, and the length of each.
fn floats_of(vectors: &dyn Array) -> (&ArrayRef, usize) {
    match vectors.data_type() {
        DataType::FixedSizeList(_, width) => {
            (vectors.as_fixed_size_list().values(), *width as usize)
        }
        _ => {
            let lists = vectors.as_list::<i32>();
            (
                lists.values(),
                if lists.is_empty() {
                    0
                } else {
                    lists.value_length(0) as usize
                },
            )
        }
    }
}

/// Train-basket counts by item index, from a vocab's table version.
///
/// # Errors
/// Where its files cannot be read.
pub async fn counts(
    warehouse: &Warehouse,
    vocab: &TableManifest,
) -> Result<Vec<u64>, SchedulerError> {
    let mut counts = Vec::new();
    for file in &vocab.files {
        for batch in read(warehouse, &file.path).await? {
            let items = column(&batch, "item_idx")?.as_primitive::<UInt32Type>();
            let count = column(&batch, "count")?.as_primitive::<Int64Type>();
            for (item, count) in items.values().iter().zip(count.values()) {
                let at = *item as usize;
                counts.resize(counts.len().max(at + 1), 0);
                counts[at] = count.unsigned_abs();
            }
        }
    }
    Ok(counts)
}

impl Vectors {
    /// Reads an artifact's vectors.
    ///
    /// # Errors
    /// Where the file is not there or is damaged.
    pub async fn read(warehouse: &Warehouse, artifact: &str) -> Result<Self, SchedulerError> {
        let (mut items, mut unit, mut dim) = (Vec::new(), Vec::new(), 0);
        let (mut lengths, mut map, mut scoring) = (Vec::new(), Vec::new(), None);
        for batch in read(warehouse, &format!("{artifact}/vectors.parquet")).await? {
            let failed =
                |e: datafusion::arrow::error::ArrowError| SchedulerError::Failed(e.to_string());
            let ids = column(&batch, "item_id")?.as_string::<i32>();
            let names = column(&batch, "name")?.as_string::<i32>();
            let counts = cast(column(&batch, "count")?, &DataType::Int64).map_err(failed)?;
            let counts = counts.as_primitive::<Int64Type>();
            let departments = batch
                .column_by_name("department")
                .map(|c| c.as_string::<i32>());
            if let Some(places) = batch.column_by_name("map") {
                let places = places.as_fixed_size_list().values();
                let places = places
                    .as_primitive::<Float32Type>()
                    .values()
                    .chunks_exact(2);
                map.extend(places.map(|place| [place[0], place[1]]));
            }
            if let Some(outputs) = batch.column_by_name("output") {
                let scoring = scoring.get_or_insert_with(Scoring::default);
                let outputs = outputs.as_fixed_size_list().values();
                let priors = column(&batch, "prior")?.as_primitive::<Float32Type>();
                scoring
                    .vectors
                    .extend_from_slice(outputs.as_primitive::<Float32Type>().values());
                scoring.priors.extend_from_slice(priors.values());
            }
            let vectors = column(&batch, "vector")?;
            let (values, width) = floats_of(vectors);
            dim = width.max(dim);
            for row in 0..batch.num_rows() {
                let name = if names.is_valid(row) {
                    names.value(row)
                } else {
                    ids.value(row)
                };
                items.push(Item {
                    item_id: ids.value(row).to_owned(),
                    name: name.to_owned(),
                    department: departments
                        .filter(|d| d.is_valid(row))
                        .map(|d| d.value(row).to_owned()),
                    count: counts.value(row).unsigned_abs(),
                });
            }
            for vector in values
                .as_primitive::<Float32Type>()
                .values()
                .chunks(width.max(1))
            {
                let length = vector
                    .iter()
                    .map(|v| v * v)
                    .sum::<f32>()
                    .sqrt()
                    .max(f32::MIN_POSITIVE);
                unit.extend(vector.iter().map(|v| v / length));
                lengths.push(length);
            }
        }
        Ok(Self {
            items,
            dim,
            unit,
            lengths,
            scoring,
            map,
        })
    }

    /// The place of an item by id, by name, or by a name that only one item's name contains.
    ///
    /// # Errors
    /// Where there is none, or more than one; the text names some.
    pub fn find(&self, wanted: &str) -> Result<usize, SchedulerError> {
        find(&self.items, wanted)?.ok_or_else(|| {
            SchedulerError::NotFound(format!(
                "the model knows no item `{wanted}`; items in too few train baskets are left out"
            ))
        })
    }

    /// The `top` items with the largest product with a vector, those left out that `out` names; ties by
    /// place, which is by how often they are bought.
    ///
    /// # Errors
    /// Where the vector is of another length.
    pub fn best(
        &self,
        vector: &[f32],
        out: &BTreeSet<usize>,
        top: usize,
    ) -> Result<Vec<(usize, f32)>, SchedulerError> {
        if vector.len() != self.dim {
            let (items, other) = (self.dim, vector.len());
            let reason = format!("vectors of items have {items} numbers, this one {other}");
            return Err(SchedulerError::Failed(reason));
        }
        let row = |of: &[f32], at: usize| -> f32 {
            let of = &of[at * self.dim..(at + 1) * self.dim];
            of.iter().zip(vector).map(|(a, b)| a * b).sum()
        };
        let score = |at: usize| match &self.scoring {
            Some(scoring) => row(&scoring.vectors, at) + scoring.priors[at],
            None => self.lengths[at] * row(&self.unit, at),
        };
        let places = (0..self.items.len()).filter(|at| !out.contains(at));
        Ok(largest(places.map(|at| (at, score(at))).collect(), top))
    }

    /// The mean of items' vectors; none of none.
    #[must_use]
    pub fn mean(&self, items: &[usize]) -> Option<Vec<f32>> {
        if items.is_empty() {
            return None;
        }
        let mut mean = vec![0.0; self.dim];
        for at in items {
            let share = self.lengths[*at] / items.len() as f32;
            let unit = &self.unit[at * self.dim..(at + 1) * self.dim];
            mean.iter_mut().zip(unit).for_each(|(m, u)| *m += share * u);
        }
        Some(mean)
    }

    /// The `top` nearest items with their cosine, the item itself left out, ties by place.
    #[must_use]
    pub fn nearest(&self, at: usize, top: usize) -> Vec<(usize, f32)> {
        let vector = |i: usize| &self.unit[i * self.dim..(i + 1) * self.dim];
        let me = vector(at);
        let others = (0..self.items.len()).filter(|i| *i != at);
        let cosine = |i| vector(i).iter().zip(me).map(|(a, b)| a * b).sum::<f32>();
        largest(others.map(|i| (i, cosine(i))).collect(), top)
    }
}

/// The place of an item by id, by name, or by a name that only one item's name contains; none where there
/// is none.
///
/// # Errors
/// Where there is more than one; the text names some.
pub fn find(items: &[Item], wanted: &str) -> Result<Option<usize>, SchedulerError> {
    if let Some(at) = items.iter().position(|i| i.item_id == wanted) {
        return Ok(Some(at));
    }
    // Of several items of one name the most bought stands for them.
    let lower = wanted.to_lowercase();
    let named = items.iter().enumerate();
    let named = named.filter(|(_, i)| i.name.to_lowercase() == lower);
    if let Some((at, _)) = named.max_by_key(|(at, i)| (i.count, std::cmp::Reverse(*at))) {
        return Ok(Some(at));
    }
    let like: Vec<usize> = (0..items.len())
        .filter(|i| items[*i].name.to_lowercase().contains(&lower))
        .collect();
    match like.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        many => {
            let mut names: Vec<&str> = many.iter().map(|i| items[*i].name.as_str()).collect();
            names.dedup();
            names.truncate(8);
            Err(SchedulerError::NotFound(format!(
                "`{wanted}` fits {} items; name one, such as {}",
                many.len(),
                names.join(", ")
            )))
        }
    }
}

fn largest(mut all: Vec<(usize, f32)>, top: usize) -> Vec<(usize, f32)> {
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(top);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Vectors {
        let item = |id: &str, name: &str| Item {
            item_id: id.into(),
            name: name.into(),
            department: None,
            count: 1,
        };
        let items = vec![item("1", "milk"), item("2", "soy milk"), item("3", "bread")];
        Vectors {
            items,
            dim: 2,
            unit: vec![1.0, 0.0, 0.8, 0.6, 0.0, 1.0],
            lengths: vec![1.0, 2.0, 3.0],
            scoring: None,
            map: vec![],
        }
    }

    #[test]
    fn found_by_id_name_or_part_of_a_name() -> Result<(), SchedulerError> {
        let v = vectors();
        assert_eq!([v.find("3")?, v.find("Milk")?, v.find("soy")?], [2, 0, 1]);
        assert!(v.find("beer").is_err());
        Ok(())
    }

    #[test]
    fn nearest_first() {
        assert_eq!(vectors().nearest(0, 1), [(1, 0.8)]);
    }

    #[test]
    fn the_best_of_what_is_left() -> Result<(), SchedulerError> {
        let best = vectors().best(&[1.0, 0.5], &BTreeSet::from([1]), 5)?;
        assert_eq!(best, [(2, 1.5), (0, 1.0)]);
        assert!(vectors().best(&[1.0], &BTreeSet::new(), 5).is_err());
        assert_eq!(vectors().mean(&[0, 2]), Some(vec![0.5, 1.5]));
        assert_eq!(vectors().mean(&[]), None);
        let scored = Vectors {
            scoring: Some(Scoring {
                vectors: vec![1.0, 0.0, 0.0, 0.0, 0.0, 4.0],
                priors: vec![0.0, 3.0, 0.5],
            }),
            ..vectors()
        };
        let best = scored.best(&[1.0, 0.5], &BTreeSet::new(), 5)?;
        assert_eq!(best, [(1, 3.0), (2, 2.5), (0, 1.0)]);
        Ok(())
    }
}
