//! The keys of a `[[check]]`, flat as a file has them, and a typed rule's way to them. Which keys a
//! rule needs and which it may have stands in [`RULES`]; the way back is `rule_parse`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::{
    Against, Allowed, CheckRule, CheckSpec, CheckValue, ColumnType, DriftOf, RowTest, Severity,
    TableNumber,
};

/// A check as JSON and TOML have it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CheckFields {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<CheckValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<CheckValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<CheckValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(rename = "value", skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<BTreeMap<String, ColumnType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_change: Option<f64>,
    pub severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_share: Option<f64>,
}

/// The keys of a rule beside `name`, `rule` and `severity`.
pub(super) struct RuleKeys {
    /// Its name; empty for SQL.
    pub name: &'static str,
    /// Keys that must be there.
    pub needs: &'static [&'static str],
    /// Keys that may be there.
    pub takes: &'static [&'static str],
}

const fn rule(
    name: &'static str,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
) -> RuleKeys {
    RuleKeys { name, needs, takes }
}

/// What SQL goes with.
pub(super) const SQL: RuleKeys = rule("", &["sql"], &["limit"]);

/// Every rule.
pub(super) const RULES: [RuleKeys; 13] = [
    rule("not-null", &["table", "column"], &["limit", "max_share"]),
    rule(
        "unique",
        &["table"],
        &["column", "columns", "limit", "max_share"],
    ),
    rule(
        "in-set",
        &["table", "column", "values"],
        &["limit", "max_share"],
    ),
    rule(
        "in-range",
        &["table", "column"],
        &["min", "max", "limit", "max_share"],
    ),
    rule(
        "foreign-key",
        &["table", "column", "references"],
        &["limit", "max_share"],
    ),
    rule("none", &["table", "where"], &["limit", "max_share"]),
    rule("rows-between", &["table"], &["min", "max"]),
    rule("distinct-between", &["table", "column"], &["min", "max"]),
    rule("value-between", &["table", "value"], &["min", "max"]),
    rule("fresh", &["table", "column", "within"], &["against"]),
    rule("reject-share", &["max_share"], &[]),
    rule("types", &["table", "types"], &["exact"]),
    rule("drift", &["table", "of", "max_change"], &["column"]),
];

impl From<CheckSpec> for CheckFields {
    fn from(check: CheckSpec) -> Self {
        let mut fields = Self {
            name: check.name,
            severity: check.severity,
            ..Self::default()
        };
        fields.put(check.rule);
        fields
    }
}

impl CheckFields {
    /// The keys of a rule.
    fn put(&mut self, rule: CheckRule) {
        let mut name = |n: &str| self.rule = Some(n.to_owned());
        match rule {
            CheckRule::Sql { sql, allowed } => {
                self.sql = Some(sql);
                self.put_allowed(allowed);
            }
            CheckRule::Rows {
                table,
                test,
                allowed,
            } => {
                self.table = Some(table);
                self.put_test(test);
                self.put_allowed(allowed);
            }
            CheckRule::Between {
                table,
                number,
                min,
                max,
            } => {
                self.table = Some(table);
                (self.min, self.max) = (min.map(number_of), max.map(number_of));
                self.put_number(number);
            }
            CheckRule::Fresh {
                column,
                within,
                against,
            } => {
                name("fresh");
                (self.table, self.column) = (Some(column.table), Some(column.column));
                self.within = Some(within.to_string());
                self.against = match against {
                    Against::Now => None,
                    Against::Newest(other) => Some(other.to_string()),
                };
            }
            CheckRule::RejectShare { max_share } => {
                name("reject-share");
                self.max_share = Some(max_share);
            }
            CheckRule::Types {
                table,
                types,
                exact,
            } => {
                name("types");
                (self.table, self.types) = (Some(table), Some(types));
                self.exact = exact.then_some(true);
            }
            CheckRule::Drift {
                table,
                of,
                max_change,
            } => {
                name("drift");
                (self.table, self.max_change) = (Some(table), Some(max_change));
                let (of, column) = match of {
                    DriftOf::Rows => ("rows", None),
                    DriftOf::Mean { column } => ("mean", Some(column)),
                    DriftOf::Unseen { column } => ("unseen", Some(column)),
                };
                (self.of, self.column) = (Some(of.to_owned()), column);
            }
        }
    }

    fn put_number(&mut self, number: TableNumber) {
        let name = match number {
            TableNumber::Rows => "rows-between",
            TableNumber::Distinct { column } => {
                self.column = Some(column);
                "distinct-between"
            }
            TableNumber::Value { expression } => {
                self.expression = Some(expression);
                "value-between"
            }
        };
        self.rule = Some(name.to_owned());
    }

    fn put_test(&mut self, test: RowTest) {
        let name = match test {
            RowTest::NotNull { column } => {
                self.column = Some(column);
                "not-null"
            }
            RowTest::Unique { mut columns } => {
                if columns.len() == 1 {
                    self.column = columns.pop();
                } else {
                    self.columns = Some(columns);
                }
                "unique"
            }
            RowTest::InSet { column, values } => {
                (self.column, self.values) = (Some(column), Some(values));
                "in-set"
            }
            RowTest::InRange { column, min, max } => {
                (self.column, self.min, self.max) = (Some(column), min, max);
                "in-range"
            }
            RowTest::ForeignKey { column, references } => {
                (self.column, self.references) = (Some(column), Some(references.to_string()));
                "foreign-key"
            }
            RowTest::None { condition } => {
                self.condition = Some(condition);
                "none"
            }
        };
        self.rule = Some(name.to_owned());
    }

    fn put_allowed(&mut self, allowed: Allowed) {
        match allowed {
            Allowed::Rows(rows) => self.limit = Some(rows),
            Allowed::Share(share) => self.max_share = Some(share),
        }
    }
}

/// Whole bounds are written as whole numbers.
fn number_of(n: f64) -> CheckValue {
    if n.fract() == 0.0 && n.abs() < 9e15 {
        CheckValue::Integer(n as i64)
    } else {
        CheckValue::Number(n)
    }
}
