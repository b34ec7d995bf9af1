//! Finds a source's files and names their content. The errors point at the spec's key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pannier_engine::ops::generate;
use pannier_engine::raw::{RawColumn, RawForm};
use pannier_proto::ids::digest_of;
use pannier_proto::spec::{ContextSpec, RunSpec, SpecError, SpecSource, WeekRange};
use pannier_store::is_url;
use serde::{Deserialize, Serialize};

use super::files::{self, RawFile};
use super::{Layout, RawSource};
use crate::error::SchedulerError;

/// The files of a raw relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawFiles {
    /// Form.
    pub form: RawForm,
    /// Columns.
    pub columns: Vec<RawColumn>,
    /// Where they are.
    pub places: Vec<Place>,
    /// The files, where they were there when the run was planned: a run reads these and no other.
    #[serde(default)]
    pub seen: Option<Vec<RawFile>>,
    /// Without files it is a relation without rows.
    #[serde(default)]
    pub optional: bool,
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
    /// Hash of the files' content, or of the spec that generates them. Of files in a bucket it
    /// is the hash of their names, sizes and ETags: nothing is read to plan a run, and a file that
    /// was uploaded anew in another way counts as another.
    pub version: String,
    /// What `validate` says of it.
    pub facts: Vec<String>,
}

impl RawFiles {
    /// The files that are there, sorted by name, none twice. Blocks.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn list(&self) -> Result<Vec<RawFile>, String> {
        let mut files = Vec::new();
        for place in &self.places {
            files.extend(files::list(&place.folder, &place.pattern)?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup();
        Ok(files)
    }

    /// The paths to read: of the files that the run was planned with. Blocks.
    ///
    /// # Errors
    /// Where one of them is gone or changed, there must be one and there is none, or they cannot
    /// be listed.
    pub fn unchanged(&self) -> Result<Vec<String>, SchedulerError> {
        let now = self.list().map_err(SchedulerError::Failed)?;
        let paths = files::unchanged(self.seen.as_ref().unwrap_or(&now), &now);
        let paths = paths.map_err(SchedulerError::Failed)?;
        if paths.is_empty() && !self.optional {
            let message = format!("no file matches {} any more", self.wanted());
            return Err(SchedulerError::Failed(message));
        }
        Ok(paths)
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

/// Finds what a spec's source consists of.
///
/// # Errors
/// Where files are missing, or too few weeks are there for the split.
pub fn resolve(source: &SpecSource, spec: &RunSpec, layout: &Layout) -> Result<Source, SpecError> {
    options_fit(source, spec, layout)?;
    let mut raw = BTreeMap::new();
    for part in &layout.raw {
        let files = RawFiles {
            form: RawForm {
                format: part.format,
                csv: part.csv.clone(),
            },
            columns: part.columns.clone(),
            places: places(spec, part),
            seen: None,
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
        let folder = found.raw.values().next().map(RawFiles::folder);
        let folder = folder.unwrap_or_default();
        if is_url(&folder) {
            let message = format!("files can be generated in a folder only, not in `{folder}`");
            return Err(source.error_at("source.path", message, None));
        }
        found.version = digest_of(&("generated", generated, pannier_proto::ids::BUILD_ID));
        let there = generate::marker(&folder);
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
        let empty = if files.is_empty() {
            ", so what is made of it is empty"
        } else {
            ""
        };
        found.facts.push(format!(
            "{}: {} files in `{}`{empty}",
            part.name,
            files.len(),
            folder.unwrap_or_default()
        ));
        for file in &files {
            let digest = digest_file(file).map_err(|e| {
                let message = format!("`{}` cannot be read: {e}", file.path);
                source.error_at("source.path", message, None)
            })?;
            let name = Path::new(&file.path)
                .file_name()
                .map(|n| n.to_string_lossy().into_owned());
            content.push((part.name.clone(), name, digest.clone()));
            if let Some(raw) = found.raw.get_mut(&part.name) {
                raw.digests.insert(file.path.clone(), digest);
            }
        }
        if let Some(raw) = found.raw.get_mut(&part.name) {
            raw.seen = Some(files);
        }
    }
    // How files are read is part of what is read: a spec may say it.
    let read: Vec<_> = found.raw.values().map(|f| (&f.form, &f.columns)).collect();
    found.version = digest_of(&(content, read));
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
) -> Result<Vec<RawFile>, SpecError> {
    let files = found
        .raw
        .get(&part.name)
        .map_or(Ok(Vec::new()), RawFiles::list);
    let files = files.map_err(|e| source.error_at("source.path", e, None))?;
    if files.is_empty() && !part.optional {
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
            folder,
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
        seen: None,
        optional: true,
        digests: BTreeMap::new(),
    });
    let files = files
        .and_then(|files| files.list().ok())
        .unwrap_or_default();
    files.into_iter().map(|file| file.path).collect()
}

/// The folder of a path or URL and, where it names files, their names.
fn place(path: &str) -> (String, Option<String>) {
    let wild = |name: &str| name.contains(['*', '?', '[']);
    let ended = |name: &str| Path::new(name).extension().is_some();
    if is_url(path) {
        let path = path.trim_end_matches('/');
        let split = path.rsplit_once('/').filter(|(f, _)| !f.ends_with('/'));
        return match split {
            Some((folder, name)) if wild(name) || ended(name) => {
                (folder.to_owned(), Some(name.to_owned()))
            }
            _ => (path.to_owned(), None),
        };
    }
    let path = path.strip_prefix("file://").unwrap_or(path);
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    let name = absolute
        .file_name()
        .map(|n| n.to_string_lossy().into_owned());
    match name {
        Some(name) if wild(&name) || ended(&name) && !absolute.is_dir() => {
            let folder = absolute.parent().unwrap_or(Path::new(""));
            (folder.display().to_string(), Some(name))
        }
        _ => (absolute.display().to_string(), None),
    }
}

/// How many weeks of `prepare.weeks` the files' names tell of.
fn weeks_named(files: &[RawFile], mark: &str, spec: &RunSpec) -> u64 {
    let week = |file: &RawFile| {
        let name = Path::new(&file.path)
            .file_name()?
            .to_string_lossy()
            .into_owned();
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

/// Names a file's content: by a hash of it, or for an object by its stamp.
pub fn digest_file(file: &RawFile) -> std::io::Result<String> {
    if is_url(&file.path) {
        return Ok(file.stamp.clone());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(&file.path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_name_folders_or_files() {
        let at = |folder: &str, name: Option<&str>| (folder.to_owned(), name.map(str::to_owned));
        for (path, wanted) in [
            ("/data/t_*.csv.gz", at("/data", Some("t_*.csv.gz"))),
            ("file:///data/t.csv", at("/data", Some("t.csv"))),
            ("/data/raw", at("/data/raw", None)),
            ("s3://b", at("s3://b", None)),
            ("s3://b.c/", at("s3://b.c", None)),
            ("s3://b/raw/", at("s3://b/raw", None)),
            ("s3://b/t_*.gz", at("s3://b", Some("t_*.gz"))),
            ("s3://b/raw/t.csv", at("s3://b/raw", Some("t.csv"))),
        ] {
            assert_eq!(place(path), wanted, "{path}");
        }
    }
}
