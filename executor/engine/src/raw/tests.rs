//! Tests of all formats through the seam, and what tests of one format share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type, UInt64Type};
use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use datafusion::error::Result;
use datafusion::parquet::arrow::ArrowWriter;

use super::{RawColumn, RawForm, RawFormat, RawPiece, RawType, Reading, peek, read, schema};

/// Everything that a file gave, in one batch.
pub struct Table(RecordBatch);

impl Table {
    pub fn batch(&self) -> RecordBatch {
        self.0.clone()
    }

    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    pub fn reasons(&self) -> Vec<Option<String>> {
        let reasons = self.0.column_by_name("_reason").unwrap().as_string::<i32>();
        reasons.iter().map(|r| r.map(str::to_owned)).collect()
    }

    /// Line, reason and text of every reject.
    pub fn rejects(&self) -> Vec<(u64, String, String)> {
        let column = |name| self.0.column_by_name(name).unwrap();
        let lines = column("_line").as_primitive::<UInt64Type>();
        let texts = column("_text").as_string::<i32>();
        let reasons = self.reasons().into_iter().enumerate();
        reasons
            .filter_map(|(row, reason)| {
                Some((lines.value(row), reason?, texts.value(row).to_owned()))
            })
            .collect()
    }
}

/// Reads a file of these bytes, all columns.
pub fn read(name: &str, bytes: &[u8], format: RawFormat, columns: &[RawColumn]) -> Result<Table> {
    let all: Vec<usize> = (0..columns.len() + 4).collect();
    read_with(name, bytes, &format.into(), columns, &all)
}

/// Reads a file of these bytes.
pub fn read_with(
    name: &str,
    bytes: &[u8],
    form: &RawForm,
    columns: &[RawColumn],
    projection: &[usize],
) -> Result<Table> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(name);
    std::fs::write(&path, bytes)?;
    let reading = Arc::new(Reading::new(columns, projection, 0)?);
    let piece = RawPiece {
        path: path.to_str().unwrap().to_owned(),
        part: 0,
        first_row: 0,
        rows: None,
    };
    let mut file = read::open(&piece, form, &reading)?;
    let mut batches = Vec::new();
    while let Some(batch) = file.next_batch()? {
        assert!(batch.num_rows() <= read::BATCH_ROWS);
        batches.push(batch);
    }
    let schema = Arc::new(schema(columns).project(projection)?);
    if projection.is_empty() {
        return Ok(Table(batches.remove(0)));
    }
    Ok(Table(concat_batches(&schema, &batches)?))
}

fn columns() -> Vec<RawColumn> {
    vec![
        RawColumn {
            alias: Some("user_id".into()),
            ..RawColumn::new("customer", RawType::Id)
        },
        RawColumn {
            required: true,
            ..RawColumn::new("item", RawType::IdText)
        },
        RawColumn::new("spend", RawType::Money),
        RawColumn::new("at", RawType::Timestamp),
    ]
}

/// The same rows in four forms: two that are well, one without an item, one whose customer
/// overflows, one with a third decimal.
fn rows() -> RecordBatch {
    let customers = Float64Array::from(vec![Some(7.0), None, Some(1.0), Some(1e300), Some(2.0)]);
    let items = StringArray::from(vec![
        Some("749534.0"),
        Some("b"),
        None,
        Some("c"),
        Some("d"),
    ]);
    let spend = Float64Array::from(vec![1.1 + 2.2, 0.5, 1.0, 1.0, 1.234]);
    let nanos = 1_569_931_200_123_456_789;
    let at = TimestampNanosecondArray::from(vec![Some(nanos), None, Some(nanos), None, None]);
    let arrays: [(&str, ArrayRef); 4] = [
        ("customer", Arc::new(customers)),
        ("item", Arc::new(items)),
        ("spend", Arc::new(spend)),
        ("at", Arc::new(at)),
    ];
    RecordBatch::try_from_iter_with_nullable(arrays.map(|(n, a)| (n, a, true))).unwrap()
}

