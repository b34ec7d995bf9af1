//! Answers to queries as text: cells, a table, a JSON document.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use serde_json::{Value, json};

use super::format::plural;
use super::table::{Align, Table};

/// A row of an answer; null where a cell has no text.
pub type Row = Vec<Option<String>>;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Arrow's name of the type, for example `Int64`.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// The columns of a schema.
pub fn columns(schema: &Schema) -> Vec<Column> {
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| Column {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
    };
    schema.fields().iter().map(column).collect()
}

/// The rows of a batch as text.
///
/// # Errors
/// Where a type has no text form.
pub fn cells(batch: &RecordBatch) -> Result<Vec<Row>, ArrowError> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|column| {
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
        Ok((column.logical_nulls(), formatter))
    });
    let columns: Vec<_> = columns.collect::<Result<_, ArrowError>>()?;
    let row = |at: usize| -> Result<Row, ArrowError> {
        let cell = |(nulls, text): &(Option<arrow::buffer::NullBuffer>, ArrayFormatter<'_>)| {
            let null = nulls.as_ref().is_some_and(|n| n.is_null(at));
            (!null).then(|| text.value(at).try_to_string()).transpose()
        };
        columns.iter().map(cell).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn is_number(column: &Column) -> bool {
    ["Int", "UInt", "Float"]
        .iter()
        .any(|t| column.data_type.starts_with(t))
}

/// An aligned table; cells wider than `widest` columns are cut.
pub fn table(columns: &[Column], rows: &[Row], truncated: bool, widest: usize) -> Vec<String> {
    let align = |c: &Column| {
        if is_number(c) || c.data_type.starts_with("Decimal") {
            Align::Right
        } else {
            Align::Left
        }
    };
    let mut table =
        Table::with_columns(columns.iter().map(|c| (c.name.clone(), align(c)))).widest(widest);
    for row in rows {
        table.row(
            row.iter()
                .map(|cell| cell.clone().unwrap_or_else(|| "null".to_owned())),
        );
    }
    let mut lines = table.lines();
    let cut = if truncated {
        "; there are more, --limit says how many to show"
    } else {
        ""
    };
    lines.push(format!("({}{cut})", plural(rows.len() as u64, "row")));
    lines
}

/// One document. Numbers and booleans are JSON's; decimals stay text, so that nothing is lost.
pub fn document(columns: &[Column], rows: &[Row], truncated: bool) -> Value {
    let rows: Vec<Vec<Value>> = rows
        .iter()
        .map(|row| {
            columns
                .iter()
                .zip(row)
                .map(|(column, cell)| value(column, cell.as_deref()))
                .collect()
        })
        .collect();
    json!({ "columns": columns, "rows": rows, "truncated": truncated })
}

fn value(column: &Column, cell: Option<&str>) -> Value {
    let Some(text) = cell else { return Value::Null };
    let typed = is_number(column) || column.data_type == "Boolean";
    let parsed = if typed {
        serde_json::from_str(text).ok()
    } else {
        None
    };
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let column = |name: &str, kind: &str| Column {
            name: name.into(),
            data_type: kind.into(),
        };
        vec![
            column("n", "Int64"),
            column("item", "Utf8"),
            column("spend", "Decimal128(12, 2)"),
            column("share", "Float64"),
        ]
    }

    fn rows() -> Vec<Row> {
        let row = |cells: [Option<&str>; 4]| cells.map(|c| c.map(str::to_owned)).to_vec();
        vec![
            row([Some("1"), Some("milk"), Some("12.50"), Some("0.25")]),
            row([Some("200"), None, Some("3.00"), Some("NaN")]),
        ]
    }

    #[test]
    fn numbers_lean_right() {
        let want = "  n  item  spend  share
  1  milk  12.50   0.25
200  null   3.00    NaN
(2 rows; there are more, --limit says how many to show)";
        assert_eq!(table(&columns(), &rows(), true, 40).join("\n"), want);
    }

    #[test]
    fn a_document_keeps_types() {
        let document = document(&columns(), &rows(), false);
        assert_eq!(
            document["rows"],
            json!([[1, "milk", "12.50", 0.25], [200, null, "3.00", "NaN"]])
        );
        assert_eq!(
            document["columns"][0],
            json!({ "name": "n", "type": "Int64" })
        );
    }
}
