//! Rows of an answer on their way out: in which format, into which file, and what is shown of it
//! meanwhile. Nothing here knows where the rows come from.

mod draft;
mod format;
mod waiting;
mod write;

pub use draft::Draft;
pub use format::{Format, RowWriter};
pub use waiting::Waiting;
pub use write::write;
