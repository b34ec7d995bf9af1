//! Reads typed values out of a spec's tables and notes every problem on the way.
//!
//! A getter gives `None` for a key that is absent or wrong; the caller fills in a default, and
//! [`Reader::finish`] refuses the whole spec if anything was wrong, so no stand-in gets out.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeBounds;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::error::{SpecError, SpecProblem};
use super::keys::{self, TableKeys};
use super::locate::SpecSource;
use super::value::{found, integer, integer_in, is_name, one_of};

/// Collects problems while tables are read.
pub(super) struct Reader<'s> {
    source: &'s SpecSource,
    problems: RefCell<Vec<SpecProblem>>,
}

impl<'s> Reader<'s> {
    pub fn new(source: &'s SpecSource) -> Self {
        Self {
            source,
            problems: RefCell::default(),
        }
    }

    /// The top level of the document.
    pub fn top<'d>(&self, document: &'d DeTable<'d>) -> Table<'_, 'd> {
        Table::open(self, &keys::TOP, String::new(), document)
    }

    /// All problems, if there were any.
    pub fn finish(self) -> Result<(), SpecError> {
        SpecError::from_problems(self.problems.into_inner()).map_or(Ok(()), Err)
    }
}

/// One table of the spec.
pub(super) struct Table<'r, 'd> {
    reader: &'r Reader<'r>,
    keys: &'static TableKeys,
    /// For example `train[0].params`; empty at the top level.
    path: String,
    entries: &'d DeTable<'d>,
}

/// A value that is not what was expected, with a hint if there is one.
pub(super) type Refused = Option<String>;

impl<'r, 'd> Table<'r, 'd> {
    fn open(
        reader: &'r Reader<'r>,
        keys: &'static TableKeys,
        path: String,
        entries: &'d DeTable<'d>,
    ) -> Self {
        let table = Self {
            reader,
            keys,
            path,
            entries,
        };
        for key in entries
            .keys()
            .filter(|e| !keys.keys().any(|k| k == e.get_ref()))
        {
            let message = format!("unknown key `{}` {}", key.get_ref(), keys.place());
            let help = keys.help_for_unknown(key.get_ref());
            let path = table.path_of(key.get_ref());
            table.note(
                reader
                    .source
                    .problem_in(key.span(), &path, message, Some(help)),
            );
        }
        table
    }

    /// A non-empty string.
    pub fn text(&self, key: &str) -> Option<String> {
        self.value(key, "a string that is not empty", |v| {
            v.as_str()
                .filter(|s| !s.trim().is_empty())
                .map(str::to_string)
                .ok_or(None)
        })
    }

    /// A string that may be part of a path or an address.
    pub fn name(&self, key: &str) -> Option<String> {
        let expected = "1 to 64 of `a`-`z`, `0`-`9` and `-`, not beginning with `-`";
        self.value(key, expected, |v| {
            v.as_str()
                .filter(|s| is_name(s))
                .map(str::to_string)
                .ok_or(None)
        })
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.value(key, "`true` or `false`", |v| v.as_bool().ok_or(None))
    }

    /// An integer in `range`.
    pub fn integer<T>(&self, key: &str, range: impl RangeBounds<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        self.value(key, &integer_in(&range), |v| integer(v, &range).ok_or(None))
    }