const CSV: &str = "customer,item,spend,at\n7.0,749534.0,3.3,2019-10-01 12:00:00 UTC\n,b,0.50,\n1,,1,\n1e300,c,1.0,\n2,d,1.234,\n";
const JSON: &str = r#"{"customer": 7.0, "item": 749534.0, "spend": 3.3000000000000003, "at": "2019-10-01T12:00:00Z", "more": [1]}
{"item": "b", "spend": 0.5, "customer": null}
{"customer": 1, "item": "", "spend": 1}
{"Customer": 1e300, "item": "c", "spend": 1.0}
{"customer": 2, "item": "d", "spend": 1.234}
"#;

fn ipc_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn ipc_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn all_formats_give_the_same_rows_and_rejects() -> Result<()> {
    let batch = rows();
    let zstd = zstd::encode_all(ipc_stream(&batch).as_slice(), 1)?;
    for (name, bytes, format) in [
        ("a.csv", CSV.as_bytes().to_vec(), RawFormat::Csv),
        ("a.jsonl", JSON.as_bytes().to_vec(), RawFormat::Jsonl),
        ("a.parquet", parquet(&batch), RawFormat::Parquet),
        ("a.arrow", ipc_file(&batch), RawFormat::Arrow),
        ("a.arrows", ipc_stream(&batch), RawFormat::Arrow),
        ("a.arrows.zst", zstd, RawFormat::Arrow),
    ] {
        assert_eq!(RawFormat::of_name(name), Some(format));
        let table = read(name, &bytes, format, &columns())?;
        let reasons: Vec<bool> = table.reasons().iter().map(Option::is_some).collect();
        assert_eq!(reasons, [false, false, true, true, true], "{name}");
        let rejects = table.rejects();
        assert_eq!(rejects[0].1, "item is empty", "{name}");
        assert!(
            rejects[1].1.contains("not an integer id"),
            "{name}: {rejects:?}"
        );
        assert!(
            rejects[2].1.contains("spend is `1.234`, not an amount"),
            "{name}: {rejects:?}"
        );
        let batch = table.batch();
        let users = batch.column_by_name("user_id").unwrap();
        let users: Vec<_> = users.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(users, [Some(7), None, None, None, None], "{name}");
        let items: Vec<_> = batch.column(1).as_string::<i32>().iter().collect();
        assert_eq!(items[..2], [Some("749534"), Some("b")], "{name}");
        let spend = batch.column(2).as_primitive::<Decimal128Type>();
        assert_eq!(spend.values()[..2], [330, 50], "{name}");
        let at = batch.column(3);
        assert_eq!(at.null_count(), 4, "{name}");
        assert!(
            format!("{at:?}").contains("2019-10-01T12:00:00"),
            "{name}: {at:?}"
        );
    }
    Ok(())
}

#[test]
fn columns_that_cannot_make_a_reject_are_not_read() -> Result<()> {
    let batch = rows();
    let schema = batch.schema();
    let needed = |projection: &[usize], never_null: bool| -> Result<Vec<usize>> {
        let reading = Arc::new(Reading::new(&columns(), projection, 0)?);
        let columnar = super::columnar::Columnar::new("x", &schema, reading, 0)?;
        Ok(columnar.needed(&schema, |_| never_null))
    };
    // A float may lose as an id and as money; the text may be missing; the moment can do neither.
    let reason = columns().len() + 2;
    assert_eq!(needed(&[reason], false)?, [0, 1, 2]);
    assert_eq!(needed(&[3], false)?, [0, 1, 2, 3]);
    // Who only counts rows or names them need not know whether they are bad.
    assert!(needed(&[], false)?.is_empty());
    assert!(needed(&[reason - 1, reason - 2], false)?.is_empty());
    let mut safe = columns();
    safe.remove(0);
    safe.remove(1);
    safe[0].kind = RawType::Text;
    let reading = Arc::new(Reading::new(&safe, &[safe.len() + 2], 0)?);
    let columnar = super::columnar::Columnar::new("x", &schema, reading, 0)?;
    assert_eq!(columnar.needed(&schema, |_| false), [1]);
    assert!(columnar.needed(&schema, |_| true).is_empty());
    Ok(())
}

