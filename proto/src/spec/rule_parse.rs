//! From the flat keys of a `[[check]]` to a typed rule, and reading these keys from a file with
//! errors that point at them.

use std::fmt;

use toml::de::DeValue;

use super::keys;
use super::reader::Table;
use super::rule::{
    Against, Allowed, CheckRule, CheckSpec, CheckValue, ColumnRef, ColumnType, DriftOf, RowTest,
    Severity, TableNumber, Within,
};
use super::rule_fields::{CheckFields, RULES, RuleKeys, SQL};
use super::value::integer;

/// A key whose value does not make a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The key.
    pub key: &'static str,
    /// What is wrong, after the key's name.
    pub why: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}; {}", self.key, self.why, self.help)
    }
}

fn fault(key: &'static str, why: impl Into<String>, help: impl Into<String>) -> Fault {
    Fault {
        key,
        why: why.into(),
        help: help.into(),
    }
}

/// A value that its rule needs.
fn needed<T>(key: &'static str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| fault(key, "is missing", "this rule needs it"))
}

impl TryFrom<CheckFields> for CheckSpec {
    type Error = Fault;

    fn try_from(mut fields: CheckFields) -> Result<Self, Fault> {
        let name = std::mem::take(&mut fields.name);
        let severity = fields.severity;
        let rule = match fields.rule.take() {
            None => CheckRule::Sql {
                sql: needed("sql", fields.sql.take())?,
                allowed: fields.allowed()?,
            },
            Some(rule) => fields.rule(&rule)?,
        };
        Ok(Self {
            name,
            rule,
            severity,
        })
    }
}

impl CheckFields {
    fn rule(self, rule: &str) -> Result<CheckRule, Fault> {
        if !RULES.iter().any(|keys| keys.name == rule) {
            return Err(fault("rule", format!("is `{rule}`"), known()));
        }
        let max_share = self.max_share;
        if rule == "reject-share" {
            let max_share = needed("max_share", max_share)?;
            return Ok(CheckRule::RejectShare { max_share });
        }
        let table = needed("table", self.table.clone())?;
        match rule {
            "rows-between" => self.between(table, TableNumber::Rows),
            "distinct-between" => {
                let column = needed("column", self.column.clone())?;
                self.between(table, TableNumber::Distinct { column })
            }
            "value-between" => {
                let expression = needed("value", self.expression.clone())?;
                self.between(table, TableNumber::Value { expression })
            }
            "fresh" => self.fresh(table),
            "types" => Ok(CheckRule::Types {
                table,
                types: needed("types", self.types.filter(|types| !types.is_empty()))?,
                exact: self.exact.unwrap_or(false),
            }),
            "drift" => self.drift(table),
            _ => Ok(CheckRule::Rows {
                table,
                allowed: self.allowed()?,
                test: self.row_test(rule)?,
            }),
        }
    }

    fn allowed(&self) -> Result<Allowed, Fault> {
        match (self.limit, self.max_share) {
            (Some(_), Some(_)) => {
                let why = "and `limit` say the same in two ways";
                Err(fault("max_share", why, "remove one"))
            }
            (_, Some(share)) => Ok(Allowed::Share(share)),
            (limit, None) => Ok(Allowed::Rows(limit.unwrap_or(0))),
        }
    }

    fn row_test(self, rule: &str) -> Result<RowTest, Fault> {
        if rule == "unique" {
            return Ok(RowTest::Unique {
                columns: self.key()?,
            });
        }
        if rule == "none" {
            return Ok(RowTest::None {
                condition: needed("where", self.condition)?,
            });
        }
        let column = needed("column", self.column)?;
        match rule {
            "in-set" => Ok(RowTest::InSet {
                column,
                values: needed("values", self.values.filter(|values| !values.is_empty()))?,
            }),
            "in-range" if self.min.is_none() && self.max.is_none() => Err(no_bound()),
            "in-range" => Ok(RowTest::InRange {
                column,
                min: self.min,
                max: self.max,
            }),
            "foreign-key" => Ok(RowTest::ForeignKey {
                column,
                references: column_ref("references", &needed("references", self.references)?)?,
            }),
            _ => Ok(RowTest::NotNull { column }),
        }
    }

