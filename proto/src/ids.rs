//! Names of things: digests, and what may be a name.

use serde::Serialize;

/// PAD: the index that stands for no item.
pub const PAD: u32 = 0;
/// UNK: the index that stands for an item outside the vocab.
pub const UNK: u32 = 1;
/// The first index of a real item.
pub const FIRST_ITEM: u32 = 2;

/// Names the build in lineage: the crate's version and the revision of the engine's semantics.
/// The revision goes up when the same SQL over the same input would give other rows.
pub const BUILD_ID: &str = concat!("pannier-", env!("CARGO_PKG_VERSION"), "+engine.1");

/// blake3 of a value's JSON, in hex. The type's field order makes the JSON canonical.
#[must_use]
pub fn digest_of<T: Serialize>(value: &T) -> String {
    // Serialising our own plain types to memory cannot fail; a digest of nothing would still be seen.
    let json = serde_json::to_vec(value).unwrap_or_default();
    blake3::hash(&json).to_hex().to_string()
}

/// Twelve characters of a digest or version, for people.
#[must_use]
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
