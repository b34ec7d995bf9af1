//! A warehouse in a temporary folder: baskets and sequences in several files of several row groups.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, UInt32Array, UInt32Builder,
    UInt64Array,
};
use pannier_engine::warehouse::Warehouse;
use pannier_proto::feed::{FeedSpec, KeyedRng};
use pannier_proto::manifest::{ManifestFile, TableLineage, TableManifest};
use pannier_proto::objects;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

pub struct World {
    pub warehouse: Warehouse,
    folder: TempDir,
    baskets: TableManifest,
    sequences: TableManifest,
}

impl World {
    /// 500 baskets and 200 sequences, in files of these row groups.
    pub async fn new(group_rows: usize, parts: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open(folder.path().to_str().unwrap()).unwrap();
        let baskets = put(&warehouse, "baskets", &baskets(500), group_rows, parts).await;
        let sequences = put(&warehouse, "sequences", &sequences(200), group_rows, parts).await;
        Self {
            warehouse,
            folder,
            baskets,
            sequences,
        }
    }

    pub fn feed(&self, table: &str) -> FeedSpec {
        let manifest = match table {
            "baskets" => &self.baskets,
            _ => &self.sequences,
        };
        FeedSpec::new(table, &manifest.version, manifest.row_groups())
    }

    pub async fn put(&self, feed: &FeedSpec) {
        let path = objects::feed(&feed.digest());
        self.warehouse
            .put_json_if_absent(&path, feed)
            .await
            .unwrap();
    }

    /// Damages the first file of a table.
    pub fn damage(&self, table: &str) {
        let manifest = match table {
            "baskets" => &self.baskets,
            _ => &self.sequences,
        };
        let path = self.folder.path().join(&manifest.files[0].path);
        std::fs::write(path, b"no Parquet").unwrap();
    }
}

async fn put(
    warehouse: &Warehouse,
    table: &str,
    rows: &RecordBatch,
    group_rows: usize,
    parts: usize,
) -> TableManifest {
    let mut files = Vec::new();
    for part in 0..parts {
        let from = rows.num_rows() * part / parts;
        let rows = rows.slice(from, rows.num_rows() * (part + 1) / parts - from);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(group_rows))
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        let metadata = writer.close().unwrap();
        let groups = metadata.row_groups().iter();
        let path = objects::part_file(table, "v1", part as u32, "0");
        warehouse.put(&path, bytes).await.unwrap();
        files.push(ManifestFile {
            path,
            part: part as u32,
            rows: rows.num_rows() as u64,
            bytes: 0,
            row_groups: groups.map(|g| g.num_rows() as u64).collect(),
            digest: String::new(),
        });
    }
    let manifest = TableManifest {
        table: table.into(),
        version: "v1".into(),
        columns: Vec::new(),
        key: Vec::new(),
        sort: Vec::new(),
        parts: parts as u32,
        rows: rows.num_rows() as u64,
        bytes: 0,
        digest: String::new(),
        files,
        lineage: TableLineage::default(),
    };
    let path = objects::table_manifest(table, "v1");
    warehouse
        .put_json_if_absent(&path, &manifest)
        .await
        .unwrap();
    manifest
}

fn items(rng: &mut KeyedRng) -> Vec<Option<u32>> {
    (0..rng.below(7)).map(|_| Some(2 + rng.below(40))).collect()
}

fn baskets(rows: u64) -> RecordBatch {
    let mut lists = ListBuilder::new(UInt32Builder::new());
    let mut first = Vec::new();
    for row in 0..rows {
        let mut rng = KeyedRng::new(row);
        lists.append_value(items(&mut rng));
        first.push(2 + rng.below(40));
    }
    let split = |row: u64| ["train", "test"][usize::from(row.is_multiple_of(3))];
    let ids = UInt64Array::from_iter_values(0..rows);
    let names = StringArray::from_iter((0..rows).map(|r| (r % 9 > 0).then(|| format!("n{r}"))));
    let splits = StringArray::from_iter_values((0..rows).map(split));
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("basket_id", Arc::new(ids), false),
        ("items", Arc::new(lists.finish()), true),
        ("first", Arc::new(UInt32Array::from(first)), false),
        ("split", Arc::new(splits), false),
        ("name", Arc::new(names), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn sequences(rows: u64) -> RecordBatch {
    let mut lists = ListBuilder::new(ListBuilder::new(UInt32Builder::new()));
    let mut train = Vec::new();
    for row in 0..rows {
        let mut rng = KeyedRng::new(row ^ 0xFF);
        let count = rng.below(6);
        for _ in 0..count {
            lists.values().append_value(items(&mut rng));
        }
        lists.append(true);
        train.push(i64::from(count));
    }
    let ids = StringArray::from_iter_values((0..rows).map(|r| format!("u{r}")));
    let columns: [(&str, ArrayRef); 4] = [
        ("user_id", Arc::new(ids)),
        ("baskets", Arc::new(lists.finish())),
        ("train", Arc::new(Int64Array::from(train))),
        ("valid", Arc::new(Int64Array::from(vec![0; rows as usize]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}