    /// A list of at least one integer in `range`.
    pub fn integers<T>(&self, key: &str, range: impl RangeBounds<T>) -> Option<Vec<T>>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        self.list(key, &integer_in(&range), |v| integer(v, &range))
    }

    /// A list of at least one finite number for which `allowed` is true; `range` says which these are.
    pub fn numbers(
        &self,
        key: &str,
        range: &str,
        allowed: impl Fn(f64) -> bool,
    ) -> Option<Vec<f64>> {
        self.list(key, &format!("a number {range}"), |v| number(v, &allowed))
    }

    /// A list of at least one value, each as `convert` takes it; `expected` says what that is.
    pub fn list<T>(
        &self,
        key: &str,
        expected: &str,
        convert: impl Fn(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.value(key, "a list that is not empty", |v| {
            v.as_array().filter(|items| !items.is_empty()).ok_or(None)
        })?;
        self.items(key, items, expected, convert)
    }

    /// Whether the key is there, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The word under `key` as it stands.
    pub fn word(&self, key: &str) -> Option<&'d str> {
        self.entries.get(key)?.get_ref().as_str()
    }

    /// How many problems were noted so far, in the whole spec.
    pub fn problems(&self) -> usize {
        self.reader.problems.borrow().len()
    }

    /// Notes a problem with `key`, at the table's header where the key is not there.
    pub fn fault(&self, key: &str, message: String, help: String) {
        let path = self.path_of(key);
        self.note(self.reader.source.problem(&path, message, Some(help)));
    }

    /// A finite number for which `allowed` is true; `range` says in words which these are.
    pub fn number(&self, key: &str, range: &str, allowed: impl Fn(f64) -> bool) -> Option<f64> {
        self.value(key, &format!("a number {range}"), |v| {
            number(v, &allowed).ok_or(None)
        })
    }

    /// One of several words.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word);
        self.value(key, &one_of(words()), |v| {
            let found = v.as_str().ok_or(None)?;
            let chosen = choices
                .iter()
                .find(|(word, _)| *word == found)
                .map(|(_, choice)| *choice);
            chosen.ok_or_else(|| {
                keys::nearest(found, words()).map(|near| format!("did you mean `{near}`?"))
            })
        })
    }

    /// The table under `key`.
    pub fn table(&self, key: &str, keys: &'static TableKeys) -> Option<Table<'r, 'd>> {
        let entries = self.value(key, "a table", |v| v.as_table().ok_or(None))?;
        Some(Table::open(self.reader, keys, self.path_of(key), entries))
    }

    /// The tables of the list under `key`.
    pub fn tables(&self, key: &str, keys: &'static TableKeys) -> Vec<Table<'r, 'd>> {
        let expected = format!("a list of tables, each under its own {}", keys.header);
        let items = self.value(key, &expected, |v| v.as_array().ok_or(None));
        let tables = items.and_then(|items| self.items(key, items, "a table", DeValue::as_table));
        let tables = tables.unwrap_or_default().into_iter().enumerate();
        tables
            .map(|(i, entries)| {
                let path = format!("{}[{i}]", self.path_of(key));
                Table::open(self.reader, keys, path, entries)
            })
            .collect()
    }

    /// A string, or a list of at least one, none of them empty.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        if !self.is_list(key) {
            return self.text(key).map(|text| vec![text]);
        }
        let items = self.value(key, "a list that is not empty", |v| {
            v.as_array().filter(|items| !items.is_empty()).ok_or(None)
        })?;
        self.items(key, items, "a string that is not empty", |v| {
            let text = v.as_str().filter(|s| !s.trim().is_empty());
            text.map(str::to_owned)
        })
    }

    /// Whether the value is a list.
    pub fn is_list(&self, key: &str) -> bool {
        let value = self.entries.get(key);
        value.is_some_and(|v| v.get_ref().is_array())
    }

    /// Whether the value is a table.
    pub fn is_table(&self, key: &str) -> bool {
        let value = self.entries.get(key);
        value.is_some_and(|v| v.get_ref().is_table())
    }

    /// Notes a problem if `key` is there although it has no meaning.
    pub fn refuse(&self, key: &str, why: &str, help: &str) {
        if let Some(value) = self.entries.get(key) {
            self.complain(
                value,
                key,
                format!("{} {why}", self.subject(key)),
                Some(help.into()),
            );
        }
    }

    /// Whatever `convert` makes of the value; its error is a hint, if it has one. All other
    /// getters go through this one.
    pub fn value<T>(
        &self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&'d DeValue<'d>) -> Result<T, Refused>,
    ) -> Option<T> {
        debug_assert!(
            self.keys.keys().any(|k| k == key),
            "{key} is missing in keys.rs"
        );
        let Some(value) = self.entries.get(key) else {
            if self.keys.required.contains(&key) {
                let message = format!("missing key `{key}` {}", self.keys.place());
                let help = format!("`{key}` must be {expected}");
                self.note(
                    self.reader
                        .source
                        .problem(&self.path_of(key), message, Some(help)),
                );
            }
            return None;
        };
        let refused = match convert(value.get_ref()) {
            Ok(converted) => return Some(converted),
            Err(refused) => refused,
        };
        let message = format!(
            "{} must be {expected}, found {}",
            self.subject(key),
            found(value.get_ref())
        );
        self.complain(value, key, message, refused);
        None
    }

    fn items<T>(
        &self,
        key: &str,
        items: &'d DeArray<'d>,
        expected: &str,
        convert: impl Fn(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let converted: Vec<Option<T>> = items.iter().map(|item| convert(item.get_ref())).collect();
        for (i, _) in converted
            .iter()
            .enumerate()
            .filter(|(_, item)| item.is_none())
        {
            let subject = self.subject(&format!("{key}[{i}]"));
            let message = format!(
                "{subject} must be {expected}, found {}",
                found(items[i].get_ref())
            );
            self.complain(&items[i], &format!("{key}[{i}]"), message, None);
        }
        converted.into_iter().collect()
    }

    fn complain(
        &self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        message: String,
        help: Option<String>,
    ) {
        self.note(
            self.reader
                .source
                .problem_in(value.span(), &self.path_of(key), message, help),
        );
    }

    fn note(&self, problem: SpecProblem) {
        self.reader.problems.borrow_mut().push(problem);
    }

    fn subject(&self, key: &str) -> String {
        if self.path.is_empty() {
            format!("`{key}`")
        } else {
            format!("`{key}` {}", self.keys.place())
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.into()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// A finite number for which `allowed` is true.
fn number(value: &DeValue<'_>, allowed: &impl Fn(f64) -> bool) -> Option<f64> {
    let number = match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => integer(value, &(..)).map(|i: i128| i as f64),
    };
    number.filter(|n: &f64| n.is_finite() && allowed(*n))
}
