//! Rules as SQL. Pure: the text depends on the rules and on what is known of the tables, so equal
//! checks are measured by equal queries.

use std::collections::BTreeMap;

use pannier_proto::spec::{
    Against, CheckRule, CheckSpec, CheckValue, ColumnRef, DriftOf, RowTest, TableNumber,
};

/// Tables of at most so many rows have their different values counted during the scan, in memory;
/// larger ones by a grouping of their own, which spills.
const IN_MEMORY: u64 = 5_000_000;
/// Offending rows that are shown.
const SHOWN: u32 = 20;

/// What is known of a table before it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// Its rows.
    pub rows: u64,
    /// Its version in the last succeeded run of the same name.
    pub previous: Previous,
}

/// A table's version in the last succeeded run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Previous {
    /// There was no such run, or it had no such table.
    #[default]
    None,
    /// The version of this run.
    Same,
    /// Another one, registered under the name that [`previous`] gives.
    Other,
}

/// The name of a table's version in the last succeeded run.
#[must_use]
pub fn previous(table: &str) -> String {
    format!("{table}@previous")
}

/// The queries that measure checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measures {
    /// Queries of one row each. No two have a column of the same name.
    pub queries: Vec<Query>,
    /// In which columns each check finds its numbers, in the order of the checks.
    pub readouts: Vec<Readout>,
}

/// A query of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What it measures, for an error: ``check `x` `` or `the checks of baskets`.
    pub about: String,
    /// Its text.
    pub sql: String,
}

/// Columns in which a check's numbers stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readout {
    /// Nothing is measured: the rule is about what is known already.
    Nothing,
    /// Rows that offend, and the rows that they are a share of.
    Offending {
        /// Rows that offend.
        offending: String,
        /// All rows; none where SQL selects what offends.
        rows: Option<String>,
    },
    /// One number of a table.
    Value(String),
    /// Seconds since 1970 of the newest value, and of what it is held against where that is no clock.
    Newest {
        /// The newest value.
        newest: String,
        /// The other column's newest value.
        against: Option<String>,
    },
    /// The table's version is that of the last run.
    Unchanged,
    /// There is no last run.
    Unknown,
    /// A number now and before.
    Change {
        /// Now.
        now: String,
        /// In the last run.
        before: String,
    },
}

/// The queries that measure `checks`, over tables of which `known` is known.
#[must_use]
pub fn compile(checks: &[CheckSpec], known: &BTreeMap<String, Known>) -> Measures {
    let mut builder = Builder {
        known,
        scans: BTreeMap::new(),
        apart: Vec::new(),
    };
    let readouts = checks
        .iter()
        .enumerate()
        .map(|(i, check)| builder.check(i, check))
        .collect();
    let scans = builder.scans.into_iter().map(|(table, numbers)| {
        let list: Vec<String> = numbers
            .into_iter()
            .map(|(name, sql)| format!("{sql} as {}", ident(&name)))
            .collect();
        Query {
            about: format!("the checks of {table}"),
            sql: format!("select {} from {}", list.join(", "), ident(&table)),
        }
    });
    Measures {
        queries: scans.chain(builder.apart).collect(),
        readouts,
    }
}

struct Builder<'k> {
    known: &'k BTreeMap<String, Known>,
    /// Aggregates of each table's one scan, by column.
    scans: BTreeMap<String, BTreeMap<String, String>>,
    apart: Vec<Query>,
}

