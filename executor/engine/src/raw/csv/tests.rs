#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Int32Type, UInt64Type};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::split::{Places, Split};
use super::*;
use crate::raw::tests::{Table, read, read_with};
use crate::raw::{RawForm, RawFormat, RawType};

fn columns() -> Vec<RawColumn> {
    let required = |name: &str, kind| RawColumn {
        required: true,
        ..RawColumn::new(name, kind)
    };
    vec![
        required("DAY", RawType::DateYmd),
        required("QUANTITY", RawType::Int32),
        RawColumn::new("CUST", RawType::Text),
        RawColumn {
            optional: true,
            ..RawColumn::new("SEG", RawType::Text)
        },
    ]
}

const TEXT: &str = "QUANTITY,DAY,CUST\n1,20060410,\"a,b\"\nx,20060410,c\n2,20060410\n3,,d\n4,20060431,e\n5,20060411,\"\"\n";

fn csv(bytes: &[u8]) -> Result<Table> {
    read("a.csv", bytes, RawFormat::Csv, &columns())
}

fn error(result: Result<Table>) -> String {
    result
        .map(|_| ())
        .expect_err("it cannot be read")
        .to_string()
}

#[test]
fn bad_rows_become_rejects_and_no_row_is_lost() -> Result<()> {
    let batch = csv(TEXT.as_bytes())?.batch();
    assert_eq!(batch.num_rows(), 6);
    let reasons: Vec<Option<&str>> = batch.column(6).as_string::<i32>().iter().collect();
    let expected = [
        None,
        Some("QUANTITY is `x`, not a whole number"),
        Some("2 fields where the header has 3"),
        Some("DAY is empty"),
        Some("DAY is `20060431`, not a day written YYYYMMDD"),
        None,
    ];
    assert_eq!(reasons, expected);
    let quantity = batch.column(1).as_primitive::<Int32Type>();
    assert_eq!(
        quantity.iter().collect::<Vec<_>>(),
        [Some(1), None, None, None, None, Some(5)]
    );
    let customers: Vec<Option<&str>> = batch.column(2).as_string::<i32>().iter().collect();
    assert_eq!(customers, [Some("a,b"), None, None, None, None, None]);
    assert_eq!(batch.column(3).null_count(), 6);
    assert_eq!(batch.column(4).as_string::<i32>().value(5), "a.csv");
    assert_eq!(
        batch.column(5).as_primitive::<UInt64Type>().values(),
        &[2, 3, 4, 5, 6, 7]
    );
    assert_eq!(batch.column(7).as_string::<i32>().value(2), "2,20060410");
    Ok(())
}

#[test]
fn rejects_do_not_depend_on_what_is_asked_for() -> Result<()> {
    let all = csv(TEXT.as_bytes())?;
    for projection in [&[6][..], &[2, 6], &[7, 6], &[5, 6, 0]] {
        let form = RawForm::from(RawFormat::Csv);
        let some = read_with("a.csv", TEXT.as_bytes(), &form, &columns(), projection)?;
        assert_eq!(some.reasons(), all.reasons(), "{projection:?}");
    }
    let form = RawForm::from(RawFormat::Csv);
    let none = read_with("a.csv", TEXT.as_bytes(), &form, &columns(), &[])?;
    assert_eq!(
        (none.batch().num_rows(), none.batch().num_columns()),
        (6, 0)
    );
    Ok(())
}

#[test]
fn gzip_reads_the_same_and_a_damaged_file_is_an_error() -> Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(TEXT.as_bytes())?;
    let packed = encoder.finish()?;
    let plain = csv(TEXT.as_bytes())?.batch();
    let gzip = |bytes| read("a.csv.gz", bytes, RawFormat::Csv, &columns());
    assert_eq!(plain.columns()[..4], gzip(&packed)?.batch().columns()[..4]);
    let cut = error(gzip(&packed[..packed.len() - 12]));
    assert!(cut.contains("cannot be read to its end"), "{cut}");
    let zstd = zstd::encode_all(TEXT.as_bytes(), 1)?;
    let unpacked = read("a.csv.zst", &zstd, RawFormat::Csv, &columns())?.batch();
    assert_eq!(plain.columns()[..4], unpacked.columns()[..4]);
    let cut = error(read(
        "a.csv.zst",
        &zstd[..zstd.len() - 5],
        RawFormat::Csv,
        &columns(),
    ));
    assert!(cut.contains("cannot be read to its end"), "{cut}");
    Ok(())
}

#[test]
fn what_a_header_lacks_is_named() {
    let missing = error(csv(b"DAY,CUST\n20060410,a\n"));
    let said = "has no column `QUANTITY`; its columns are DAY, CUST";
    assert!(missing.contains(said), "{missing}");
    let delimiter = error(csv(b"QUANTITY;DAY;CUST\n1;20060410;a\n"));
    assert!(delimiter.contains("is the delimiter ';'?"), "{delimiter}");
    let twice = error(csv(b"DAY,QUANTITY,CUST,day\n20060410,1,a,\n"));
    assert!(twice.contains("has two columns `DAY`"), "{twice}");
    let empty = error(csv(b""));
    assert!(empty.contains("a.csv` is empty"), "{empty}");
}

#[test]
fn a_quote_that_never_closes_costs_one_line() -> Result<()> {
    let mut text = String::from("QUANTITY,DAY,CUST\n1,20060410,\"open\n");
    for _ in 0..20_000 {
        text.push_str("2,20060410,\"\"\n3,20060410,x\n");
    }
    text.push_str("4,20060410,\"at the end\n5,20060410,y\n");
    let table = csv(text.as_bytes())?;
    assert_eq!(table.rows(), 40_003);
    let rejects = table.rejects();
    let never = "a quote that never closes";
    assert_eq!(
        rejects,
        [
            (2, never.to_owned(), "1,20060410,\"open".to_owned()),
            (
                40_003,
                never.to_owned(),
                "4,20060410,\"at the end".to_owned()
            ),
        ]
    );
    Ok(())
}

