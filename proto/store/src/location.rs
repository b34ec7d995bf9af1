//! Reads where something lies: a path of this machine, or a bucket and a key. Pure.

use std::path::PathBuf;

use crate::error::StoreError;

const S3: &str = "s3://";
const FILE: &str = "file://";

/// Where something lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A path of this machine.
    Folder(PathBuf),
    /// Below a bucket.
    Bucket {
        /// The bucket's name.
        bucket: String,
        /// Without slashes at its ends; empty for the bucket itself.
        key: String,
    },
}

/// Whether a text names a place by a URL other than `file://`.
#[must_use]
pub fn is_url(text: &str) -> bool {
    text.contains("://") && !text.starts_with(FILE)
}

impl Location {
    /// Reads a path, `file://` and a path, or `s3://bucket/key`.
    ///
    /// # Errors
    /// Another kind of URL, a bucket without a name, or one with credentials in it, which are not
    /// repeated in the error.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if !is_url(text) {
            let path = text.strip_prefix(FILE).unwrap_or(text);
            return Ok(Self::Folder(PathBuf::from(path)));
        }
        let wrong = |what: String, reason: &str| {
            let reason = reason.to_owned();
            Err(StoreError::Place { what, reason })
        };
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        let (bucket, key) = authority.split_once('/').unwrap_or((authority, ""));
        if bucket.contains('@') {
            return wrong(
                "a URL with credentials in it".to_owned(),
                "write s3://bucket/prefix, and give credentials by the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or the machine's role",
            );
        }
        if !text.starts_with(S3) {
            return wrong(
                format!("`{text}`"),
                "give a path, a file:// URL, or s3://bucket/prefix",
            );
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if bucket.is_empty() || !bucket.chars().all(allowed) {
            return wrong(
                format!("`{text}`"),
                "it has no bucket; write s3://bucket/prefix",
            );
        }
        Ok(Self::Bucket {
            bucket: bucket.to_owned(),
            key: key.trim_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(bucket: &str, key: &str) -> Location {
        Location::Bucket {
            bucket: bucket.into(),
            key: key.into(),
        }
    }

    #[test]
    fn places_are_read() -> Result<(), StoreError> {
        for (text, wanted) in [
            ("data/raw", Location::Folder("data/raw".into())),
            ("file:///data", Location::Folder("/data".into())),
            ("s3://b", bucket("b", "")),
            ("s3://b/", bucket("b", "")),
            ("s3://my.b-1/a/b/", bucket("my.b-1", "a/b")),
            ("s3://b/t_*.csv.gz", bucket("b", "t_*.csv.gz")),
        ] {
            assert_eq!(Location::parse(text)?, wanted, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_place_is_said_and_secrets_are_not() {
        let said = |text: &str| Location::parse(text).map_err(|e| e.to_string());
        for text in ["gs://b/x", "s3://", "s3:///key", "s3://a b/c", "http://h/b"] {
            assert!(
                said(text).is_err_and(|e| e.contains(text) && e.contains("s3://bucket/prefix")),
                "{text}"
            );
        }
        let told = said("s3://AKIAKEY:hush@b/x");
        assert!(
            told.as_ref()
                .is_err_and(|e| e.contains("AWS_") && !e.contains("hush") && !e.contains("AKIA")),
            "{told:?}"
        );
    }
}