    fn key(self) -> Result<Vec<String>, Fault> {
        match (self.column, self.columns) {
            (Some(column), None) => Ok(vec![column]),
            (None, Some(columns)) if !columns.is_empty() => Ok(columns),
            (Some(_), Some(_)) => Err(fault(
                "columns",
                "and `column` say the same in two ways",
                "remove one",
            )),
            (None, _) => Err(fault(
                "column",
                "is missing",
                "name a `column` or `columns`",
            )),
        }
    }

    fn between(self, table: String, number: TableNumber) -> Result<CheckRule, Fault> {
        if self.min.is_none() && self.max.is_none() {
            return Err(no_bound());
        }
        Ok(CheckRule::Between {
            table,
            number,
            min: self.min.map(|v| plain("min", &v)).transpose()?,
            max: self.max.map(|v| plain("max", &v)).transpose()?,
        })
    }

    fn fresh(self, table: String) -> Result<CheckRule, Fault> {
        let within: Within = needed("within", self.within)?
            .parse()
            .map_err(|e: String| fault("within", "is no span of time", e))?;
        let against = match self.against.as_deref() {
            None | Some("now") => Against::Now,
            Some(other) => Against::Newest(column_ref("against", other)?),
        };
        let column = needed("column", self.column)?;
        Ok(CheckRule::Fresh {
            column: ColumnRef { table, column },
            within,
            against,
        })
    }

    fn drift(self, table: String) -> Result<CheckRule, Fault> {
        let of = match (needed("of", self.of)?.as_str(), self.column) {
            ("rows", None) => DriftOf::Rows,
            ("rows", Some(_)) => {
                let why = "does not go with of = \"rows\"";
                return Err(fault("column", why, "remove it"));
            }
            ("mean", column) => DriftOf::Mean {
                column: needed("column", column)?,
            },
            ("unseen", column) => DriftOf::Unseen {
                column: needed("column", column)?,
            },
            (other, _) => {
                let why = format!("is `{other}`");
                return Err(fault("of", why, "it must be `rows`, `mean` or `unseen`"));
            }
        };
        Ok(CheckRule::Drift {
            table,
            of,
            max_change: needed("max_change", self.max_change)?,
        })
    }
}

fn no_bound() -> Fault {
    fault("min", "is missing, and `max` too", "give one or both")
}

/// The rules, for an error.
pub(super) fn known() -> String {
    let names: Vec<String> = RULES.iter().map(|r| format!("`{}`", r.name)).collect();
    format!("it must be one of {}", names.join(", "))
}

/// A bound of a number.
fn plain(key: &'static str, value: &CheckValue) -> Result<f64, Fault> {
    match value {
        CheckValue::Integer(n) => Ok(*n as f64),
        CheckValue::Number(n) => Ok(*n),
        CheckValue::Text(_) => Err(fault(key, "is a text", "a number is compared with it")),
    }
}

fn column_ref(key: &'static str, text: &str) -> Result<ColumnRef, Fault> {
    text.parse()
        .map_err(|e: String| fault(key, "names no column of a table", e))
}

impl CheckSpec {
    pub(super) fn read(table: &Table<'_, '_>) -> Self {
        let before = table.problems();
        let fields = CheckFields::read(table);
        if let Some(keys) = keys_of(table) {
            keys_fit(table, keys);
        }
        let name = fields.name.clone();
        if table.problems() == before {
            match Self::try_from(fields) {
                Ok(check) => return check,
                Err(fault) => {
                    let message = format!("`{}` in [[check]] {}", fault.key, fault.why);
                    table.fault(fault.key, message, fault.help);
                }
            }
        }
        // Stands in until the reader refuses the spec.
        Self {
            name,
            rule: CheckRule::Sql {
                sql: String::new(),
                allowed: Allowed::Rows(0),
            },
            severity: Severity::Fail,
        }
    }
}

