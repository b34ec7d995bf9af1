//! Tests of Complete Journey's two forms: columns, types, and amounts as the originals write them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::generate::{GenerateLayout, GenerateSpec, GenerateSummary, HeaderVariant, generate};

fn made(layout: GenerateLayout) -> (tempfile::TempDir, GenerateSummary) {
    let folder = tempfile::tempdir().unwrap();
    let spec = GenerateSpec {
        layout,
        customers: 120,
        weeks: 5,
        seed: 1,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share: 0.0,
    };
    let summary = generate(&spec, folder.path(), &mut |_| {}).unwrap();
    (folder, summary)
}

#[test]
fn the_csvs_are_the_originals_eight() {
    let (folder, summary) = made(GenerateLayout::CompleteJourneyCsv);
    assert_eq!(summary.files, 8);
    let headers = [
        (
            "transaction_data",
            "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID,RETAIL_DISC,TRANS_TIME,WEEK_NO,COUPON_DISC,COUPON_MATCH_DISC",
        ),
        (
            "product",
            "PRODUCT_ID,MANUFACTURER,DEPARTMENT,BRAND,COMMODITY_DESC,SUB_COMMODITY_DESC,CURR_SIZE_OF_PRODUCT",
        ),
        (
            "hh_demographic",
            "AGE_DESC,MARITAL_STATUS_CODE,INCOME_DESC,HOMEOWNER_DESC,HH_COMP_DESC,HOUSEHOLD_SIZE_DESC,KID_CATEGORY_DESC,household_key",
        ),
        ("campaign_desc", "DESCRIPTION,CAMPAIGN,START_DAY,END_DAY"),
        ("campaign_table", "DESCRIPTION,household_key,CAMPAIGN"),
        ("coupon", "COUPON_UPC,PRODUCT_ID,CAMPAIGN"),
        ("coupon_redempt", "household_key,DAY,COUPON_UPC,CAMPAIGN"),
        ("causal_data", "PRODUCT_ID,STORE_ID,WEEK_NO,display,mailer"),
    ];
    for (file, header) in headers {
        let text = std::fs::read_to_string(folder.path().join(format!("{file}.csv"))).unwrap();
        assert_eq!(text.lines().next(), Some(header), "{file}");
        let columns = header.split(',').count();
        assert!(
            text.lines().all(|line| line.split(',').count() == columns),
            "{file}"
        );
        assert!(text.lines().count() > 1, "{file} is empty");
    }
    let mut sales = csv::Reader::from_path(folder.path().join("transaction_data.csv")).unwrap();
    let (mut rows, mut loyal, mut cents) = (0, 0, 0);
    for row in sales.records() {
        let row = row.unwrap();
        rows += 1;
        assert!((1..=35).contains(&row[2].parse::<i32>().unwrap()));
        assert!(row[8].parse::<i32>().unwrap() % 100 < 60);
        assert!(row[7] == *"0" || row[7].starts_with('-'), "{row:?}");
        assert!(
            !row[5].ends_with(".00") && !row[5].contains(".0 "),
            "{row:?}"
        );
        loyal += u32::from(row[7] != *"0");
        cents += u32::from(row[5].contains('.'));
    }
    assert_eq!(rows, summary.rows);
    assert!(f64::from(loyal) > 0.4 * rows as f64 && f64::from(cents) > 0.5 * rows as f64);
}

#[test]
fn the_parquet_tables_have_the_packages_types() {
    let (folder, summary) = made(GenerateLayout::CompleteJourney);
    assert_eq!(summary.files, 8);
    let open = |file: &str| {
        let file = File::open(folder.path().join(file)).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap()
    };
    let reader = open("transactions.parquet");
    let types: Vec<String> = reader
        .schema()
        .fields()
        .iter()
        .map(|f| format!("{}:{}", f.name(), f.data_type()))
        .collect();
    assert_eq!(
        types.join(" "),
        "household_id:Int64 store_id:Int64 basket_id:Int64 product_id:Int64 quantity:Int64 \
         sales_value:Float64 retail_disc:Float64 coupon_disc:Float64 coupon_match_disc:Float64 \
         week:Int64 transaction_timestamp:Timestamp(ns)"
    );
    let rows: usize = reader.build().unwrap().map(|b| b.unwrap().num_rows()).sum();
    assert_eq!(rows as u64, summary.rows);
    let told = open("demographics.parquet")
        .metadata()
        .file_metadata()
        .num_rows();
    assert!((20..60).contains(&told), "{told}");
}

#[test]
fn the_same_spec_gives_the_same_bytes() {
    let read = |folder: &tempfile::TempDir| {
        std::fs::read(folder.path().join("transactions.parquet")).unwrap()
    };
    let (one, two) = (
        made(GenerateLayout::CompleteJourney),
        made(GenerateLayout::CompleteJourney),
    );
    assert!(read(&one.0) == read(&two.0));
}
