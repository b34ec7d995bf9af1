//! A warehouse in a temporary folder, with a vocab in two parts.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, UInt32Array};
use pannier_proto::feed::KeyedRng;
use pannier_proto::manifest::{ManifestFile, TableLineage, TableManifest};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::storage::Storage;

/// Where the vocab's manifest lies.
pub(crate) const VOCAB: &str = "tables/vocab/v1/manifest.json";

pub(crate) struct Warehouse {
    folder: TempDir,
    pub storage: Storage,
}

impl Warehouse {
    /// A vocab of as many items as there are counts.
    pub(crate) fn new(runtime: &Runtime, counts: &[i64]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            Storage::open(folder.path().to_str().unwrap(), runtime.handle().clone()).unwrap();
        let mut files = Vec::new();
        for (part, from, to) in [
            (0, 0, counts.len() / 3),
            (1, counts.len() / 3, counts.len()),
        ] {
            let path = format!("tables/vocab/v1/part-{part}.parquet");
            storage.put(&path, file(&counts[from..to], from)).unwrap();
            let (rows, bytes) = ((to - from) as u64, 0);
            files.push(ManifestFile {
                path,
                part,
                rows,
                bytes,
                row_groups: vec![rows],
                digest: String::new(),
            });
        }
        let manifest = TableManifest {
            table: "vocab".into(),
            version: "v1".into(),
            columns: vec![],
            key: vec![],
            sort: vec![],
            parts: 2,
            rows: counts.len() as u64,
            bytes: 0,
            digest: "vocab-digest".into(),
            files,
            lineage: TableLineage::default(),
        };
        storage
            .put(VOCAB, serde_json::to_vec(&manifest).unwrap())
            .unwrap();
        Self { folder, storage }
    }

    /// All batches of a Parquet file.
    pub(crate) fn rows(&self, path: &str) -> Vec<RecordBatch> {
        let bytes = self.storage.get(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        reader.build().unwrap().map(Result::unwrap).collect()
    }

    pub(crate) fn root(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }
}

fn file(counts: &[i64], from: usize) -> Vec<u8> {
    let indices: Vec<usize> = (from..from + counts.len()).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "item_idx",
            Arc::new(UInt32Array::from_iter_values(
                indices.iter().map(|i| *i as u32 + 2),
            )) as _,
            false,
        ),
        (
            "item_id",
            Arc::new(StringArray::from_iter_values(
                indices.iter().map(|i| format!("item {i}")),
            )) as _,
            false,
        ),
        (
            "name",
            Arc::new(StringArray::from_iter(
                indices
                    .iter()
                    .map(|i| (i % 2 == 0).then(|| format!("Name {i}"))),
            )) as _,
            true,
        ),
        (
            "count",
            Arc::new(Int64Array::from(counts.to_vec())) as _,
            false,
        ),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Baskets of `items` real items in two camps: items of one camp are bought together.
pub(crate) fn baskets(n: usize, items: u32, seed: u64) -> Vec<Vec<u32>> {
    let mut rng = KeyedRng::new(seed);
    let camp = |rng: &mut KeyedRng, side: u32| 2 + side * (items / 2) + rng.below(items / 2);
    (0..n)
        .map(|_| {
            let (side, len) = (rng.below(2), 1 + rng.below(6));
            let mut basket: Vec<u32> = (0..len).map(|_| camp(&mut rng, side)).collect();
            basket.sort_unstable();
            basket.dedup();
            basket
        })
        .collect()
}

/// How many baskets hold each real item.
pub(crate) fn counts(baskets: &[Vec<u32>], items: u32) -> Vec<i64> {
    (2..items + 2)
        .map(|i| baskets.iter().filter(|b| b.contains(&i)).count() as i64)
        .collect()
}
