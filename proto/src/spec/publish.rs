//! `[publish]`: what happens to a trained model. It must not know where models are kept.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::gate::Gate;
use super::reader::Table;

/// What happens to a trained model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PublishSpec {
    /// The alias that moves to the new version, `[a-z0-9][a-z0-9-]*`; none unless given.
    pub alias: Option<String>,
    /// What must hold before the alias moves; nothing unless given. JSON has it as text.
    pub gate: Option<Gate>,
}

impl PublishSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let gate = table.value("gate", "a comparison of metrics", |value: &DeValue<'_>| {
            let text = value
                .as_str()
                .ok_or_else(|| Some(Gate::GRAMMAR.to_string()))?;
            text.parse::<Gate>().map_err(|e| Some(e.to_string()))
        });
        Self {
            alias: table.name("alias"),
            gate,
        }
    }
}