#[test]
fn a_quoted_field_may_go_on_over_line_ends() -> Result<()> {
    let text =
        "QUANTITY,DAY,CUST\r\n1,20060410,\"two\nlines \"\"and\"\" quotes\"\r\n\r\n2,20060410,b\r\n";
    let batch = csv(text.as_bytes())?.batch();
    let customers: Vec<Option<&str>> = batch.column(2).as_string::<i32>().iter().collect();
    assert_eq!(customers, [Some("two\nlines \"and\" quotes"), Some("b")]);
    let lines = batch.column(5).as_primitive::<UInt64Type>().values();
    assert_eq!(lines, &[2, 5]);
    Ok(())
}

#[test]
fn a_quote_that_closes_too_late_or_wrongly_costs_one_line() -> Result<()> {
    for (text, reason) in [
        (
            "1,20060410,\"a\n2,20060410,\"\"\"b\"\n3,20060410,c\n",
            "a quote that never closes",
        ),
        (
            "1,20060410,\"a\"b\n2,20060410,b\n3,20060410,c\n",
            "text after a closing quote",
        ),
        (
            "1,20060410,\"a\n\",2,20060410,b\n3,20060410,c\n",
            "a quote that never closes",
        ),
    ] {
        let table = csv(format!("QUANTITY,DAY,CUST\n{text}").as_bytes())?;
        let rejects = table.rejects();
        assert_eq!((rejects[0].0, rejects[0].1.as_str()), (2, reason), "{text}");
        let good = table.rows() - rejects.len();
        assert_eq!(table.rows(), 3, "{text}");
        assert!(good >= 1, "{text}");
    }
    Ok(())
}

#[test]
fn a_line_that_is_too_long_costs_itself() -> Result<()> {
    let long = "x".repeat(3 * MOST_LINE);
    let text = format!("QUANTITY,DAY,CUST\n1,20060410,{long}\n2,20060410,b\n");
    let table = csv(text.as_bytes())?;
    assert_eq!(table.rows(), 2);
    let rejects = table.rejects();
    assert_eq!(
        rejects[0].1,
        format!("a line of more than {MOST_LINE} bytes")
    );
    assert!(rejects[0].2.starts_with("1,20060410,xxx") && rejects[0].2.len() <= 4096);
    Ok(())
}

#[test]
fn bytes_that_are_not_utf8_are_rejects_where_they_are_asked_for() -> Result<()> {
    let mut bytes = b"QUANTITY,DAY,CUST\n1,20060410,caf".to_vec();
    bytes.extend_from_slice(b"\xE9\n2,20060410,caf\xC3\xA9\n");
    let table = csv(&bytes)?;
    assert_eq!(
        table.rejects()[0].1,
        "CUST is `caf\u{FFFD}`, not UTF-8 text"
    );
    assert_eq!(table.rejects().len(), 1);
    assert_eq!(table.batch().column(2).as_string::<i32>().value(1), "café");
    Ok(())
}

#[test]
fn a_dialect_says_how_fields_are_told_apart() -> Result<()> {
    let form = RawForm {
        format: RawFormat::Csv,
        csv: CsvDialect {
            delimiter: b';',
            quote: None,
            nulls: vec!["\\N".into(), "NULL".into()],
            names: Some(vec!["day".into(), "quantity".into(), "cust".into()]),
        },
    };
    let text = b"20060410;1;\"a\n20060411;2;\\N\n\\N;3;c\n20060412;4\n";
    let table = read_with("a.csv", text, &form, &columns(), &[0, 1, 2, 3, 4, 5, 6, 7])?;
    let reasons: Vec<_> = table.rejects().into_iter().map(|r| (r.0, r.1)).collect();
    assert_eq!(
        reasons,
        [
            (3, "DAY is empty".to_owned()),
            (4, "2 fields where the spec names 3".to_owned())
        ]
    );
    let batch = table.batch();
    let customers: Vec<Option<&str>> = batch.column(2).as_string::<i32>().iter().collect();
    assert_eq!(customers, [Some("\"a"), None, None, None]);
    Ok(())
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header() -> Result<()> {
    let marked = [b"\xEF\xBB\xBF".as_slice(), TEXT.as_bytes()].concat();
    assert_eq!(csv(&marked)?.reasons(), csv(TEXT.as_bytes())?.reasons());
    Ok(())
}

proptest! {
    /// What the `csv` crate writes is read back as it was, wherever the bytes are cut.
    #[test]
    fn records_are_those_that_were_written(
        rows in prop::collection::vec(prop::collection::vec("[a-c,\"\n\r ]{0,12}", 3), 1..20)
    ) {
        let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let (mut at, mut places) = (0, Places::default());
        for row in &rows {
            let rest = &bytes[at..];
            let Split::Whole { bytes: used, .. } = places.split(rest, b',', Some(b'"'), true) else {
                panic!("no record at {at}");
            };
            let fields: Vec<&[u8]> = places.of(&rest[..used]).iter().collect();
            let expected: Vec<&[u8]> = row.iter().map(String::as_bytes).collect();
            prop_assert_eq!(fields, expected);
            // With less of it there, it is never taken for another record.
            let part = places.split(&rest[..used - 1], b',', Some(b'"'), false);
            let is_part = matches!(part, Split::Part { .. });
            prop_assert!(is_part);
            at += used;
        }
        prop_assert_eq!(at, bytes.len());
    }
}