impl Builder<'_> {
    fn of(&self, table: &str) -> Known {
        self.known.get(table).copied().unwrap_or_default()
    }

    /// An aggregate of a table's scan; gives the column's name back.
    fn scan(&mut self, table: &str, name: String, sql: String) -> String {
        let numbers = self.scans.entry(table.to_owned()).or_default();
        numbers.insert(name.clone(), sql);
        name
    }

    fn rows(&mut self, table: &str) -> String {
        self.scan(table, format!("rows {table}"), "count(*)".to_owned())
    }

    /// A number that needs a query of its own.
    fn apart(&mut self, check: &CheckSpec, name: String, number: &str, from: &str) -> String {
        self.apart.push(Query {
            about: format!("check `{}`", check.name),
            sql: format!("select {number} as {} from (\n{from}\n)", ident(&name)),
        });
        name
    }

    fn check(&mut self, i: usize, check: &CheckSpec) -> Readout {
        let name = format!("c{i}");
        match &check.rule {
            CheckRule::Sql { sql, .. } => Readout::Offending {
                offending: self.apart(check, name, "count(*)", sql.trim().trim_end_matches(';')),
                rows: None,
            },
            CheckRule::Rows { table, test, .. } => Readout::Offending {
                offending: self.offending(check, name, table, test),
                rows: Some(self.rows(table)),
            },
            CheckRule::Between { table, number, .. } => Readout::Value(match number {
                TableNumber::Rows => self.rows(table),
                TableNumber::Distinct { column } => self.distinct(check, name, table, column),
                TableNumber::Value { expression } => {
                    self.scan(table, name, format!("cast({expression} as double)"))
                }
            }),
            CheckRule::Fresh {
                column, against, ..
            } => Readout::Newest {
                newest: self.newest(name, column),
                against: match against {
                    Against::Now => None,
                    Against::Newest(other) => Some(self.newest(format!("d{i}"), other)),
                },
            },
            CheckRule::RejectShare { .. } => Readout::Offending {
                offending: self.rows("rejects"),
                rows: Some(self.rows("transactions")),
            },
            CheckRule::Types { .. } => Readout::Nothing,
            CheckRule::Drift { table, of, .. } => match self.of(table).previous {
                Previous::None => Readout::Unknown,
                Previous::Same => Readout::Unchanged,
                Previous::Other => self.change(check, i, table, of),
            },
        }
    }

    fn newest(&mut self, name: String, column: &ColumnRef) -> String {
        let newest = format!("date_part('epoch', max({}))", ident(&column.column));
        self.scan(&column.table, name, newest)
    }

    fn distinct(&mut self, check: &CheckSpec, name: String, table: &str, column: &str) -> String {
        if self.of(table).rows <= IN_MEMORY {
            return self.scan(table, name, format!("count(distinct {})", ident(column)));
        }
        self.apart(check, name, "count(*)", &values(table, column))
    }

    fn offending(
        &mut self,
        check: &CheckSpec,
        name: String,
        table: &str,
        test: &RowTest,
    ) -> String {
        if let Some(condition) = condition(test) {
            let counted = format!("count(case when {condition} then 1 end)");
            return self.scan(table, name, counted);
        }
        let surplus = "coalesce(sum(n), 0)";
        match test {
            RowTest::Unique { columns } => match columns.as_slice() {
                [one] if self.of(table).rows <= IN_MEMORY => {
                    let column = ident(one);
                    let surplus = format!("count({column}) - count(distinct {column})");
                    self.scan(table, name, surplus)
                }
                _ => {
                    let from = format!(
                        "select count(*) - 1 as n from {} where {} group by {}",
                        ident(table),
                        all_present(columns),
                        list(columns)
                    );
                    self.apart(check, name, surplus, &from)
                }
            },
            RowTest::ForeignKey { column, references } => {
                let from = format!(
                    "select a.n from (select {0} as value, count(*) as n from {1} where {0} is not null group by {0}) a\nleft anti join (select distinct {2} as value from {3}) b on a.value = b.value",
                    ident(column),
                    ident(table),
                    ident(&references.column),
                    ident(&references.table)
                );
                self.apart(check, name, surplus, &from)
            }
            _ => self.rows(table),
        }
    }

    fn change(&mut self, check: &CheckSpec, i: usize, table: &str, of: &DriftOf) -> Readout {
        let before = previous(table);
        let (c, d) = (format!("c{i}"), format!("d{i}"));
        match of {
            DriftOf::Rows => Readout::Change {
                now: self.rows(table),
                before: self.rows(&before),
            },
            DriftOf::Mean { column } => {
                // The sum keeps its own type, decimal for money, so it does not depend on an order.
                let mean = format!(
                    "cast(sum({0}) as double) / nullif(count({0}), 0)",
                    ident(column)
                );
                Readout::Change {
                    now: self.scan(table, c, mean.clone()),
                    before: self.scan(&before, d, mean),
                }
            }
            DriftOf::Unseen { column } => {
                let unseen = format!(
                    "select a.value from ({}) a\nleft anti join ({}) b on a.value = b.value",
                    values(table, column),
                    values(&before, column)
                );
                Readout::Offending {
                    offending: self.apart(check, c, "count(*)", &unseen),
                    rows: Some(self.distinct(check, d, table, column)),
                }
            }
        }
    }
}

