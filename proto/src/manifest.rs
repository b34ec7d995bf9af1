//! Manifests: what a committed table version and a published artifact consist of.
//! A reader opens only what a manifest names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A column of a table, as text: the manifest does not depend on Arrow's types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestColumn {
    /// Name.
    pub name: String,
    /// Arrow's name of the type, for example `List(UInt32)`.
    pub data_type: String,
    /// Whether null occurs.
    pub nullable: bool,
}

/// One Parquet file: one part of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Path below the warehouse.
    pub path: String,
    /// Number of the part, `0..parts`.
    pub part: u32,
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows of each row group.
    pub row_groups: Vec<u64>,
    /// blake3 over the rows in their order, independent of Parquet's encoding.
    pub digest: String,
}

/// Where a table version came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableLineage {
    /// The SQL text after its parameters were filled in.
    pub sql: String,
    /// Name and version of each input.
    pub inputs: BTreeMap<String, String>,
    /// Build that made it.
    pub build: String,
}

/// A committed table version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableManifest {
    /// Name of the table.
    pub table: String,
    /// Content hash of SQL, parameters, inputs and build.
    pub version: String,
    /// Columns in order.
    pub columns: Vec<ManifestColumn>,
    /// Rows go to part `hash(key) mod parts`.
    pub key: Vec<String>,
    /// Order of the rows inside a part.
    pub sort: Vec<String>,
    /// Number of parts (empty ones have no file).
    pub parts: u32,
    /// Rows of all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// blake3 over the files' digests in part order.
    pub digest: String,
    /// Files in part order.
    pub files: Vec<ManifestFile>,
    /// Where it came from.
    pub lineage: TableLineage,
}

impl TableManifest {
    /// Rows of each row group of the table, file after file.
    #[must_use]
    pub fn row_groups(&self) -> Vec<u64> {
        self.files
            .iter()
            .flat_map(|f| f.row_groups.iter().copied())
            .collect()
    }

    /// The digest over all files, from theirs.
    #[must_use]
    pub fn digest_of_files(files: &[ManifestFile]) -> String {
        let mut hasher = blake3::Hasher::new();
        for file in files {
            hasher.update(&file.part.to_le_bytes());
            hasher.update(file.digest.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactFile {
    /// Name inside the artifact's folder.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// blake3 of the bytes, in hex.
    pub digest: String,
}

/// A published model version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactManifest {
    /// Name of the model in the registry: `<spec name>-<train name>`, or the spec's name alone.
    pub model: String,
    /// Version in the registry, from 1.
    pub version: u32,
    /// Kind of model: `prod2vec`.
    pub kind: String,
    /// The run that made it.
    pub run_id: String,
    /// Table versions it was made from.
    pub tables: BTreeMap<String, String>,
    /// Digest of the feed.
    pub feed: String,
    /// Digest over all batches of the training, in order.
    pub feed_ledger: String,
    /// Seed.
    pub seed: u64,
    /// Build that made it.
    pub build: String,
    /// Evaluated numbers by name.
    pub metrics: BTreeMap<String, f64>,
    /// Files.
    pub files: Vec<ArtifactFile>,
}

impl ArtifactManifest {
    /// Digest of a file, where the artifact has it.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&ArtifactFile> {
        self.files.iter().find(|f| f.name == name)
    }
}
