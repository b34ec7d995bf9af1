//! The layout `transactions`: turns a spec's `[source.columns]` into the columns of its raw
//! relation and into the SQL that depends on them. Looks at the beginning of every file, so that a
//! column that is not there is an error before any work starts, and ids get the type they have.

use pannier_engine::raw::peek::{Seen, peek};
use pannier_engine::raw::{CsvDialect, RawColumn, RawForm, RawFormat, RawType};
use pannier_proto::spec::{
    ColumnSpec, ColumnsSpec, CsvSpec, FileFormat, IdKind, RunSpec, SpecError, SpecSource,
    WeekRange, nearest,
};

use super::{Layout, source};

/// Fits a layout to what its spec says of the files: their form for every layout, and for
/// `transactions` the columns too.
///
/// # Errors
/// Where files have no known form or lack a column; the error points at the key.
pub fn fit(source: &SpecSource, spec: &RunSpec, layout: &mut Layout) -> Result<(), SpecError> {
    if let Some(csv) = &spec.source.csv {
        for raw in &mut layout.raw {
            raw.csv = dialect(csv);
        }
    }
    let Some(columns) = &spec.source.columns else {
        return Ok(());
    };
    if spec.prepare.weeks != WeekRange::default() {
        let message = "files of your own have no weeks that could be named";
        let help = "remove it, and give the path of fewer files".to_owned();
        return Err(source.error_at("prepare.weeks", message, Some(help)));
    }
    let files = match spec.source.generate {
        // What will be generated is not there yet; its form is known.
        Some(_) => Vec::new(),
        None => source::primary_files(spec, layout),
    };
    let format = form_of(source, spec, &files)?;
    let Some(raw) = layout.raw.iter_mut().find(|raw| raw.primary) else {
        return Ok(());
    };
    raw.format = format;
    if spec.source.generate.is_some() {
        raw.files = "purchases.csv*".into();
    }
    let form = RawForm {
        format,
        csv: raw.csv.clone(),
    };
    let mut seen = Vec::with_capacity(files.len());
    for file in &files {
        let columns_of = peek(file, &form)
            .map_err(|e| source.error_at("source.path", e.strip_backtrace(), None))?;
        all_there(source, columns, file, &columns_of)?;
        seen.push(columns_of);
    }
    raw.columns = raw_columns(columns, &seen);
    for column in &raw.columns {
        column
            .check()
            .map_err(|reason| source.error_at("source.columns.ordered_at", reason, None))?;
    }
    for table in &mut layout.table {
        table.sql = fill(&table.sql, columns);
    }
    Ok(())
}

/// The engine's form of a dialect.
fn dialect(csv: &CsvSpec) -> CsvDialect {
    CsvDialect {
        delimiter: csv.delimiter as u8,
        quote: csv.quote.bytes().next(),
        nulls: csv.null.clone(),
        names: csv.header.clone(),
    }
}

fn form_of(source: &SpecSource, spec: &RunSpec, files: &[String]) -> Result<RawFormat, SpecError> {
    if let Some(format) = spec.source.format {
        return Ok(match format {
            FileFormat::Csv => RawFormat::Csv,
            FileFormat::Parquet => RawFormat::Parquet,
            FileFormat::Jsonl => RawFormat::Jsonl,
            FileFormat::Arrow => RawFormat::Arrow,
        });
    }
    let mut form = None;
    for file in files {
        let Some(format) = RawFormat::of_name(file) else {
            let known = RawFormat::ALL
                .map(|f| format!("\"{}\"", f.name()))
                .join(", ");
            let message = format!("what form `{file}` has cannot be told from its name");
            let help = format!("set source.format, one of {known}, or give a narrower path");
            return Err(source.error_at("source.path", message, Some(help)));
        };
        let (first, of) = *form.get_or_insert((format, file));
        if first != format {
            let message = format!("`{of}` and `{file}` have different forms");
            let help = "give the files of one form, or set source.format".to_owned();
            return Err(source.error_at("source.path", message, Some(help)));
        }
    }
    Ok(form.map_or(RawFormat::Csv, |(format, _)| format))
}

/// Every key that maps a column, with the column.
fn mapped(columns: &ColumnsSpec) -> Vec<(&'static str, &ColumnSpec)> {
    let keys = [
        ("user_id", columns.user_id.as_ref()),
        ("item_id", Some(&columns.item_id)),
        ("basket_id", columns.basket_id.as_ref()),
        ("ordered_at", columns.ordered_at.as_ref()),
        ("quantity", columns.quantity.as_ref()),
        ("spend", columns.spend.as_ref()),
        ("item_name", columns.item_name.as_ref()),
        ("department", columns.department.as_ref()),
        ("category", columns.category.as_ref()),
    ];
    keys.into_iter()
        .filter_map(|(key, column)| Some((key, column?)))
        .collect()
}

