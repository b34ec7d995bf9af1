//! A look at the beginning of a file: which columns it has and whether a column's values look like
//! integers. For people's specs, before any work starts; nothing is converted.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result;

use super::csv::{self, Record};
use super::input::unreadable;
use super::json::{self, JsonLines};
use super::value::number;
use super::{RawForm, RawFormat, arrow, parquet};

/// Rows looked at where values have no types.
const ROWS: usize = 1000;

/// A column as it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Nine of ten values seen are whole numbers (written as floats, too), none has leading zeros,
    /// and there are some. The others are then the bad ones.
    pub is_integer: bool,
}

/// Looks at a file.
///
/// # Errors
/// Where it cannot be opened or has no such form; the error names it.
pub fn peek(path: &str, form: &RawForm) -> Result<Vec<Seen>> {
    match form.format {
        RawFormat::Csv => csv(path, form),
        RawFormat::Jsonl => jsonl(path),
        RawFormat::Parquet => Ok(typed(&parquet::schema(path)?)),
        RawFormat::Arrow => Ok(typed(&arrow::schema(path)?)),
    }
}

fn typed(schema: &SchemaRef) -> Vec<Seen> {
    let numeric = |t: &DataType| t.is_integer() || t.is_floating();
    let seen = |name: &String, found: &DataType| Seen {
        name: name.clone(),
        is_integer: match found {
            DataType::Dictionary(_, values) => numeric(values),
            other => numeric(other),
        },
    };
    let fields = schema.fields().iter();
    fields.map(|f| seen(f.name(), f.data_type())).collect()
}

/// What is known of a column after some rows.
#[derive(Default, Clone)]
struct Known {
    values: usize,
    integers: usize,
    /// One has leading zeros: it would be another as a number.
    padded: bool,
}

impl Known {
    fn see(&mut self, value: &[u8]) {
        let digits = value.trim_ascii();
        self.padded |= digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
        self.values += 1;
        self.integers += usize::from(number::integer(digits).is_some());
    }

    fn seen(&self, name: String) -> Seen {
        Seen {
            name,
            is_integer: self.values > 0 && !self.padded && self.integers * 10 >= self.values * 9,
        }
    }
}

fn csv(path: &str, form: &RawForm) -> Result<Vec<Seen>> {
    let (mut records, header) = csv::open_records(path, &form.csv)?;
    let mut known = vec![Known::default(); header.len()];
    for _ in 0..ROWS {
        match records.read().map_err(|e| unreadable(path, &e))? {
            None => break,
            Some(Record::Fault { .. }) => {}
            Some(Record::Row { fields, .. }) => {
                for (known, field) in known.iter_mut().zip(fields.iter()) {
                    let null = form.csv.nulls.iter().any(|n| n.as_bytes() == field);
                    if !field.is_empty() && !null {
                        known.see(field);
                    }
                }
            }
        }
    }
    let columns = header.into_iter().zip(known);
    Ok(columns.map(|(name, known)| known.seen(name)).collect())
}

fn jsonl(path: &str) -> Result<Vec<Seen>> {
    let mut lines = JsonLines::open(path)?;
    let (mut names, mut known): (Vec<String>, Vec<Known>) = (Vec::new(), Vec::new());
    let mut there = BTreeSet::new();
    for _ in 0..ROWS {
        let Some((_, line)) = lines.read().map_err(|e| unreadable(path, &e))? else {
            break;
        };
        for (name, value) in json::parse(line).unwrap_or_default() {
            if there.insert(name.clone()) {
                names.push(name.clone());
                known.push(Known::default());
            }
            let at = names.iter().position(|n| *n == name).unwrap_or_default();
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) if text.is_empty() => {}
                serde_json::Value::String(text) => known[at].see(text.as_bytes()),
                other => known[at].see(other.to_string().as_bytes()),
            }
        }
    }
    let columns = names.into_iter().zip(known);
    Ok(columns.map(|(name, known)| known.seen(name)).collect())
}