/// A query for some of the rows that offend, in a fixed order. None where no single row does.
/// `order` is the order of the table's rows.
#[must_use]
pub fn offenders(rule: &CheckRule, order: &[String]) -> Option<String> {
    let by = if order.is_empty() {
        String::new()
    } else {
        format!(" order by {}", list(order))
    };
    match rule {
        CheckRule::Sql { sql, .. } => {
            let sql = sql.trim().trim_end_matches(';');
            Some(format!("select * from (\n{sql}\n) limit {SHOWN}"))
        }
        CheckRule::RejectShare { .. } => Some(format!(
            "select file, line, reason, text from rejects order by file, line limit {SHOWN}"
        )),
        CheckRule::Rows { table, test, .. } => Some(match (test, condition(test)) {
            (_, Some(condition)) => format!(
                "select * from {} where {condition}{by} limit {SHOWN}",
                ident(table)
            ),
            (RowTest::Unique { columns }, None) => format!(
                "select {0}, count(*) as times from {1} where {2} group by {0} having count(*) > 1 order by times desc, {0} limit {SHOWN}",
                list(columns),
                ident(table),
                all_present(columns)
            ),
            (RowTest::ForeignKey { column, references }, None) => format!(
                "select a.* from {0} a left anti join (select distinct {1} as value from {2}) b on a.{3} = b.value where a.{3} is not null{by} limit {SHOWN}",
                ident(table),
                ident(&references.column),
                ident(&references.table),
                ident(column)
            ),
            (_, None) => return None,
        }),
        CheckRule::Drift {
            table,
            of: DriftOf::Unseen { column },
            ..
        } => Some(format!(
            "select a.value as {0} from ({1}) a left anti join ({2}) b on a.value = b.value order by a.value limit {SHOWN}",
            ident(column),
            values(table, column),
            values(&previous(table), column)
        )),
        _ => None,
    }
}

/// The condition that offending rows meet; none where it takes more than the row itself to say.
fn condition(test: &RowTest) -> Option<String> {
    match test {
        RowTest::NotNull { column } => Some(format!("{} is null", ident(column))),
        RowTest::InSet { column, values } => {
            let values: Vec<String> = values.iter().map(literal).collect();
            Some(format!("{} not in ({})", ident(column), values.join(", ")))
        }
        RowTest::InRange { column, min, max } => {
            let (column, bounds) = (ident(column), [("<", min), (">", max)]);
            let sides: Vec<String> = bounds
                .into_iter()
                .filter_map(|(op, bound)| {
                    Some(format!("{column} {op} {}", literal(bound.as_ref()?)))
                })
                .collect();
            Some(sides.join(" or "))
        }
        RowTest::None { condition } => Some(format!("({condition})")),
        RowTest::Unique { .. } | RowTest::ForeignKey { .. } => None,
    }
}

fn values(table: &str, column: &str) -> String {
    format!(
        "select distinct {0} as value from {1} where {0} is not null",
        ident(column),
        ident(table)
    )
}

fn all_present(columns: &[String]) -> String {
    let present: Vec<String> = columns
        .iter()
        .map(|c| format!("{} is not null", ident(c)))
        .collect();
    present.join(" and ")
}

fn list(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|c| ident(c)).collect();
    columns.join(", ")
}

/// A name as SQL takes it, whatever is in it.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(value: &CheckValue) -> String {
    match value {
        CheckValue::Integer(n) => n.to_string(),
        CheckValue::Number(n) => format!("{n:?}"),
        CheckValue::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}
