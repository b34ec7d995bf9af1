//! Builds one typed column from texts. A text that is not of the column's type is refused and
//! leaves nothing behind that [`Values::end_row`] would not take away.

pub mod number;
pub mod time;

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    StringArray, TimestampSecondArray,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

use super::{MONEY, RawColumn, RawType};
use time::Form;

/// A text that is not of the column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// What a vector holds; it stays ready for as much again.
fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}

/// Values of one column while a batch is read.
pub struct Values {
    kind: RawType,
    form: Form,
    round: bool,
    cells: Cells,
    /// Whether each row has a value.
    present: Vec<bool>,
    nulls: usize,
}

/// The values themselves, those of null rows being zero or empty.
enum Cells {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    Bool(Vec<bool>),
    Money(Vec<i128>),
    /// Bytes of all texts, and where each ends.
    Text(Vec<u8>, Vec<i32>),
    /// Texts that nobody asked for.
    Unkept,
}

impl Values {
    /// No value yet; `kept` says whether the texts are wanted.
    ///
    /// # Errors
    /// Where the column's `format` cannot be read.
    pub fn new(column: &RawColumn, kept: bool) -> Result<Self> {
        let form = Form::parse(column.format.as_deref())
            .map_err(|e| exec_datafusion_err!("column `{}`: {e}", column.name))?;
        let cells = match column.kind {
            RawType::Text | RawType::IdText if !kept => Cells::Unkept,
            RawType::Int32 | RawType::Date | RawType::DateYmd => Cells::Int32(Vec::new()),
            RawType::Int64 | RawType::Id | RawType::Timestamp => Cells::Int64(Vec::new()),
            RawType::Float64 => Cells::Float64(Vec::new()),
            RawType::Bool => Cells::Bool(Vec::new()),
            RawType::Text | RawType::IdText => Cells::Text(Vec::new(), vec![0]),
            RawType::Money => Cells::Money(Vec::new()),
        };
        Ok(Self {
            kind: column.kind,
            form,
            round: column.round,
            cells,
            present: Vec::new(),
            nulls: 0,
        })
    }

    /// Whether a text's bytes must be UTF-8 before they are pushed.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, RawType::Text | RawType::IdText)
    }

    /// Appends a null.
    pub fn push_null(&mut self) {
        self.present.push(false);
        self.nulls += 1;
        match &mut self.cells {
            Cells::Int32(v) => v.push(0),
            Cells::Int64(v) => v.push(0),
            Cells::Float64(v) => v.push(0.0),
            Cells::Bool(v) => v.push(false),
            Cells::Money(v) => v.push(0),
            Cells::Text(bytes, ends) => ends.push(bytes.len() as i32),
            Cells::Unkept => {}
        }
    }

    /// Appends a text that is not empty.
    ///
    /// # Errors
    /// Where it is not of the column's type; then nothing is appended.
    pub fn push(&mut self, text: &[u8]) -> std::result::Result<(), Refused> {
        match (&mut self.cells, self.kind) {
            (Cells::Int32(v), RawType::Int32) => {
                let value = number::integer(text).and_then(|n| i32::try_from(n).ok());
                v.push(value.ok_or(Refused)?);
            }
            (Cells::Int32(v), kind) => {
                let day = self.form.day(text, kind == RawType::Date);
                v.push(day.ok_or(Refused)?);
            }
            (Cells::Int64(v), RawType::Timestamp) => v.push(self.form.moment(text).ok_or(Refused)?),
            (Cells::Int64(v), _) => v.push(number::integer(text).ok_or(Refused)?),
            (Cells::Float64(v), _) => v.push(number::float(text).ok_or(Refused)?),
            (Cells::Bool(v), _) => v.push(number::boolean(text).ok_or(Refused)?),
            (Cells::Money(v), _) => v.push(number::money(text, self.round).ok_or(Refused)?),
            (Cells::Text(bytes, ends), kind) => {
                if kind == RawType::IdText {
                    bytes.extend_from_slice(&number::id_text(text).ok_or(Refused)?);
                } else {
                    bytes.extend_from_slice(text);
                }
                ends.push(bytes.len() as i32);
            }
            (Cells::Unkept, RawType::IdText) => {
                number::id_text(text).ok_or(Refused)?;
            }
            (Cells::Unkept, _) => {}
        }
        self.present.push(true);
        Ok(())
    }

    /// Appends an amount that the source holds as a float.
    ///
    /// # Errors
    /// As [`Values::push`].
    pub fn push_float(&mut self, value: f64) -> std::result::Result<(), Refused> {
        match &mut self.cells {
            Cells::Money(v) => v.push(number::money_of(value, self.round).ok_or(Refused)?),
            _ => return self.push(value.to_string().as_bytes()),
        }
        self.present.push(true);
        Ok(())
    }

    /// Makes row `row` null, whether it was appended before the row's fault was seen or not.
    pub fn end_row(&mut self, row: usize) {
        for there in self.present.drain(row..) {
            self.nulls -= usize::from(!there);
        }
        match &mut self.cells {
            Cells::Int32(v) => v.truncate(row),
            Cells::Int64(v) => v.truncate(row),
            Cells::Float64(v) => v.truncate(row),
            Cells::Bool(v) => v.truncate(row),
            Cells::Money(v) => v.truncate(row),
            Cells::Text(bytes, ends) => {
                ends.truncate(row + 1);
                bytes.truncate(ends.last().map_or(0, |end| *end as usize));
            }
            Cells::Unkept => {}
        }
        self.push_null();
    }

    /// The array of all rows; the next batch begins empty.
    ///
    /// # Errors
    /// Where a text is not UTF-8.
    pub fn finish(&mut self) -> Result<ArrayRef> {
        let nulls = (self.nulls > 0).then(|| NullBuffer::from(self.present.as_slice()));
        self.present.clear();
        self.nulls = 0;
        Ok(match &mut self.cells {
            Cells::Int32(v) if self.kind == RawType::Int32 => {
                Arc::new(Int32Array::new(taken(v).into(), nulls))
            }
            Cells::Int32(v) => Arc::new(Date32Array::new(taken(v).into(), nulls)),
            Cells::Int64(v) if self.kind == RawType::Timestamp => {
                Arc::new(TimestampSecondArray::new(taken(v).into(), nulls))
            }
            Cells::Int64(v) => Arc::new(Int64Array::new(taken(v).into(), nulls)),
            Cells::Float64(v) => Arc::new(Float64Array::new(taken(v).into(), nulls)),
            Cells::Bool(v) => Arc::new(BooleanArray::new(taken(v).into(), nulls)),
            Cells::Money(v) => {
                let array = Decimal128Array::new(taken(v).into(), nulls);
                Arc::new(array.with_precision_and_scale(MONEY.0, MONEY.1)?)
            }
            Cells::Text(bytes, ends) => {
                let ends = std::mem::replace(ends, vec![0]);
                Arc::new(StringArray::try_new(
                    OffsetBuffer::new(ends.into()),
                    Buffer::from_vec(taken(bytes)),
                    nulls,
                )?)
            }
            Cells::Unkept => {
                return Err(exec_datafusion_err!(
                    "a column that nobody wants has no array"
                ));
            }
        })
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.present.clear();
        self.nulls = 0;
        match &mut self.cells {
            Cells::Int32(v) => v.clear(),
            Cells::Int64(v) => v.clear(),
            Cells::Float64(v) => v.clear(),
            Cells::Bool(v) => v.clear(),
            Cells::Money(v) => v.clear(),
            Cells::Text(bytes, ends) => {
                bytes.clear();
                ends.truncate(1);
            }
            Cells::Unkept => {}
        }
    }
}