/// The keys of the check's rule, where it has one.
fn keys_of(table: &Table<'_, '_>) -> Option<&'static RuleKeys> {
    match (table.has("rule"), table.has("sql")) {
        (true, true) => {
            let message = "`rule` and `sql` in [[check]] exclude each other".to_owned();
            table.fault("sql", message, "remove one".to_owned());
            None
        }
        (false, false) => {
            let message = "missing key `rule` or `sql` in [[check]]".to_owned();
            let help = "name a rule, or give SQL that selects the rows that offend".to_owned();
            table.fault("rule", message, help);
            None
        }
        (false, true) => Some(&SQL),
        (true, false) => {
            let rules: Vec<(&str, &'static RuleKeys)> = RULES.iter().map(|r| (r.name, r)).collect();
            table.choice("rule", &rules)
        }
    }
}

/// Notes keys that the rule lacks and keys that mean nothing to it.
fn keys_fit(table: &Table<'_, '_>, rule: &RuleKeys) {
    let (with, subject) = if rule.name.is_empty() {
        ("`sql`".to_owned(), "`sql`".to_owned())
    } else {
        let name = rule.name;
        (format!("rule = \"{name}\""), format!("`{name}`"))
    };
    for key in rule.needs.iter().filter(|key| !table.has(key)) {
        let message = format!("missing key `{key}` in [[check]]");
        table.fault(key, message, format!("{subject} needs it"));
    }
    let fits: Vec<&str> = rule.needs.iter().chain(rule.takes).copied().collect();
    for key in keys::CHECK.optional {
        if !["rule", "sql", "severity"].contains(key) && !fits.contains(key) {
            let why = format!("does not go with {with}");
            let help = format!("{subject} takes {}", keys::quoted(fits.iter().copied()));
            table.refuse(key, &why, &help);
        }
    }
}

impl CheckFields {
    fn read(table: &Table<'_, '_>) -> Self {
        let severities = [("fail", Severity::Fail), ("warn", Severity::Warn)];
        let share = |key| table.number(key, "from 0 to 1", |n| (0.0..=1.0).contains(&n));
        Self {
            name: table.text("name").unwrap_or_default(),
            sql: table.text("sql"),
            rule: table.word("rule").map(str::to_owned),
            table: table.text("table"),
            column: table.text("column"),
            columns: table.list("columns", "a string", |v| v.as_str().map(str::to_owned)),
            values: table.list("values", "an integer, a number or a string", value),
            min: bound(table, "min"),
            max: bound(table, "max"),
            references: table.text("references"),
            condition: table.text("where"),
            expression: table.text("value"),
            within: table.text("within"),
            against: table.text("against"),
            types: types(table),
            exact: table.flag("exact"),
            of: table.text("of"),
            max_change: table.number("max_change", "of at least 0", |n| n >= 0.0),
            severity: table.choice("severity", &severities).unwrap_or_default(),
            limit: table.integer("limit", 0..=i64::MAX.unsigned_abs()),
            max_share: share("max_share"),
        }
    }
}

fn value(value: &DeValue<'_>) -> Option<CheckValue> {
    match value {
        DeValue::Integer(_) => integer(value, &(..)).map(CheckValue::Integer),
        DeValue::Float(float) => {
            let number: f64 = float.as_str().parse().ok()?;
            number.is_finite().then_some(CheckValue::Number(number))
        }
        DeValue::String(text) => Some(CheckValue::Text(text.to_string())),
        DeValue::Datetime(time) => Some(CheckValue::Text(time.to_string())),
        _ => None,
    }
}

fn bound(table: &Table<'_, '_>, key: &str) -> Option<CheckValue> {
    table.value(key, "an integer, a number, a string or a date", |v| {
        value(v).ok_or(None)
    })
}

fn types(table: &Table<'_, '_>) -> Option<std::collections::BTreeMap<String, ColumnType>> {
    let names = || ColumnType::ALL.iter().map(|(name, _)| *name);
    let expected = "a table of columns and their types, such as { user_id = \"id\" }";
    table.value("types", expected, |v| {
        let entries = v.as_table().filter(|t| !t.is_empty()).ok_or(None)?;
        let typed = entries.iter().map(|(column, found)| {
            let found = found.get_ref().as_str().unwrap_or_default();
            let known = ColumnType::ALL.iter().find(|(name, _)| *name == found);
            let help = || format!("a type is one of {}", keys::quoted(names()));
            known
                .map(|(_, t)| (column.get_ref().to_string(), *t))
                .ok_or_else(|| Some(help()))
        });
        typed.collect()
    })
}
