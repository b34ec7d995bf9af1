//! Tables to be read: made ones, or the largest of a warehouse.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use pannier_engine::warehouse::Warehouse;
use pannier_proto::feed::{FeedSpec, KeyedRng, PairWindow, Part, Target, Transform};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::manifest::{ManifestFile, TableLineage, TableManifest};
use pannier_proto::objects;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

/// Rows of a row group, as tables have them by default.
const GROUP: usize = 65_536;
const ITEMS: u32 = 20_000;

/// A warehouse with the two tables.
pub struct Source {
    pub warehouse: Warehouse,
    pub baskets: TableManifest,
    pub sequences: TableManifest,
    root: String,
    _folder: Option<TempDir>,
}

impl Source {
    pub async fn open(root: Option<String>, what: &str) -> Result<Self> {
        let folder = match root {
            Some(_) => None,
            None => Some(tempfile::tempdir()?),
        };
        let made = folder.as_ref().map(|f| f.path().display().to_string());
        let root = root.or(made).context("there is a folder")?;
        let warehouse = Warehouse::open(&root)?;
        if folder.is_some() {
            let baskets = match what {
                "latency" => 10_000_000,
                _ => 1_000_000,
            };
            // Windows enough for a fair share.
            let group = if what == "scale" { GROUP / 8 } else { GROUP };
            make(&warehouse, "train_baskets", baskets, group, baskets_of).await?;
            make(&warehouse, "sequences", 100_000, group, sequences_of).await?;
        }
        Ok(Self {
            baskets: largest(&warehouse, "train_baskets").await?,
            sequences: largest(&warehouse, "sequences").await?,
            warehouse,
            root,
            _folder: folder,
        })
    }

    pub fn root(&self) -> String {
        self.root.clone()
    }

    pub async fn put(&self, feed: &FeedSpec) -> Result<()> {
        let path = objects::feed(&feed.digest());
        self.warehouse.put_json_if_absent(&path, feed).await?;
        Ok(())
    }
}

async fn largest(warehouse: &Warehouse, table: &str) -> Result<TableManifest> {
    let mut best: Option<TableManifest> = None;
    for object in warehouse.list(&format!("tables/{table}")).await? {
        if object.path.ends_with("/manifest.json") {
            let manifest: TableManifest = warehouse.get_json(&object.path).await?;
            if best.as_ref().is_none_or(|b| manifest.rows > b.rows) {
                best = Some(manifest);
            }
        }
    }
    best.with_context(|| format!("the warehouse has no {table}; run a spec that makes it"))
}

/// A row group of a table: its rows are those from `first` on.
type Rows = fn(first: usize, rows: usize) -> Result<RecordBatch>;

async fn make(
    warehouse: &Warehouse,
    table: &str,
    rows: usize,
    group: usize,
    of: Rows,
) -> Result<()> {
    let parts = 8;
    let mut files = Vec::new();
    for part in 0..parts {
        let (from, to) = (rows * part / parts, rows * (part + 1) / parts);
        let (mut bytes, mut row_groups) = (Vec::new(), Vec::new());
        let properties = WriterProperties::builder()
            .set_compression(Compression::LZ4_RAW)
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .set_max_row_group_row_count(Some(group))
            .build();
        let schema = of(0, 0)?.schema();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
        for first in (from..to).step_by(group) {
            let rows = group.min(to - first);
            writer.write(&of(first, rows)?)?;
            row_groups.push(rows as u64);
        }
        writer.close()?;
        let path = objects::part_file(table, "made", part as u32, "0");
        let size = bytes.len() as u64;
        warehouse.put(&path, bytes).await?;
        files.push(ManifestFile {
            path,
            part: part as u32,
            rows: (to - from) as u64,
            bytes: size,
            row_groups,
            digest: String::new(),
        });
    }
    let manifest = TableManifest {
        table: table.into(),
        version: "made".into(),
        columns: Vec::new(),
        key: Vec::new(),
        sort: Vec::new(),
        parts: parts as u32,
        rows: rows as u64,
        bytes: files.iter().map(|f| f.bytes).sum(),
        digest: String::new(),
        files,
        lineage: TableLineage::default(),
    };
    let path = objects::table_manifest(table, "made");
    warehouse.put_json_if_absent(&path, &manifest).await?;
    Ok(())
}

