//! `pannier version`: the build and its features.

use clap::Args;
use pannier_proto::ids::BUILD_ID;
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::out;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pannier version --json")]
pub struct VersionArgs {}

/// Runs the command.
///
/// # Errors
/// Where nothing can be printed.
pub fn run(global: &Global, _args: &VersionArgs) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    let features: &[&str] = if cfg!(feature = "cluster") {
        &["cluster"]
    } else {
        &[]
    };
    if global.json {
        out::document(&json!({ "version": version, "build": BUILD_ID, "features": features }))?;
    } else {
        let named = if features.is_empty() {
            "none (thin client)".to_owned()
        } else {
            features.join(", ")
        };
        out::lines([
            format!("pannier {version}"),
            format!("build     {BUILD_ID}"),
            format!("features  {named}"),
        ])?;
    }
    Ok(Exit::Done)
}
