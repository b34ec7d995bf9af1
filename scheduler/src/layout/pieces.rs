//! Cuts raw files into pieces, each named by its content: what a narrow table is made of, one
//! part each. A file that must be read from end to end is one piece; of others, every so many rows.

use pannier_engine::raw::{RawPiece, input};
use pannier_proto::ids::digest_of;

use super::RawFiles;
use super::files::RawFile;
use super::source::digest_file;
use crate::error::SchedulerError;

/// Rows of a piece of a columnar file.
const PIECE_ROWS: u64 = 1 << 19;

/// A piece and the name of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentPiece {
    /// Where it is.
    pub piece: RawPiece,
    /// Hash of the file's content and of the rows meant.
    pub content: String,
}

/// The pieces of all files of a relation, numbered from `first`. It opens files: not for async.
///
/// # Errors
/// Where there is no file any more and there must be one, or one cannot be read.
pub fn content_pieces(files: &RawFiles, first: u32) -> Result<Vec<ContentPiece>, SchedulerError> {
    let mut pieces = Vec::new();
    for path in files.unchanged()? {
        let content = match files.digests.get(&path) {
            Some(digest) => digest.clone(),
            None => digest_file(&RawFile {
                path: path.clone(),
                stamp: String::new(),
            })
            .map_err(|e| SchedulerError::Failed(format!("`{path}` cannot be read: {e}")))?,
        };
        let rows = if files.form.format.is_columnar() {
            Some(input::parquet_rows(&path)?)
        } else {
            None
        };
        for (first_row, rows) in ranges(rows) {
            let part = first + pieces.len() as u32;
            pieces.push(ContentPiece {
                piece: RawPiece {
                    path: path.clone(),
                    part,
                    first_row,
                    rows,
                },
                content: digest_of(&(&content, first_row, rows)),
            });
        }
    }
    Ok(pieces)
}

/// First row and number of rows of each piece of a file.
fn ranges(rows: Option<u64>) -> Vec<(u64, Option<u64>)> {
    let Some(rows) = rows else {
        return vec![(0, None)];
    };
    (0..rows.div_ceil(PIECE_ROWS))
        .map(|i| {
            let first = i * PIECE_ROWS;
            (first, Some(PIECE_ROWS.min(rows - first)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_every_row_once() {
        for rows in [
            0,
            1,
            PIECE_ROWS - 1,
            PIECE_ROWS,
            PIECE_ROWS + 1,
            5 * PIECE_ROWS + 7,
        ] {
            let mut next = 0;
            for (first, count) in ranges(Some(rows)) {
                assert_eq!(first, next);
                next += count.unwrap_or_default();
            }
            assert_eq!(next, rows);
        }
    }
}
