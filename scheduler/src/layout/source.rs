//! Finds a source's files and names their content. The errors point at the spec's key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pannier_engine::ops::generate;
use pannier_engine::raw::{RawColumn, RawFormat};
use pannier_proto::ids::digest_of;
use pannier_proto::spec::{ContextSpec, RunSpec, SpecError, SpecSource, WeekRange};
use serde::{Deserialize, Serialize};

use super::{Layout, RawSource};

/// The files of a raw relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawFiles {
    /// Form.
    pub format: RawFormat,
    /// Columns.
    pub columns: Vec<RawColumn>,
    /// Folder they are in.
    pub folder: String,
    /// Names with `*`, resolved when the relation is read.
    pub pattern: String,
    /// Without files it is a relation without rows.
    #[serde(default)]
    pub optional: bool,
    /// Hash of each file's content by path, where the files were there when the run was planned.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
}

/// A source: what there is to read, and the version of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Raw relations by name.
    pub raw: BTreeMap<String, RawFiles>,
    /// Hash of the files' content, or of the spec that generates them.
    pub version: String,
    /// What `validate` says of it.
    pub facts: Vec<String>,
}

impl RawFiles {
    /// The files, sorted by name.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let pattern = Path::new(&self.folder).join(&self.pattern);
        let mut files: Vec<String> = glob::glob(&pattern.display().to_string())
            .map(|paths| {
                paths
                    .filter_map(Result::ok)
                    .filter(|p| p.is_file())
                    .map(|p| p.display().to_string())
                    .collect()
            })
            .unwrap_or_default();
        files.sort();
        files
    }
}

/// Finds what a spec's source consists of.
///
/// # Errors
/// Where files are missing, or too few weeks are there for the split.
pub fn resolve(source: &SpecSource, spec: &RunSpec, layout: &Layout) -> Result<Source, SpecError> {
    options_fit(source, spec, layout)?;
    let (folder, name) = place(&spec.source.path);
    let mut raw = BTreeMap::new();
    for part in &layout.raw {
        let pattern = if part.primary {
            name.clone().unwrap_or_else(|| part.files.clone())
        } else {
            part.files.clone()
        };
        let files = RawFiles {
            format: part.format,
            columns: part.columns.clone(),
            folder: folder.display().to_string(),
            pattern,
            optional: part.optional,
            digests: BTreeMap::new(),
        };
        raw.insert(part.name.clone(), files);
    }
    let mut found = Source {
        raw,
        version: String::new(),
        facts: vec![layout.title.clone()],
    };
    if let Some(generated) = &spec.source.generate {
        found.version = digest_of(&("generated", generated, pannier_proto::ids::BUILD_ID));
        let there = generate::marker(
            &found
                .raw
                .values()
                .next()
                .map(|f| f.folder.clone())
                .unwrap_or_default(),
        );
        found.facts.push(format!(
            "{} customers over {} weeks will be {}",
            generated.customers,
            generated.weeks,
            if there.is_some() { "read" } else { "generated" }
        ));
        weeks_suffice(source, spec, u64::from(generated.weeks))?;
        return Ok(found);
    }
    let mut content = Vec::new();
    for part in &layout.raw {
        let files = list(source, spec, &found, part)?;
        if let Some(mark) = layout.week_in_name.as_deref().filter(|_| part.primary) {
            weeks_suffice(source, spec, weeks_named(&files, mark, spec))?;
        }
        let empty = if files.is_empty() {
            ", so what is made of it is empty"
        } else {
            ""
        };
        found.facts.push(format!(
            "{}: {} files in `{}`{empty}",
            part.name,
            files.len(),
            folder.display()
        ));
        for file in &files {
            let digest = digest_file(file).map_err(|e| {
                source.error_at("source.path", format!("`{file}` cannot be read: {e}"), None)
            })?;
            let name = Path::new(file)
                .file_name()
                .map(|n| n.to_string_lossy().into_owned());
            content.push((part.name.clone(), name, digest.clone()));
            if let Some(raw) = found.raw.get_mut(&part.name) {
                raw.digests.insert(file.clone(), digest);
            }
        }
    }
    found.version = digest_of(&content);
    Ok(found)
}

