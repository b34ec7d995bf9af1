//! Rules in words, for the terminal and the report.

use std::fmt;

use super::rule::{Against, CheckRule, CheckValue, DriftOf, RowTest, TableNumber};

impl fmt::Display for CheckRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql { .. } => f.write_str("its SQL selects no row"),
            Self::Rows { table, test, .. } => row_test(f, table, test),
            Self::Between {
                table,
                number,
                min,
                max,
            } => {
                match number {
                    TableNumber::Rows => write!(f, "rows of {table}")?,
                    TableNumber::Distinct { column } => {
                        write!(f, "different values of {table}.{column}")?;
                    }
                    TableNumber::Value { expression } => write!(f, "{expression} of {table}")?,
                }
                bounds(f, min.as_ref(), max.as_ref())
            }
            Self::Fresh {
                column,
                within,
                against: Against::Now,
            } => write!(f, "newest {column} is at most {within} old"),
            Self::Fresh {
                column,
                within,
                against: Against::Newest(other),
            } => write!(f, "newest {column} is at most {within} before {other}"),
            Self::RejectShare { .. } => f.write_str("few lines are rejected"),
            Self::Types {
                table,
                types,
                exact,
            } => {
                let listed: Vec<String> = types
                    .iter()
                    .map(|(column, t)| format!("{column} {}", t.name()))
                    .collect();
                let only = if *exact { " and no other" } else { "" };
                write!(f, "columns of {table}: {}{only}", listed.join(", "))
            }
            Self::Drift { table, of, .. } => match of {
                DriftOf::Rows => write!(f, "rows of {table} change little"),
                DriftOf::Mean { column } => write!(f, "mean of {table}.{column} changes little"),
                DriftOf::Unseen { column } => write!(f, "few values of {table}.{column} are new"),
            },
        }
    }
}

fn row_test(f: &mut fmt::Formatter<'_>, table: &str, test: &RowTest) -> fmt::Result {
    match test {
        RowTest::NotNull { column } => write!(f, "{table}.{column} is not null"),
        RowTest::Unique { columns } => write!(f, "{table}.{} is unique", columns.join(", ")),
        RowTest::InSet { column, values } => {
            let listed: Vec<String> = values.iter().map(CheckValue::to_string).collect();
            write!(f, "{table}.{column} is one of {}", listed.join(", "))
        }
        RowTest::InRange { column, min, max } => {
            write!(f, "{table}.{column}")?;
            bounds(f, min.as_ref(), max.as_ref())
        }
        RowTest::ForeignKey { column, references } => {
            write!(f, "{table}.{column} is in {references}")
        }
        RowTest::None { condition } => write!(f, "no row of {table} where {condition}"),
    }
}

fn bounds<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    min: Option<&T>,
    max: Option<&T>,
) -> fmt::Result {
    match (min, max) {
        (Some(min), Some(max)) => write!(f, " from {min} to {max}"),
        (Some(min), None) => write!(f, " at least {min}"),
        (None, Some(max)) => write!(f, " at most {max}"),
        (None, None) => Ok(()),
    }
}
