//! Which tables a check reads: they decide when it runs.

use std::collections::BTreeSet;

use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;
use pannier_proto::spec::{Against, CheckRule, RowTest};

/// Names of the tables. SQL that cannot be parsed reads none: planning it says what is wrong.
#[must_use]
pub fn reads(rule: &CheckRule) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    match rule {
        CheckRule::Sql { sql, .. } => return named(sql),
        CheckRule::Rows { table, test, .. } => {
            tables.insert(table.clone());
            if let RowTest::ForeignKey { references, .. } = test {
                tables.insert(references.table.clone());
            }
        }
        CheckRule::Between { table, .. }
        | CheckRule::Types { table, .. }
        | CheckRule::Drift { table, .. } => {
            tables.insert(table.clone());
        }
        CheckRule::Fresh {
            column, against, ..
        } => {
            tables.insert(column.table.clone());
            if let Against::Newest(other) = against {
                tables.insert(other.table.clone());
            }
        }
        CheckRule::RejectShare { .. } => {
            tables.extend(["rejects".to_owned(), "transactions".to_owned()]);
        }
    }
    tables
}

fn named(sql: &str) -> BTreeSet<String> {
    let statement = DFParser::parse_sql(sql)
        .ok()
        .and_then(|mut statements| statements.pop_front());
    let named = statement.and_then(|s| resolve_table_references(&s, true).ok());
    let tables = named.map(|(tables, _)| tables).unwrap_or_default();
    tables.iter().map(|t| t.table().to_owned()).collect()
}
