//! The rules of the house, held by machine: who may depend on whom, how long files and functions
//! may be, and that every module says what it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use syn::spanned::Spanned;
use syn::visit::Visit;

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 80;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What must never be reached, also transitively (normal and build dependencies).
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "pannier-proto",
        &["datafusion", "ballista-core", "burn", "object_store"],
    ),
    (
        "pannier-store",
        &["datafusion", "ballista-core", "burn", "arrow"],
    ),
    (
        "pannier-engine",
        &["ballista-scheduler", "ballista-executor", "burn"],
    ),
    ("pannier-executor", &["burn", "ballista-scheduler"]),
    ("pannier-scheduler", &["burn", "ballista-executor"]),
    ("pannier-trainer", &["datafusion", "ballista-core"]),
    ("pannier-wide-deep", &["burn", "datafusion", "arrow"]),
    (
        "pannier-client",
        &["burn", "datafusion", "ballista-core", "object_store"],
    ),
    (
        "pannier-tests",
        &["burn", "datafusion", "ballista-core", "object_store"],
    ),
];

/// Packages reached from a package, by `cargo tree`.
fn reached(args: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root())
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(args)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .filter_map(|l| l.split(' ').next())
        .map(str::to_owned)
        .collect())
}

#[test]
fn nobody_reaches_what_is_not_theirs() -> anyhow::Result<()> {
    for (package, forbidden) in FORBIDDEN {
        let reached = reached(&["--package", package])?;
        ensure!(
            reached.contains(*package),
            "{package} reaches not even itself"
        );
        for never in *forbidden {
            ensure!(!reached.contains(*never), "{package} reaches {never}");
        }
    }
    let thin = reached(&["--package", "pannier", "--no-default-features"])?;
    for never in ["burn", "datafusion", "ballista-core", "object_store"] {
        ensure!(!thin.contains(never), "the thin client reaches {never}");
    }
    Ok(())
}

/// Versions that must agree: one of each.
#[test]
fn one_version_of_what_crosses_our_interfaces() -> anyhow::Result<()> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(n) = line.strip_prefix("name = ") {
            name = n.trim_matches('"');
        } else if let Some(v) = line.strip_prefix("version = ") {
            versions.entry(name).or_default().push(v.trim_matches('"'));
        }
    }
    let agreed = [
        ("datafusion", "55."),
        ("ballista-core", "55."),
        ("arrow", "59."),
        ("arrow-flight", "59."),
        ("object_store", "0.13."),
        ("tonic", "0.14."),
        ("prost", "0.14."),
    ];
    for (package, wanted) in agreed {
        let found = versions.get(package).context(package)?;
        ensure!(
            found.len() == 1 && found[0].starts_with(wanted),
            "{package}: {found:?}, not {wanted}"
        );
    }
    Ok(())
}

/// Files that git tracks or would track.
fn files(ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-co", "--exclude-standard"])
        .output()?;
    let text = String::from_utf8(listed.stdout)?;
    let paths: Vec<PathBuf> = text
        .lines()
        .filter(|l| l.ends_with(ending))
        .map(|l| root().join(l))
        .filter(|p| p.is_file())
        .collect();
    ensure!(
        !paths.is_empty(),
        "git lists no {ending}; is this a checkout?"
    );
    Ok(paths)
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let inside = path
        .strip_prefix(root())
        .unwrap_or(path)
        .components()
        .any(|c| c.as_os_str() == "tests" || c.as_os_str() == "testing");
    inside || ["tests.rs", "example.rs", "sample.rs", "markup_check.rs"].contains(&name.as_ref())
}

/// Functions of a file that are too long.
#[derive(Default)]
struct Long(Vec<(String, usize)>);

impl<'a> Visit<'a> for Long {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.weigh(&item.sig.ident, item.block.span());
        syn::visit::visit_item_fn(self, item);
    }
    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.weigh(&item.sig.ident, item.block.span());
        syn::visit::visit_impl_item_fn(self, item);
    }
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        let is_test = item.attrs.iter().any(|a| a.path().is_ident("cfg"));
        if !is_test {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

impl Long {
    fn weigh(&mut self, name: &syn::Ident, span: proc_macro2::Span) {
        let lines = span.end().line - span.start().line + 1;
        if lines > FUNCTION_LINES {
            self.0.push((name.to_string(), lines));
        }
    }
}

#[test]
fn files_and_functions_are_small_and_modules_say_what_they_are() -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for path in files(".rs")? {
        let text = std::fs::read_to_string(&path)?;
        let shown = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        if !text.starts_with("//!") && !is_test(&path) {
            faults.push(format!("{shown} does not open with //!"));
        }
        if is_test(&path) {
            continue;
        }
        let lines = text
            .lines()
            .take_while(|l| !l.starts_with("#[cfg(test)]"))
            .count();
        if lines > FILE_LINES {
            faults.push(format!("{shown} has {lines} lines"));
        }
        let mut long = Long::default();
        long.visit_file(&syn::parse_file(&text)?);
        faults.extend(
            long.0
                .into_iter()
                .map(|(name, lines)| format!("{shown}: {name} has {lines} lines")),
        );
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn the_project_names_no_machine() -> anyhow::Result<()> {
    let machine = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
    ];
    for ending in [".rs", ".md", ".toml", ".sql", ".py", ".proto", "run"] {
        for path in files(ending)? {
            let text = std::fs::read_to_string(&path)?;
            for word in machine {
                ensure!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
    Ok(())
}
