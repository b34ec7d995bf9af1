use std::io::Write;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Int32Type, UInt64Type};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn columns() -> Vec<RawColumn> {
    let column = |name: &str, kind, required, optional| RawColumn {
        name: name.into(),
        kind,
        required,
        optional,
    };
    vec![
        column("DAY", RawType::DateYmd, true, false),
        column("QUANTITY", RawType::Int32, true, false),
        column("CUST", RawType::Text, false, false),
        column("SEG", RawType::Text, false, true),
    ]
}

const TEXT: &str = "QUANTITY,DAY,CUST\n1,20060410,\"a,b\"\nx,20060410,c\n2,20060410\n3,,d\n4,20060431,e\n5,20060411,\"\"\n";

fn read(name: &str, bytes: &[u8]) -> Result<RecordBatch> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(name);
    std::fs::write(&path, bytes)?;
    let batch = CsvRead::open(path.to_str().unwrap_or_default(), &columns())?.next_batch()?;
    batch.ok_or_else(|| exec_datafusion_err!("no rows"))
}

#[test]
fn bad_rows_become_rejects_and_no_row_is_lost() -> Result<()> {
    let batch = read("a.csv", TEXT.as_bytes())?;
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
    assert_eq!(
        batch.column(5).as_primitive::<UInt64Type>().values(),
        &[2, 3, 4, 5, 6, 7]
    );
    assert_eq!(batch.column(7).as_string::<i32>().value(2), "2,20060410");
    Ok(())
}

#[test]
fn gzip_reads_the_same_and_a_damaged_file_is_an_error() -> Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(TEXT.as_bytes())?;
    let packed = encoder.finish()?;
    let plain = read("a.csv", TEXT.as_bytes())?;
    let gzip = read("a.csv.gz", &packed)?;
    assert_eq!(plain.columns()[..4], gzip.columns()[..4]);
    let cut = read("a.csv.gz", &packed[..packed.len() - 12]).map_err(|e| e.to_string());
    assert!(
        cut.as_ref()
            .is_err_and(|e| e.contains("cannot be read to its end")),
        "{cut:?}"
    );
    Ok(())
}

#[test]
fn a_missing_column_is_named() {
    let error = read("a.csv", b"DAY,CUST\n20060410,a\n").map_err(|e| e.to_string());
    assert!(
        error
            .as_ref()
            .is_err_and(|e| e.contains("has no column `QUANTITY`; its columns are DAY, CUST")),
        "{error:?}"
    );
}
