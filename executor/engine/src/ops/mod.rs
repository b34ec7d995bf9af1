//! The operators of our own, one file each: plain data with an `execute`.

pub mod both;
pub mod generate;
pub mod order_ties;
pub mod read_raw;
pub mod write_result;
pub mod write_table;