/// A basket of 1 to 15 items; small indices are bought more often.
fn basket(rng: &mut KeyedRng) -> Vec<u32> {
    let len = 1 + rng.below(8) + rng.below(8);
    let mut items: Vec<u32> = (0..len)
        .map(|_| {
            let top = 1 + rng.below(ITEMS);
            FIRST_ITEM + rng.below(top)
        })
        .collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn list(ends: Vec<i32>, values: ArrayRef) -> ListArray {
    let field = Field::new("item", values.data_type().clone(), true);
    ListArray::new(
        Arc::new(field),
        OffsetBuffer::new(ends.into()),
        values,
        None,
    )
}

fn baskets_of(first: usize, rows: usize) -> Result<RecordBatch> {
    let (mut ends, mut items) = (vec![0], Vec::new());
    for row in first..first + rows {
        items.extend(basket(&mut KeyedRng::new(row as u64)));
        ends.push(items.len() as i32);
    }
    let ids = UInt64Array::from_iter_values((first..first + rows).map(|r| r as u64));
    let items = list(ends, Arc::new(UInt32Array::from(items)));
    Ok(RecordBatch::try_from_iter([
        ("basket_id", Arc::new(ids) as ArrayRef),
        ("items", Arc::new(items)),
    ])?)
}

fn sequences_of(first: usize, rows: usize) -> Result<RecordBatch> {
    let (mut outer, mut inner, mut items) = (vec![0], vec![0], Vec::new());
    let mut train = Vec::new();
    for row in first..first + rows {
        let mut rng = KeyedRng::new(row as u64);
        let baskets = 2 + rng.below(25);
        for _ in 0..baskets {
            items.extend(basket(&mut rng));
            inner.push(items.len() as i32);
        }
        outer.push(inner.len() as i32 - 1);
        train.push(i64::from(baskets));
    }
    let baskets = list(inner, Arc::new(UInt32Array::from(items)));
    debug_assert_eq!(baskets.value_type(), DataType::UInt32);
    let valid = Int64Array::from(vec![0; rows]);
    Ok(RecordBatch::try_from_iter([
        (
            "baskets",
            Arc::new(list(outer, Arc::new(baskets))) as ArrayRef,
        ),
        ("train", Arc::new(Int64Array::from(train))),
        ("valid", Arc::new(valid)),
    ])?)
}

fn feed(table: &TableManifest, columns: &[&str], transform: Transform) -> FeedSpec {
    FeedSpec {
        columns: columns.iter().map(ToString::to_string).collect(),
        transform,
        shuffle: true,
        ..FeedSpec::new(&table.table, &table.version, table.row_groups())
    }
}

/// All pairs of each basket.
pub fn pairs(table: &TableManifest) -> FeedSpec {
    pairs_of(table, None)
}

/// Pairs within a window, or of the whole basket.
pub fn pairs_of(table: &TableManifest, window: Option<u32>) -> FeedSpec {
    let transform = Transform::Pairs {
        window: window.map_or(PairWindow::Basket, PairWindow::Items),
        first_item: FIRST_ITEM,
        keep: Vec::new(),
        negatives: None,
    };
    feed(table, &["items"], transform)
}

/// The last train basket of each sequence, with those before it.
pub fn sequences(table: &TableManifest) -> FeedSpec {
    let transform = Transform::Sequences {
        part: Part::Train,
        target: Target::Last,
        max_history: 0,
    };
    feed(table, &["baskets", "train", "valid"], transform)
}

/// A transform that costs an executor much more than its few bytes cost a trainer.
pub fn heavy(table: &TableManifest) -> FeedSpec {
    let sql = "with texts as (select array_to_string(items, ' ') as text from rows) \
               select character_length(regexp_replace(text, '([0-9])([0-9])', '\\2\\1', 'g')) as n, \
               character_length(md5(text)) as m from texts";
    FeedSpec {
        window_rows: 1,
        ..feed(table, &["items"], Transform::Sql { sql: sql.into() })
    }
}
