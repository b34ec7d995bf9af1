//! Turns batches of a columnar file into batches of the declared columns. A value that is not of
//! its column's type, or that casting would lose, makes its row a reject, as in CSV. Where nothing
//! is amiss no row is looked at by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, RecordBatch, StringArray,
    new_null_array,
};
use datafusion::arrow::compute::kernels::cast::{CastOptions, cast, cast_with_options};
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema, TimeUnit, TimestampSecondType};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

use super::read::{Fault, Lines, Origin, Reading, no_column};
use super::value::{Values, number};
use super::{MONEY, RawColumn, RawType};

/// Where the declared columns stand in a file, and which of them are read.
pub struct Columnar {
    reading: Arc<Reading>,
    origin: Origin,
    /// For each declared column its place among the file's columns, where it has one.
    places: Vec<Option<usize>>,
    row: u64,
}

impl Columnar {
    /// Of a file with this schema, from a row on.
    ///
    /// # Errors
    /// Where it lacks a column.
    pub fn new(path: &str, schema: &Schema, reading: Arc<Reading>, first_row: u64) -> Result<Self> {
        let fields = schema.fields();
        let place = |column: &RawColumn| {
            // The very name goes first: a columnar file may have two that differ in case only.
            let exact = fields
                .iter()
                .position(|f| column.is_named(f.name()) && *f.name() == column.name);
            let place = exact.or_else(|| fields.iter().position(|f| column.is_named(f.name())));
            if place.is_none() && !column.optional {
                let found: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
                return Err(exec_datafusion_err!("{}", no_column(path, column, &found)));
            }
            Ok(place)
        };
        Ok(Self {
            places: reading.columns().iter().map(place).collect::<Result<_>>()?,
            origin: Origin::new(path),
            reading,
            row: first_row,
        })
    }

    /// The file's columns that must be read: those wanted, and those that may make a row a reject.
    /// `never_null` says of a file's column that no row lacks it.
    pub fn needed(&self, schema: &Schema, never_null: impl Fn(usize) -> bool) -> Vec<usize> {
        if !self.reading.judges() {
            return Vec::new();
        }
        let declared = self.reading.columns().iter().zip(&self.places).enumerate();
        let mut needed: Vec<usize> = declared
            .filter_map(|(at, (column, place))| {
                let place = (*place)?;
                let may_lack = column.required && !never_null(place);
                let may_lose = !is_kept(schema.field(place).data_type(), column);
                (self.reading.wants(at) || may_lack || may_lose).then_some(place)
            })
            .collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// A batch of the declared columns. `columns` are those of [`Columnar::needed`].
    ///
    /// # Errors
    /// Where a column is of a kind that its type can never be read from.
    pub fn convert(
        &mut self,
        path: &str,
        needed: &[usize],
        batch: &RecordBatch,
    ) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut faults = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.places.len());
        for (at, (column, place)) in self.reading.columns().iter().zip(&self.places).enumerate() {
            let read = place.and_then(|place| needed.iter().position(|n| *n == place));
            let array = match read {
                Some(read) => read_column(batch.column(read), column, &mut faults)
                    .map_err(|e| exec_datafusion_err!("`{path}`, column `{}`: {e}", column.name))?,
                None if place.is_none() && column.required && rows > 0 => {
                    faults.extend((0..rows).map(|row| (row, format!("{} is empty", column.name))));
                    new_null_array(&column.kind.arrow(), rows)
                }
                None if self.reading.wants(at) => new_null_array(&column.kind.arrow(), rows),
                None => continue,
            };
            arrays.push((at, array));
        }
        let first = self.row + 1;
        self.row += rows as u64;
        let faults: Vec<Fault> = faults
            .into_iter()
            .map(|(row, reason)| Fault {
                row,
                reason,
                text: format!("row {}", first + row as u64),
            })
            .collect();
        let bad = (!faults.is_empty()).then(|| {
            let mut bad = vec![false; rows];
            faults.iter().for_each(|f| bad[f.row] = true);
            BooleanArray::from(bad)
        });
        let reading = Arc::clone(&self.reading);
        reading.batch(rows, &mut self.origin, Lines::From(first), &faults, |at| {
            let array = arrays
                .iter()
                .find(|(a, _)| *a == at)
                .map(|(_, array)| array);
            let array = array.ok_or_else(|| exec_datafusion_err!("column {at} was not read"))?;
            Ok(match &bad {
                Some(bad) => nullif(array, bad)?,
                None => Arc::clone(array),
            })
        })
    }
}

/// Whether every value of a type is one of the column's type.
fn is_kept(found: &DataType, column: &RawColumn) -> bool {
    use DataType::{
        Boolean, Date32, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32,
    };
    match column.kind {
        RawType::Text => is_text(found) || found.is_integer(),
        RawType::IdText => found.is_integer(),
        RawType::Int32 => matches!(found, Int8 | Int16 | Int32 | UInt8 | UInt16),
        RawType::Int64 | RawType::Id => {
            matches!(
                found,
                Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32
            )
        }
        RawType::Float64 => found.is_integer() && !matches!(found, Float32 | Float64),
        RawType::Bool => *found == Boolean,
        RawType::Date | RawType::DateYmd => *found == Date32,
        RawType::Timestamp => matches!(found, DataType::Timestamp(_, _) | Date32),
        RawType::Money => false,
    }
}

fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Casts a column; rows whose value is missing or lost by it get a reason.
fn read_column(
    array: &ArrayRef,
    column: &RawColumn,
    faults: &mut BTreeMap<usize, String>,
) -> Result<ArrayRef> {
    let (present, read) = convert(array, column)?;
    if read.null_count() > present.null_count() || (column.required && read.null_count() > 0) {
        for row in (0..read.len()).filter(|row| read.is_null(*row)) {
            let reason = if present.is_valid(row) {
                let wanted = column.wanted();
                let text = shown(array, row);
                format!("{} is `{text}`, not {wanted}", column.name)
            } else if column.required {
                format!("{} is empty", column.name)
            } else {
                continue;
            };
            faults.entry(row).or_insert(reason);
        }
    }
    Ok(read)
}

fn shown(array: &ArrayRef, row: usize) -> String {
    let text = cast(&array.slice(row, 1), &DataType::Utf8);
    text.ok()
        .and_then(|t| t.as_string_opt::<i32>().map(|t| t.value(0).to_owned()))
        .unwrap_or_default()
}

/// The values that are there (what is null in it was null in the file), and the same as the
/// column's type, null where that cannot be.
fn convert(array: &ArrayRef, column: &RawColumn) -> Result<(ArrayRef, ArrayRef)> {
    let found = array.data_type();
    if *found == DataType::Null {
        let nulls = new_null_array(&column.kind.arrow(), array.len());
        return Ok((Arc::clone(&nulls), nulls));
    }
    if is_text(found) {
        let texts = without_empty(&cast(array, &DataType::Utf8)?)?;
        let read = match column.kind {
            RawType::Text => Arc::clone(&texts),
            _ => parsed(texts.as_string::<i32>(), column)?,
        };
        return Ok((texts, read));
    }
    if let DataType::Dictionary(_, values) = found {
        return convert(&cast(array, values)?, column);
    }
    let by_float = found.is_floating()
        && matches!(
            column.kind,
            RawType::Money
                | RawType::Id
                | RawType::IdText
                | RawType::Int32
                | RawType::Int64
                | RawType::Float64
        );
    let by_text = column.format.is_some() && found.is_numeric()
        || column.kind == RawType::DateYmd && found.is_integer()
        || column.kind == RawType::Date && found.is_integer();
    let read = if by_float {
        from_floats(&cast(array, &DataType::Float64)?, column)?
    } else if by_text {
        parsed(cast(array, &DataType::Utf8)?.as_string::<i32>(), column)?
    } else {
        cast_safely(array, column)?
    };
    Ok((Arc::clone(array), read))
}

fn cast_safely(array: &ArrayRef, column: &RawColumn) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    if let (DataType::Timestamp(_, Some(zone)), RawType::Timestamp) =
        (array.data_type(), column.kind)
    {
        // Cast to a type without a zone it would become the time on that zone's clocks.
        let zoned = DataType::Timestamp(TimeUnit::Second, Some(Arc::clone(zone)));
        let seconds = cast_with_options(array, &zoned, &options)?;
        let utc = seconds.as_primitive::<TimestampSecondType>().clone();
        return Ok(Arc::new(utc.with_timezone_opt(None::<Arc<str>>)));
    }
    Ok(cast_with_options(array, &column.kind.arrow(), &options)?)
}

/// Texts with the empty ones null.
fn without_empty(texts: &ArrayRef) -> Result<ArrayRef> {
    let strings = texts.as_string::<i32>();
    let empty = |row: &usize| strings.value_length(*row) == 0 && strings.is_valid(*row);
    if !(0..strings.len()).any(|row| empty(&row)) {
        return Ok(Arc::clone(texts));
    }
    let mask: BooleanArray = (0..strings.len()).map(|row| Some(empty(&row))).collect();
    Ok(nullif(texts, &mask)?)
}

fn parsed(texts: &StringArray, column: &RawColumn) -> Result<ArrayRef> {
    let mut values = Values::new(column, true)?;
    for (row, text) in texts.iter().enumerate() {
        match text {
            None => values.push_null(),
            Some(text) if values.push(text.as_bytes()).is_err() => values.end_row(row),
            Some(_) => {}
        }
    }
    values.finish()
}

fn from_floats(floats: &ArrayRef, column: &RawColumn) -> Result<ArrayRef> {
    let exact = number::all_hundredths(floats.as_primitive::<Float64Type>().values());
    if let (RawType::Money, Some(hundredths)) = (column.kind, exact) {
        let array = Decimal128Array::new(hundredths.into(), floats.nulls().cloned());
        return Ok(Arc::new(array.with_precision_and_scale(MONEY.0, MONEY.1)?));
    }
    let mut values = Values::new(column, true)?;
    for (row, value) in floats.as_primitive::<Float64Type>().iter().enumerate() {
        match value {
            None => values.push_null(),
            Some(value) if values.push_float(value).is_err() => values.end_row(row),
            Some(_) => {}
        }
    }
    values.finish()
}
