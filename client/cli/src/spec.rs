//! From a spec's file to the text that is sent: overrides applied, and checked here first, so that
//! a typo needs no scheduler.

use std::path::Path;

use pannier_proto::spec::{RunSpec, SpecSource};

use crate::exit::BadUsage;

/// Reads a spec, applies `key=value` overrides, and checks all that needs no data.
///
/// # Errors
/// `BadUsage` with every problem as rendered, or with why the file cannot be read.
pub fn load(path: &Path, sets: &[String]) -> anyhow::Result<SpecSource> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| BadUsage(format!("cannot read the spec {file}: {e}")))?;
    let pairs: Vec<(String, String)> = sets
        .iter()
        .filter_map(|set| set.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let source = SpecSource { file, text };
    let source = source
        .with_overrides(&pairs)
        .map_err(|e| BadUsage(e.to_string()))?;
    RunSpec::parse(&source).map_err(|e| BadUsage(e.to_string()))?;
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_bad_usage() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.toml");
        std::fs::write(&path, "nmae = \"x\"\n")?;
        let missing = dir.path().join("b.toml");
        for (path, word) in [(&path, "name"), (&missing, "cannot read the spec")] {
            let error = load(path, &[]).map(|_| String::new()).unwrap_or_else(|e| {
                assert!(e.downcast_ref::<BadUsage>().is_some());
                e.to_string()
            });
            assert!(error.contains(word), "{error}");
        }
        Ok(())
    }
}
