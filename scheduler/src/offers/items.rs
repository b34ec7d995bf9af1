//! The items that a model can offer, with what it knows of them.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, Int64Type, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::ids::UNK;

use crate::error::SchedulerError;
use crate::neighbours::{Item, column, find, read};

/// The catalogue of a model, in the order of its indices.
#[derive(Debug, Default)]
pub struct Items {
    /// Items.
    pub items: Vec<Item>,
    /// Their indices.
    pub indices: Vec<u32>,
    /// Indices of their categories.
    pub categories: Vec<u32>,
    /// Their usual prices.
    pub prices: Vec<Option<f32>>,
    /// Categories by name.
    names: BTreeMap<String, u32>,
}

impl Items {
    /// Of an artifact's folder.
    ///
    /// # Errors
    /// Where the file is not there or is damaged.
    pub async fn read(warehouse: &Warehouse, folder: &str) -> Result<Self, SchedulerError> {
        let mut items = Self::default();
        for batch in read(warehouse, &format!("{folder}/vocab.parquet")).await? {
            items.add(&batch)?;
        }
        Ok(items)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), SchedulerError> {
        let of = |name: &str, to: &DataType| {
            let failed = |e| SchedulerError::Failed(format!("the column {name} is no {to}: {e}"));
            cast(column(batch, name)?, to).map_err(failed)
        };
        let texts = |name: &str| of(name, &DataType::Utf8);
        let (ids, names) = (texts("item_id")?, texts("name")?);
        let (departments, categories) = (texts("department")?, texts("category")?);
        let text = |column: &dyn Array, row: usize| {
            let column = column.as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let indices = of("item_idx", &DataType::UInt32)?;
        let category_indices = of("category_idx", &DataType::UInt32)?;
        let counts = of("count", &DataType::Int64)?;
        let prices = of("price", &DataType::Float32)?;
        for row in 0..batch.num_rows() {
            let item_id = text(&ids, row).unwrap_or_default();
            let category = category_indices.as_primitive::<UInt32Type>().value(row);
            if let Some(name) = text(&categories, row) {
                self.names.entry(name).or_insert(category);
            }
            let price = prices.as_primitive::<Float32Type>();
            self.items.push(Item {
                name: text(&names, row).unwrap_or_else(|| item_id.clone()),
                item_id,
                department: text(&departments, row),
                count: counts.as_primitive::<Int64Type>().value(row).unsigned_abs(),
            });
            self.indices
                .push(indices.as_primitive::<UInt32Type>().value(row));
            self.categories.push(category);
            self.prices
                .push(price.is_valid(row).then(|| price.value(row)));
        }
        Ok(())
    }

    /// The place of an item by id or name; none of one that the model has not met.
    ///
    /// # Errors
    /// Where the text fits several.
    pub fn find(&self, wanted: &str) -> Result<Option<usize>, SchedulerError> {
        find(&self.items, wanted)
    }

    /// The index of a category by name, and how it is written.
    ///
    /// # Errors
    /// [`SchedulerError::NotFound`] where there is none; the text names some.
    pub fn category(&self, wanted: &str) -> Result<(String, u32), SchedulerError> {
        let lower = wanted.to_lowercase();
        let found = self
            .names
            .iter()
            .find(|(name, _)| name.to_lowercase() == lower);
        found
            .map(|(name, index)| (name.clone(), *index))
            .ok_or_else(|| {
                let some: Vec<&str> = self.names.keys().take(8).map(String::as_str).collect();
                SchedulerError::NotFound(match some.as_slice() {
                    [] => "the model knows no categories".to_owned(),
                    some => format!(
                        "the model knows no category `{wanted}`; it knows {}, such as {}",
                        self.names.len(),
                        some.join(", ")
                    ),
                })
            })
    }

    /// How a category is written; empty of one that is not known.
    #[must_use]
    pub fn category_name(&self, index: u32) -> &str {
        if index == UNK {
            return "";
        }
        let mut names = self.names.iter();
        names
            .find(|(_, known)| **known == index)
            .map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float32Array, Int64Array, StringArray, UInt32Array};

    use super::*;

    #[test]
    fn items_and_categories_are_found() -> Result<(), Box<dyn std::error::Error>> {
        let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as _;
        let batch = RecordBatch::try_from_iter([
            ("item_idx", Arc::new(UInt32Array::from(vec![2, 3])) as _),
            ("item_id", text([Some("11"), Some("12")])),
            ("name", text([Some("milk"), None])),
            ("department", text([None, None])),
            ("category", text([Some("Dairy"), None])),
            ("category_idx", Arc::new(UInt32Array::from(vec![2, 1])) as _),
            ("count", Arc::new(Int64Array::from(vec![5, 4])) as _),
            (
                "price",
                Arc::new(Float32Array::from(vec![Some(1.5), None])) as _,
            ),
        ])?;
        let mut items = Items::default();
        items.add(&batch)?;
        assert_eq!(items.find("MILK")?, Some(0));
        assert_eq!((items.find("12")?, items.find("13")?), (Some(1), None));
        assert_eq!(items.category("dairy")?, ("Dairy".to_owned(), 2));
        let wrong = items.category("toys").err().map(|e| e.to_string());
        let says = "the model knows no category `toys`; it knows 1, such as Dairy";
        assert_eq!(wrong.as_deref(), Some(says));
        assert_eq!(
            (items.category_name(2), items.category_name(1)),
            ("Dairy", "")
        );
        Ok(())
    }
}
