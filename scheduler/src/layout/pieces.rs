//! Cuts raw files into pieces, each named by its content: what a narrow table is made of, one
//! part each. A file that must be read from end to end is one piece; of others it is some row
//! groups, since to begin inside of one is to read it from its start.

use pannier_engine::raw::{RawPiece, input};
use pannier_proto::ids::digest_of;

use super::RawFiles;
use super::files::RawFile;
use super::source::digest_file;
use crate::error::SchedulerError;

/// Rows of a piece of a columnar file, as near as its row groups allow: at most twice as many.
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
        let ranges = if files.form.format.is_columnar() {
            ranges(&input::parquet_row_groups(&path)?)
        } else {
            vec![(0, None)]
        };
        for (first_row, rows) in ranges {
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

/// First row and number of rows of each piece of a file, by the rows of its row groups.
fn ranges(groups: &[u64]) -> Vec<(u64, Option<u64>)> {
    let mut cut = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for group in groups {
        if rows > 0 && rows + group > 2 * PIECE_ROWS {
            cut.push((first, Some(rows)));
            (first, rows) = (first + rows, 0);
        }
        rows += group;
        while rows > 2 * PIECE_ROWS {
            cut.push((first, Some(PIECE_ROWS)));
            (first, rows) = (first + PIECE_ROWS, rows - PIECE_ROWS);
        }
    }
    if rows > 0 {
        cut.push((first, Some(rows)));
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_every_row_once() {
        let small = [7; 9];
        let sizes = [
            1,
            PIECE_ROWS - 1,
            PIECE_ROWS,
            PIECE_ROWS + 1,
            5 * PIECE_ROWS + 7,
        ];
        for groups in [&[][..], &[0], &small, &sizes] {
            let mut next = 0;
            for (first, count) in ranges(groups) {
                assert_eq!(first, next);
                let count = count.unwrap_or_default();
                assert!((1..=2 * PIECE_ROWS).contains(&count));
                next += count;
            }
            assert_eq!(next, groups.iter().sum::<u64>());
        }
    }

    #[test]
    fn a_piece_begins_with_a_row_group() {
        let group = PIECE_ROWS / 4 * 3;
        let firsts: Vec<u64> = ranges(&[group; 5])
            .iter()
            .map(|(first, _)| *first)
            .collect();
        assert_eq!(firsts, [0, 2 * group, 4 * group]);
    }
}
