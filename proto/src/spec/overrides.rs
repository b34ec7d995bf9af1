//! `--set` overrides: edits of a spec's text that leave every other line where it was, so that
//! later errors still point at the user's file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{SpecError, SpecProblem};
use super::locate::{ADDED_LINE, SpecSource, Step, steps, walk};
use super::value::found;

/// Why an override cannot be applied: what is wrong, and what to do.
type Refusal = (String, String);

impl SpecSource {
    /// The same source with `sets` applied in order, each a key path (`train[0].params.dim`) and a
    /// value. A value that is not TOML is a string, so `source.path=data/x.csv` needs no quotes.
    ///
    /// # Errors
    /// A text that is not TOML; a path that is malformed, leads through something that is not a
    /// table, or ends at a table. Whether the key is known is left to [`RunSpec::parse`].
    ///
    /// [`RunSpec::parse`]: super::RunSpec::parse
    pub fn with_overrides(&self, sets: &[(String, String)]) -> Result<Self, SpecError> {
        let mut source = self.clone();
        for (path, value) in sets {
            let document = source.document()?;
            let edit = edit(&source.text, document.get_ref(), path, value);
            let (at, insert) = edit.map_err(|(message, help)| SpecProblem {
                file: "--set".into(),
                line: 1,
                column: 1,
                width: path.chars().count(),
                key: path.clone(),
                message,
                help: Some(help),
                source_line: format!("{path}={value}"),
            })?;
            source.text.replace_range(at, &insert);
        }
        Ok(source)
    }
}

/// Which bytes of the text to replace, and with what.
fn edit(
    text: &str,
    root: &DeTable<'_>,
    path: &str,
    value: &str,
) -> Result<(Range<usize>, String), Refusal> {
    let steps = steps(path);
    if steps
        .iter()
        .any(|step| matches!(step, Step::Key(key) if !is_bare(key)))
    {
        let help = "write it like `split.test_weeks` or `train[0].params.dim`, counting from 0";
        return Err((format!("`{path}` is not the path of a key"), help.into()));
    }
    let nodes = walk(root, &steps);
    let (found, rest) = (nodes.last(), &steps[nodes.len()..]);
    match (found, rest) {
        (Some(node), []) => replace(text, node, path, value),
        (_, [Step::Index(index), ..]) => {
            Err(no_such_item(path, *index, found.map(|n| n.get_ref())))
        }
        (Some(node), _) if !node.get_ref().is_table() => Err(not_a_table(path, node.get_ref())),
        _ if rest.iter().any(|step| matches!(step, Step::Index(_))) => Err((
            format!("the spec has no `{path}`"),
            "an override cannot add a list of tables".into(),
        )),
        _ => Ok(insert(text, root, &nodes, &steps, value)),
    }
}

fn replace(
    text: &str,
    node: &Spanned<DeValue<'_>>,
    path: &str,
    value: &str,
) -> Result<(Range<usize>, String), Refusal> {
    let old = text.get(node.span()).unwrap_or_default();
    if !is_one_value(text, node) {
        return Err((
            format!("`{path}` is a table with its own header"),
            format!("set one of its keys: `{path}.KEY=…`"),
        ));
    }
    // A value over many lines keeps its lines.
    let lines = "\n".repeat(old.matches('\n').count());
    Ok((node.span(), literal(value) + &lines))
}

/// Adds a key to the deepest table on the path that exists and can take it.
fn insert(
    text: &str,
    root: &DeTable<'_>,
    nodes: &[&Spanned<DeValue<'_>>],
    steps: &[Step<'_>],
    value: &str,
) -> (Range<usize>, String) {
    let value = literal(value);
    for (depth, node) in nodes.iter().enumerate().rev() {
        let (span, key) = (node.span(), dotted(&steps[depth + 1..]));
        match text.get(span.clone()).and_then(|t| t.chars().next()) {
            Some('{') => {
                let comma = if node.get_ref().as_table().is_some_and(DeTable::is_empty) {
                    ""
                } else {
                    ","
                };
                return (
                    span.start + 1..span.start + 1,
                    format!(" {key} = {value}{comma}"),
                );
            }
            Some('[') => return line_after(text, span.end, &format!("{key} = {value}")),
            // Made by a dotted key or by the header of a table inside it: its parent takes the key.
            _ => {}
        }
    }
    match (steps, dotted(steps)) {
        ([Step::Key(table), .., Step::Key(last)], _) if !root.contains_key(*table) => {
            let header = format!(
                "[{}] {ADDED_LINE}\n{last} = {value}",
                dotted(&steps[..steps.len() - 1])
            );
            line_after(text, text.len(), &header)
        }
        (_, key) => (0..0, format!("{key} = {value} {ADDED_LINE}\n")),
    }
}

/// Adds a line after the one that holds the byte `at`.
fn line_after(text: &str, at: usize, line: &str) -> (Range<usize>, String) {
    match text.get(at..).and_then(|rest| rest.find('\n')) {
        Some(end) => (at + end + 1..at + end + 1, format!("{line} {ADDED_LINE}\n")),
        None => {
            let newline = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            (
                text.len()..text.len(),
                format!("{newline}{line} {ADDED_LINE}\n"),
            )
        }
    }
}

/// Whether a value stands in one place, which tables under headers do not.
fn is_one_value(text: &str, node: &Spanned<DeValue<'_>>) -> bool {
    match node.get_ref() {
        DeValue::Table(_) => text.get(node.span()).is_some_and(|t| t.starts_with('{')),
        DeValue::Array(items) => items.iter().all(|item| is_one_value(text, item)),
        _ => true,
    }
}

/// The value as TOML: as it is written if it is TOML, else as a string.
fn literal(value: &str) -> String {
    match value.trim().parse::<toml::Value>() {
        Ok(_) => value.trim().into(),
        // A JSON string is a TOML string, on one line.
        Err(_) => serde_json::Value::from(value).to_string(),
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn dotted(steps: &[Step<'_>]) -> String {
    let keys = steps.iter().filter_map(|step| match step {
        Step::Key(key) => Some(*key),
        Step::Index(_) => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

fn no_such_item(path: &str, index: usize, parent: Option<&DeValue<'_>>) -> Refusal {
    match parent.and_then(DeValue::as_array) {
        Some(items) => (
            format!(
                "`{path}` leads to item {index} of a list of {}",
                items.len()
            ),
            "items are counted from 0".into(),
        ),
        None => (
            format!("`{path}` counts where there is no list"),
            "remove the `[…]`".into(),
        ),
    }
}

fn not_a_table(path: &str, node: &DeValue<'_>) -> Refusal {
    match node.as_array() {
        Some(_) => (
            format!("`{path}` leads through a list"),
            "say which item, counted from 0: `train[0].name`".into(),
        ),
        None => {
            let message = format!("`{path}` leads through {}, which has no keys", found(node));
            (message, "set a key of a table".into())
        }
    }
}
