//! The text of a spec, and where in it a key stands. Reads no types and judges nothing.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{SpecError, SpecProblem};

/// Ends every line that an override added. Such lines are not counted, so that line numbers are
/// those of the user's own file.
pub(super) const ADDED_LINE: &str = "# --set";

/// The text of a spec, and what its file is called in errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecSource {
    /// The file as the user named it.
    pub file: String,
    /// Its TOML text.
    pub text: String,
}

impl SpecSource {
    /// A problem with the value at `key_path`, for what only the data can tell.
    ///
    /// `key_path` is written `split.test_weeks` or `train[0].params.dim`. A key that the text
    /// does not have is shown at the header of its table, or on line 1.
    #[must_use]
    pub fn error_at(
        &self,
        key_path: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) -> SpecError {
        self.problem(key_path, message.into(), help).into()
    }

    pub(super) fn problem(
        &self,
        key_path: &str,
        message: String,
        help: Option<String>,
    ) -> SpecProblem {
        let span = self.document().ok().and_then(|document| {
            let nodes = walk(document.get_ref(), &steps(key_path));
            nodes.last().map(|node| node.span())
        });
        self.problem_in(span.unwrap_or(0..0), key_path, message, help)
    }

    /// A problem with the text in `span` (bytes).
    pub(super) fn problem_in(
        &self,
        span: Range<usize>,
        key: &str,
        message: String,
        help: Option<String>,
    ) -> SpecProblem {
        let (before, after) = self
            .text
            .split_at_checked(span.start)
            .unwrap_or((&self.text, ""));
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line_end =
            span.start.min(self.text.len()) + after.find(['\r', '\n']).unwrap_or(after.len());
        let underlined = self
            .text
            .get(span.start..span.end.min(line_end))
            .unwrap_or_default();
        let added = before.lines().filter(|l| l.ends_with(ADDED_LINE)).count();
        SpecProblem {
            file: self.file.clone(),
            line: 1 + before.matches('\n').count() - added,
            column: 1 + before[line_start..].chars().count(),
            width: underlined.chars().count().max(1),
            key: key.into(),
            message,
            help,
            source_line: self.text[line_start..line_end].into(),
        }
    }

    /// The text as TOML with spans.
    pub(super) fn document(&self) -> Result<Spanned<DeTable<'_>>, SpecError> {
        DeTable::parse(&self.text).map_err(|e| {
            let message = format!("this is not TOML: {}", e.message());
            self.problem_in(e.span().unwrap_or(0..0), "", message, None)
                .into()
        })
    }
}

/// One step of a key path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

/// The steps of `train[0].params.dim`. What is not written like that becomes a key that no spec
/// has.
pub(super) fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let indexed = part.strip_suffix(']').and_then(|p| p.split_once('['));
        match indexed.and_then(|(key, index)| Some((key, index.parse().ok()?))) {
            Some((key, index)) => steps.extend([Step::Key(key), Step::Index(index)]),
            None => steps.push(Step::Key(part)),
        }
    }
    steps
}

/// The values on the way along `steps`, as far as they exist.
pub(super) fn walk<'d>(root: &'d DeTable<'d>, steps: &[Step<'_>]) -> Vec<&'d Spanned<DeValue<'d>>> {
    let mut nodes: Vec<&'d Spanned<DeValue<'d>>> = Vec::new();
    for step in steps {
        let next = match (nodes.last().map(|n| n.get_ref()), step) {
            (None, Step::Key(key)) => root.get(*key),
            (Some(DeValue::Table(table)), Step::Key(key)) => table.get(*key),
            (Some(DeValue::Array(array)), Step::Index(index)) => array.get(*index),
            _ => None,
        };
        let Some(next) = next else { break };
        nodes.push(next);
    }
    nodes
}