fn all_there(
    source: &SpecSource,
    columns: &ColumnsSpec,
    file: &str,
    seen: &[Seen],
) -> Result<(), SpecError> {
    let keys = mapped(columns).into_iter().map(|(key, column)| {
        // A name may stand alone or in a table of its own.
        (format!("source.columns.{key}.name"), &column.name)
    });
    let extra = columns.extra.iter().enumerate();
    let extra = extra.map(|(i, name)| (format!("source.columns.extra[{i}]"), name));
    for (key, name) in keys.chain(extra) {
        if seen.iter().any(|s| s.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let names: Vec<&str> = seen.iter().map(|s| s.name.as_str()).collect();
        let delimiter = match names.as_slice() {
            [one] => [';', '\t', '|', ','].into_iter().find(|d| one.contains(*d)),
            _ => None,
        };
        let help = match (delimiter, nearest(name, names.iter().copied())) {
            (Some(other), _) => format!("is the delimiter {other:?}? set it in [source.csv]"),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("its columns are {}", names.join(", ")),
        };
        let message = format!("`{file}` has no column `{name}`");
        return Err(source.error_at(&key, message, Some(help)));
    }
    Ok(())
}

fn raw_columns(columns: &ColumnsSpec, seen: &[Vec<Seen>]) -> Vec<RawColumn> {
    let id = |column: &ColumnSpec| {
        let looks = |seen: &Vec<Seen>| {
            let column = seen
                .iter()
                .find(|s| s.name.eq_ignore_ascii_case(&column.name));
            column.is_some_and(|s| s.is_integer)
        };
        // Generated ids are integers, and they are not there yet.
        match column.kind {
            Some(IdKind::Integer) => RawType::Id,
            Some(IdKind::Text) => RawType::IdText,
            None if seen.iter().all(looks) => RawType::Id,
            None => RawType::IdText,
        }
    };
    let keys = mapped(columns);
    let types = [
        ("user_id", RawType::IdText),
        ("item_id", RawType::IdText),
        ("basket_id", RawType::IdText),
        ("ordered_at", RawType::Timestamp),
        ("quantity", RawType::Int32),
        ("spend", RawType::Money),
        ("item_name", RawType::Text),
        ("department", RawType::Text),
        ("category", RawType::Text),
    ];
    let known = types.into_iter().map(|(key, kind)| {
        let column = keys.iter().find(|(k, _)| *k == key).map(|(_, c)| *c);
        RawColumn {
            alias: Some(key.to_owned()),
            format: column.and_then(|c| c.format.clone()),
            round: column.and_then(|c| c.round).unwrap_or(false),
            // A date that is mapped decides the order and the split.
            required: key == "ordered_at" && column.is_some(),
            // A column of no name is in no file.
            optional: column.is_none(),
            ..RawColumn::new(
                column.map(|c| c.name.clone()).unwrap_or_default(),
                match column {
                    Some(column) if kind == RawType::IdText => id(column),
                    _ => kind,
                },
            )
        }
    });
    let extra = columns.extra.iter();
    let extra = extra.map(|name| RawColumn::new(name.clone(), RawType::Text));
    known.chain(extra).collect()
}

/// Fills in what depends on the columns.
fn fill(sql: &str, columns: &ColumnsSpec) -> String {
    let basket = match (&columns.basket_id, &columns.ordered_at) {
        (Some(_), _) => "basket_id",
        (None, Some(_)) => {
            "concat(cast(user_id as varchar), '/', cast(cast(ordered_at as date) as varchar))"
        }
        (None, None) => "user_id",
    };
    // Nobody's lines of a day are no basket.
    let basket = match (&columns.basket_id, &columns.ordered_at) {
        (None, Some(_)) => format!("(case when user_id is not null then {basket} end)"),
        _ => basket.to_owned(),
    };
    let extra: String = columns
        .extra
        .iter()
        .map(|name| format!(",\n  \"{}\"", name.to_lowercase().replace('"', "\"\"")))
        .collect();
    sql.replace("{basket_id}", &basket)
        .replace("{extra}", &extra)
}

#[cfg(test)]
mod tests;
