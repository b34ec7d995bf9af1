//! What several tests of this crate need.

use pannier_engine::EngineError;
use pannier_engine::warehouse::Warehouse;

/// A warehouse for sessions that look nothing up: no test reads or writes in it.
pub fn warehouse() -> Result<Warehouse, EngineError> {
    Warehouse::open(&std::env::temp_dir().display().to_string())
}
