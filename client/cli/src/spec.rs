//! From a spec's file to the text that is sent: overrides applied, and checked here first, so that
//! a typo needs no scheduler.

use std::path::Path;

use pannier_proto::spec::{RunSpec, SpecError, SpecSource};

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
    let spec = RunSpec::parse(&source).map_err(|e| BadUsage(e.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = with_files(folder, source, &spec).map_err(|e| BadUsage(e.to_string()))?;
    Ok(source)
}

/// The text with the SQL of the files that it names, so that whoever gets it needs no file.
fn with_files(folder: &Path, source: SpecSource, spec: &RunSpec) -> Result<SpecSource, SpecError> {
    let mut sets = Vec::new();
    for (i, table) in spec.table.iter().enumerate() {
        let Some(file) = &table.file else {
            continue;
        };
        let wrong = |message: String, help: &str| {
            source.error_at(&format!("table[{i}].file"), message, Some(help.to_owned()))
        };
        if table.sql.is_some() {
            let message = format!("table `{}` has SQL both here and in a file", table.name);
            return Err(wrong(message, "remove `sql` or `file`"));
        }
        let sql = std::fs::read_to_string(folder.join(file)).map_err(|e| {
            let message = format!("`{file}` cannot be read: {e}");
            wrong(message, "give the file's path relative to the spec")
        })?;
        // A JSON string is a TOML string, on one line.
        let text = serde_json::Value::from(sql).to_string();
        sets.push((format!("table[{i}].sql"), text));
    }
    source.with_overrides(&sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_in_files_travels_with_the_spec() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.toml");
        let head = "name = \"a\"\n[source]\nlayout = \"dunnhumby-lgsr\"\npath = \"x\"\n[[table]]\nname = \"items\"\n";
        std::fs::write(
            &path,
            format!("{head}file = \"items.sql\"\n[split]\nby = \"time\"\n"),
        )?;
        let refused = |path: &Path| {
            load(path, &[])
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default()
        };
        let missing = refused(&path);
        assert!(
            missing.contains("a.toml:7:8") && missing.contains("items.sql` cannot be read"),
            "{missing}"
        );
        let sql = "-- items\nselect 'a\"b' as item_id\n";
        std::fs::write(dir.path().join("items.sql"), sql)?;
        let spec = RunSpec::parse(&load(&path, &[])?)?;
        assert_eq!(spec.table[0].sql.as_deref(), Some(sql));
        std::fs::write(
            &path,
            format!("{head}file = \"items.sql\"\nsql = \"select 1\"\n"),
        )?;
        let both = refused(&path);
        assert!(both.contains("has SQL both here and in a file"), "{both}");
        Ok(())
    }

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
