//! What is wrong with a spec, and how it is shown. Knows nothing of TOML or of keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong with a spec, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecProblem {
    /// The spec's file as the user named it, or `--set` for an override that cannot be applied.
    pub file: String,
    /// Line in the user's file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are underlined, at least 1.
    pub width: usize,
    /// Path of the key, for example `train[0].params.dim`; empty for an error of syntax.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The text of the line.
    pub source_line: String,
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            ..
        } = self;
        let gutter = " ".repeat(line.to_string().len());
        // Tabs stay tabs, so that the carets stand under the value in any terminal.
        let before = self.source_line.chars().take(column.saturating_sub(1));
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let carets = "^".repeat(self.width.max(1));
        let source = format!("{line} | {}", self.source_line);
        writeln!(f, "error: {message}")?;
        writeln!(f, "{gutter}--> {file}:{line}:{column}")?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{}", source.trim_end())?;
        write!(f, "{gutter} | {indent}{carets}")?;
        if let Some(help) = &self.help {
            write!(f, "\n{gutter} = help: {help}")?;
        }
        Ok(())
    }
}

/// A spec that cannot be run. Its text shows every problem in the style of rustc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecError {
    /// What is wrong, in the order of the file; never empty when it comes from this module.
    pub problems: Vec<SpecProblem>,
}

impl SpecError {
    /// An error of these problems, in the order of the file; none if there are none.
    #[must_use]
    pub fn from_problems(mut problems: Vec<SpecProblem>) -> Option<Self> {
        problems.sort_by_key(|p| (p.line, p.column));
        (!problems.is_empty()).then_some(Self { problems })
    }
}

impl From<SpecProblem> for SpecError {
    fn from(problem: SpecProblem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let gap = if i == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}
