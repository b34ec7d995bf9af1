//! Lists raw files, in folders and in buckets, and says what each was when it was seen. Blocks.
//!
//! A file's stamp costs no reading: size and time of change, or a bucket's ETag. It tells whether
//! a file is still the one that was planned with; it is no digest of the content.

use std::time::SystemTime;

use futures::{StreamExt, TryStreamExt, stream};
use glob::{MatchOptions, Pattern};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use pannier_store::{Location, Stores, is_url};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

/// Objects asked about at a time, where a listing does not tell their ETags.
const ASKED: usize = 16;

/// A file as it was when it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawFile {
    /// Path or URL.
    pub path: String,
    /// Not the same once the file was written again.
    pub stamp: String,
}

/// The files in a folder, a path or `s3://bucket/prefix`, that a pattern names, sorted.
///
/// # Errors
/// Where a bucket cannot be listed; with what to do.
pub fn list(folder: &str, pattern: &str) -> Result<Vec<RawFile>, String> {
    let pattern = format!("{}/{pattern}", folder.trim_end_matches('/'));
    let mut files = if is_url(&pattern) {
        objects(&pattern)?
    } else {
        local(&pattern)
    };
    files.retain(|file| !is_beside(&file.path));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What begins so lies beside the data and is no part of it: `_SUCCESS`, `.part.crc`.
fn is_beside(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(['_', '.'])
}

/// The paths of files that were seen, if all are still what they were.
///
/// # Errors
/// The first that is not, and what to do.
pub fn unchanged(seen: &[RawFile], now: &[RawFile]) -> Result<Vec<String>, String> {
    let same = |file: &RawFile| {
        let at = now.binary_search_by(|other| other.path.cmp(&file.path));
        let fault = match at.ok().and_then(|at| now.get(at)) {
            None => "is gone",
            Some(other) if other.stamp != file.stamp => "changed",
            Some(_) => return Ok(file.path.clone()),
        };
        Err(format!(
            "`{}` {fault} after the run was planned; submit the run again once its source is at rest",
            file.path
        ))
    };
    seen.iter().map(same).collect()
}

fn local(pattern: &str) -> Vec<RawFile> {
    let Ok(paths) = glob::glob(pattern) else {
        return Vec::new();
    };
    let file = |path: std::path::PathBuf| {
        let meta = path.metadata().ok().filter(|m| m.is_file())?;
        let changed = meta.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH);
        Some(RawFile {
            path: path.display().to_string(),
            stamp: format!("{} {}", meta.len(), changed.ok()?.as_nanos()),
        })
    };
    paths.filter_map(Result::ok).filter_map(file).collect()
}

fn objects(pattern: &str) -> Result<Vec<RawFile>, String> {
    let said = |e: &dyn std::fmt::Display| e.to_string();
    let Location::Bucket { bucket, key } = Location::parse(pattern).map_err(|e| said(&e))? else {
        return Ok(Vec::new());
    };
    let wanted = Pattern::new(&key).map_err(|e| format!("`{pattern}` is no pattern: {e}"))?;
    let (prefix, deep) = fixed(&key);
    let prefix = Path::parse(prefix).map_err(|e| said(&e))?;
    let store = Stores::of_process().bucket(&bucket).map_err(|e| said(&e))?;
    let found = async {
        let listed: Vec<ObjectMeta> = if deep {
            store.list(Some(&prefix)).try_collect().await?
        } else {
            store.list_with_delimiter(Some(&prefix)).await?.objects
        };
        let matched = listed.into_iter().filter(|o| {
            wanted.matches_with(
                o.location.as_ref(),
                MatchOptions {
                    require_literal_separator: true,
                    ..MatchOptions::default()
                },
            )
        });
        stream::iter(matched)
            .map(|object| with_e_tag(store.as_ref(), object))
            .buffered(ASKED)
            .try_collect::<Vec<_>>()
            .await
    };
    let runtime = Handle::try_current().map_err(|e| said(&e))?;
    let found = runtime
        .block_on(found)
        .map_err(|e: object_store::Error| format!("`{pattern}` cannot be listed: {e}"))?;
    Ok(found.iter().map(|o| seen(&bucket, o)).collect())
}

/// Not every store lists ETags.
async fn with_e_tag(
    store: &dyn ObjectStore,
    object: ObjectMeta,
) -> Result<ObjectMeta, object_store::Error> {
    if object.e_tag.is_some() {
        return Ok(object);
    }
    store.head(&object.location).await
}

fn seen(bucket: &str, object: &ObjectMeta) -> RawFile {
    let changed = object.e_tag.clone();
    let changed = changed.unwrap_or_else(|| object.last_modified.timestamp_millis().to_string());
    RawFile {
        path: format!("s3://{bucket}/{}", object.location),
        stamp: format!("{} {changed}", object.size),
    }
}

/// The folder of a key before its first `*`, `?` or `[`, and whether folders below it are meant.
fn fixed(key: &str) -> (&str, bool) {
    let wild = key.find(['*', '?', '[']).unwrap_or(key.len());
    let folder = key[..wild].rfind('/').map_or("", |at| &key[..at]);
    (folder, key[wild..].contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, stamp: &str) -> RawFile {
        RawFile {
            path: path.into(),
            stamp: stamp.into(),
        }
    }

    #[test]
    fn only_what_a_pattern_needs_is_listed() {
        for (key, wanted) in [
            ("a/b/t_*.csv", ("a/b", false)),
            ("t_*.csv", ("", false)),
            ("a/year=*/t.csv", ("a", true)),
            ("a/b/t.csv", ("a/b", false)),
        ] {
            assert_eq!(fixed(key), wanted, "{key}");
        }
    }

    #[test]
    fn a_file_that_went_or_changed_is_named() {
        let seen = [file("a", "1"), file("b", "2")];
        let more = [file("a", "1"), file("aa", "9"), file("b", "2")];
        assert_eq!(
            unchanged(&seen, &more),
            Ok(vec!["a".to_owned(), "b".to_owned()])
        );
        let said = |now: &[RawFile]| unchanged(&seen, now).err().unwrap_or_default();
        assert!(said(&more[..2]).starts_with("`b` is gone"));
        assert!(said(&[file("a", "1"), file("b", "3")]).starts_with("`b` changed"));
    }

    #[test]
    fn a_written_file_has_another_stamp() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let folder = dir.path().display().to_string();
        for name in ["t_1.csv", "t_2.csv", "x.csv"] {
            std::fs::write(dir.path().join(name), "a")?;
        }
        let first = list(&folder, "t_*.csv")?;
        assert_eq!(first.len(), 2);
        assert_eq!(list(&folder, "t_*.csv")?, first);
        std::fs::write(dir.path().join("t_2.csv"), "ab")?;
        let fault = unchanged(&first, &list(&folder, "t_*.csv")?);
        assert!(fault.is_err_and(|e| e.contains("t_2.csv` changed")));
        Ok(())
    }
}