#[test]
fn a_file_of_integers_is_counted_without_reading_a_column() -> Result<()> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
    let batch = RecordBatch::try_from_iter([("customer", ids)]).unwrap();
    let columns = [RawColumn {
        required: true,
        ..RawColumn::new("customer", RawType::Id)
    }];
    let form = RawForm::from(RawFormat::Parquet);
    let table = read_with("a.parquet", &parquet(&batch), &form, &columns, &[4, 3, 2])?;
    assert_eq!(table.rows(), 20_000);
    let lines = table.batch().column_by_name("_line").unwrap().clone();
    assert_eq!(lines.as_primitive::<UInt64Type>().value(19_999), 20_000);
    assert!(table.rejects().is_empty());
    Ok(())
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let batch = rows();
    for (name, bytes, format) in [
        ("no.parquet", b"PAR1 nothing".to_vec(), RawFormat::Parquet),
        ("no.arrow", b"nothing of it".to_vec(), RawFormat::Arrow),
        (
            "cut.arrow",
            ipc_file(&batch)[..300].to_vec(),
            RawFormat::Arrow,
        ),
    ] {
        let error = read(name, &bytes, format, &columns())
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    let without = batch.project(&[0, 2, 3]).unwrap();
    let error = read(
        "a.parquet",
        &parquet(&without),
        RawFormat::Parquet,
        &columns(),
    )
    .map(|_| ())
    .unwrap_err();
    let said = "has no column `item`; its columns are customer, spend, at";
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn json_that_is_none_is_a_reject() -> Result<()> {
    let text = "{\"item\": \"a\"}\n\n[1]\n{\"item\": \n{\"item\": {\"id\": 1}, \"customer\": \"x\"}\n{\"item\": \"b\"}";
    let table = read("a.jsonl", text.as_bytes(), RawFormat::Jsonl, &columns())?;
    let rejects = table.rejects();
    let lines: Vec<u64> = rejects.iter().map(|r| r.0).collect();
    assert_eq!((table.rows(), lines), (5, vec![3, 4, 5]));
    assert_eq!(rejects[0].1, "no JSON object");
    assert!(rejects[1].1.starts_with("not JSON"), "{rejects:?}");
    assert_eq!(rejects[2].1, "customer is `x`, not an integer id");
    Ok(())
}

#[test]
fn a_look_at_a_file_tells_its_columns() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let batch = rows();
    for (name, bytes) in [
        ("a.csv", CSV.as_bytes().to_vec()),
        ("a.jsonl", JSON.as_bytes().to_vec()),
        ("a.parquet", parquet(&batch)),
        ("a.arrow", ipc_file(&batch)),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes)?;
        let form = RawForm::from(RawFormat::of_name(name).unwrap());
        let seen = peek::peek(path.to_str().unwrap(), &form)?;
        let integers = |name: &str| seen.iter().any(|s| s.name == name && s.is_integer);
        assert!(seen.iter().any(|s| s.name == "at"), "{name}: {seen:?}");
        assert!(!integers("item") && !integers("at"), "{name}: {seen:?}");
    }
    let path = dir.path().join("b.csv");
    std::fs::write(&path, "a,b,c\n7.0,07,\n8,8,\n")?;
    let seen = peek::peek(path.to_str().unwrap(), &RawFormat::Csv.into())?;
    let integers: Vec<bool> = seen.iter().map(|s| s.is_integer).collect();
    assert_eq!(integers, [true, false, false]);
    Ok(())
}
