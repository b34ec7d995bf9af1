//! Finds a source's files and names their content. The errors point at the spec's key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pannier_engine::ops::generate;
use pannier_engine::raw::{RawColumn, RawForm};
use pannier_proto::ids::digest_of;
use pannier_proto::spec::{RunSpec, SpecError, SpecSource};
use serde::{Deserialize, Serialize};

use super::{Layout, RawSource};

/// The files of a raw relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawFiles {
    /// Form.
    pub form: RawForm,
    /// Columns.
    pub columns: Vec<RawColumn>,
    /// Where they are, resolved when the relation is read.
    pub places: Vec<Place>,
    /// Hash of each file's content by path, where the files were there when the run was planned.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
}

/// A folder and the files in it that are meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The folder.
    pub folder: String,
    /// Names with `*`.
    pub pattern: String,
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
    /// The files, sorted by name, none twice.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let mut files: Vec<String> = self.places.iter().flat_map(Place::list).collect();
        files.sort();
        files.dedup();
        files
    }

    /// The first folder.
    #[must_use]
    pub fn folder(&self) -> String {
        let first = self.places.first();
        first.map(|p| p.folder.clone()).unwrap_or_default()
    }

    /// Where they are looked for, in words.
    #[must_use]
    pub fn wanted(&self) -> String {
        let place = |p: &Place| format!("`{}/{}`", p.folder, p.pattern);
        let places: Vec<String> = self.places.iter().map(place).collect();
        places.join(" or ")
    }
}

impl Place {
    fn list(&self) -> Vec<String> {
        // What begins so is beside the data and no part of it: `_SUCCESS`, `.part.crc`.
        let is_beside = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(['_', '.'])
        };
        let pattern = Path::new(&self.folder).join(&self.pattern);
        let paths = glob::glob(&pattern.display().to_string());
        paths
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|p| p.is_file() && !is_beside(p))
            .map(|p| p.display().to_string())
            .collect()
    }
}

/// Finds what a spec's source consists of.
///
/// # Errors
/// Where files are missing, or too few weeks are there for the split.
pub fn resolve(source: &SpecSource, spec: &RunSpec, layout: &Layout) -> Result<Source, SpecError> {
    let mut raw = BTreeMap::new();
    for part in &layout.raw {
        let files = RawFiles {
            form: RawForm {
                format: part.format,
                csv: part.csv.clone(),
            },
            columns: part.columns.clone(),
            places: places(spec, part),
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
                .map(RawFiles::folder)
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
        let folder = found.raw.get(&part.name).map(RawFiles::folder);
        found.facts.push(format!(
            "{}: {} files in `{}`",
            part.name,
            files.len(),
            folder.unwrap_or_default()
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
    // How files are read is part of what is read: a spec may say it.
    let read: Vec<_> = found.raw.values().map(|f| (&f.form, &f.columns)).collect();
    found.version = digest_of(&(content, read));
    Ok(found)
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
    if files.is_empty() {
        let wanted = found
            .raw
            .get(&part.name)
            .map(RawFiles::wanted)
            .unwrap_or_default();
        let help = format!(
            "layout {} reads {} there; give the folder, or the files, relative to where the scheduler was started",
            spec.source.layout, part.files
        );
        return Err(source.error_at(
            "source.path",
            format!("no file matches {wanted}"),
            Some(help),
        ));
    }
    Ok(files)
}

/// The places that a spec's paths mean for a raw relation. Files that the paths cannot name lie in
/// the same folders.
fn places(spec: &RunSpec, part: &RawSource) -> Vec<Place> {
    let meant = spec.source.path.all().iter().map(|path| {
        let (folder, name) = place(path);
        let named = name.filter(|_| part.primary);
        Place {
            folder: folder.display().to_string(),
            pattern: named.unwrap_or_else(|| part.files.clone()),
        }
    });
    let mut places: Vec<Place> = meant.collect();
    places.dedup();
    places
}

/// The files of the primary relation as they are now; none where there is no such relation.
pub fn primary_files(spec: &RunSpec, layout: &Layout) -> Vec<String> {
    let primary = layout.raw.iter().find(|part| part.primary);
    let files = primary.map(|part| RawFiles {
        form: part.format.into(),
        columns: Vec::new(),
        places: places(spec, part),
        digests: BTreeMap::new(),
    });
    files.map(|files| files.list()).unwrap_or_default()
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
