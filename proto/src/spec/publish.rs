//! `[publish]`: what happens to a trained model. It must not know where models are kept.

use serde::{Deserialize, Serialize};

use super::gate::Gate;
use super::reader::Table;

/// What happens to a trained model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PublishSpec {
    /// The alias that moves to the new version, `[a-z0-9][a-z0-9-]*`; none unless given.
    pub alias: Option<String>,
    /// What must hold before the alias moves to a model whose training has no gate of its own; nothing
    /// unless given. JSON has it as text.
    pub gate: Option<Gate>,
}

impl PublishSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        Self {
            alias: table.name("alias"),
            gate: Gate::read(table),
        }
    }
}