/// What the spec asks of the source's layout must be something that it has.
fn options_fit(source: &SpecSource, spec: &RunSpec, layout: &Layout) -> Result<(), SpecError> {
    let name = &spec.source.layout;
    let refuse = |key: &str, message: String| {
        let help = format!("remove `{key}`, or give another source.layout");
        Err(source.error_at(key, message, Some(help)))
    };
    let weeks = spec.prepare.weeks != WeekRange::default();
    if weeks && !layout.table.iter().any(|t| t.sql.contains("$week_")) {
        let message = format!("the layout {name} has no weeks: its source tells no dates");
        return refuse("prepare.weeks", message);
    }
    let leaky = spec.prepare.context == ContextSpec::Leaky;
    if leaky && !layout.table.iter().any(|t| t.leaky) {
        let message = format!("the layout {name} has no interactions whose context could be leaky");
        return refuse("prepare.context", message);
    }
    Ok(())
}

fn list(
    source: &SpecSource,
    spec: &RunSpec,
    found: &Source,
    part: &RawSource,
) -> Result<Vec<String>, SpecError> {
    let files = found
        .raw
        .get(&part.name)
        .map(RawFiles::list)
        .unwrap_or_default();
    if files.is_empty() && !part.optional {
        let wanted = found
            .raw
            .get(&part.name)
            .map(|f| format!("{}/{}", f.folder, f.pattern))
            .unwrap_or_default();
        let help = format!(
            "layout {} reads {} there; give the folder, or the files, relative to where the scheduler was started",
            spec.source.layout, part.files
        );
        return Err(source.error_at(
            "source.path",
            format!("no file matches `{wanted}`"),
            Some(help),
        ));
    }
    Ok(files)
}

/// The folder of a path and, where the path names files, their names.
fn place(path: &str) -> (PathBuf, Option<String>) {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    let names_files = absolute.file_name().is_some_and(|n| {
        let n = n.to_string_lossy();
        n.contains('*')
            || n.contains('?')
            || n.contains('[')
            || Path::new(n.as_ref()).extension().is_some() && !absolute.is_dir()
    });
    if names_files {
        let folder = absolute.parent().map(Path::to_path_buf).unwrap_or_default();
        return (
            folder,
            absolute
                .file_name()
                .map(|n| n.to_string_lossy().into_owned()),
        );
    }
    (absolute, None)
}

/// How many weeks of `prepare.weeks` the files' names tell of.
fn weeks_named(files: &[String], mark: &str, spec: &RunSpec) -> u64 {
    let week = |file: &String| {
        let name = Path::new(file).file_name()?.to_string_lossy().into_owned();
        name.split_once(mark)?.1.get(..6)?.parse::<u32>().ok()
    };
    let weeks: Vec<u32> = files.iter().filter_map(week).collect();
    if weeks.is_empty() {
        return u64::MAX;
    }
    let range = &spec.prepare.weeks;
    weeks
        .into_iter()
        .filter(|w| range.from.is_none_or(|f| *w >= f) && range.to.is_none_or(|t| *w <= t))
        .count() as u64
}

fn weeks_suffice(source: &SpecSource, spec: &RunSpec, weeks: u64) -> Result<(), SpecError> {
    let pannier_proto::spec::SplitSpec::Time {
        test_weeks,
        valid_weeks,
    } = spec.split
    else {
        return Ok(());
    };
    let held = u64::from(test_weeks) + u64::from(valid_weeks);
    if weeks > held {
        return Ok(());
    }
    let message = format!(
        "{held} weeks are held out, but the source has {weeks}: nothing is left to train on"
    );
    Err(source.error_at(
        "split.test_weeks",
        message,
        Some("hold out fewer weeks, or widen prepare.weeks".into()),
    ))
}

/// blake3 of a file's bytes.
pub fn digest_file(path: &str) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}
