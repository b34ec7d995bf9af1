//! Tables: the list of versions, and all about one.

use pannier_proto::ids::short;
use pannier_proto::status::{Ancestor, TableDetail, TableInfo};

use super::format::{bytes, count, plural, timestamp};
use super::table::{Table, clean};

/// Every version; the one that the bare name stands for has a star.
pub fn list(tables: &[TableInfo]) -> Vec<String> {
    if tables.is_empty() {
        return vec!["no tables yet; a run makes some".to_owned()];
    }
    let mut table = Table::new(&["table", "version", ">rows", ">size", "made (UTC)", "by run"]);
    for info in tables {
        let star = if info.current { " *" } else { "" };
        table.row([
            info.table.clone(),
            format!("{}{star}", short(&info.version)),
            count(info.rows),
            bytes(info.bytes),
            timestamp(info.made_ms),
            info.run_id.clone().unwrap_or_default(),
        ]);
    }
    table.lines()
}

/// All about a table version.
pub fn show(detail: &TableDetail) -> Vec<String> {
    let (info, manifest) = (&detail.info, &detail.manifest);
    let groups: usize = manifest.files.iter().map(|f| f.row_groups.len()).sum();
    let newest = if info.current {
        ", the newest"
    } else {
        ", not the newest"
    };
    let by = info.run_id.as_ref().map(|r| format!(" by run {r}"));
    let facts = [
        ("table", info.table.clone()),
        ("version", format!("{}{newest}", info.version)),
        (
            "made",
            format!("{}{}", timestamp(info.made_ms), by.unwrap_or_default()),
        ),
        ("build", manifest.lineage.build.clone()),
        (
            "holds",
            format!(
                "{} in {} of {} parts, {}, {}",
                plural(info.rows, "row"),
                plural(u64::from(info.files), "file"),
                manifest.parts,
                plural(groups as u64, "row group"),
                bytes(info.bytes)
            ),
        ),
        ("part by", manifest.key.join(", ")),
        ("sorted by", manifest.sort.join(", ")),
        ("digest", manifest.digest.clone()),
    ];
    let mut lines: Vec<String> = facts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name:<11}{}", clean(text)))
        .collect();
    lines.push(String::new());
    let mut columns = Table::new(&["column", "type"]);
    for column in &manifest.columns {
        columns.row([column.name.clone(), column.data_type.clone()]);
    }
    lines.extend(columns.lines());
    if !detail.ancestors.is_empty() {
        lines.extend([String::new(), "made from".to_owned()]);
        lines.extend(detail.ancestors.iter().map(ancestor));
    }
    lines.extend([String::new(), "by this SQL".to_owned()]);
    lines.extend(
        manifest
            .lineage
            .sql
            .lines()
            .map(|l| format!("  {}", clean(l))),
    );
    lines
}

fn ancestor(a: &Ancestor) -> String {
    let indent = "  ".repeat(a.depth as usize);
    let about = match (a.raw, a.rows) {
        (true, _) => "  raw files".to_owned(),
        (false, Some(_)) if a.again => "  (as above)".to_owned(),
        (false, Some(rows)) => format!("  {}", plural(rows, "row")),
        (false, None) => String::new(),
    };
    format!("{indent}{}@{}{about}", clean(&a.name), short(&a.version))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pannier_proto::manifest::{ManifestColumn, ManifestFile, TableLineage, TableManifest};

    use super::*;

    fn info(version: &str, current: bool) -> TableInfo {
        TableInfo {
            table: "baskets".into(),
            version: version.into(),
            current,
            rows: 92_339,
            bytes: 4_100_000,
            files: 1,
            made_ms: 1_700_000_000_000,
            run_id: current.then(|| "grocery-1".into()),
        }
    }

    #[test]
    fn the_newest_version_has_a_star() {
        let tables = [
            info("0123456789abcdef", true),
            info("fedcba9876543210", false),
        ];
        let want = "\
table    version           rows    size  made (UTC)           by run
baskets  0123456789ab *  92,339  4.1 MB  2023-11-14 22:13:20  grocery-1
baskets  fedcba987654    92,339  4.1 MB  2023-11-14 22:13:20";
        assert_eq!(list(&tables).join("\n"), want);
    }

    #[test]
    fn a_table_shows_where_it_came_from() {
        let ancestor = |depth, name: &str, rows: Option<u64>, again| Ancestor {
            depth,
            name: name.into(),
            version: "aabbccddeeff00112233".into(),
            raw: rows.is_none(),
            rows,
            again,
        };
        let manifest = TableManifest {
            table: "baskets".into(),
            version: "0123".into(),
            columns: vec![ManifestColumn {
                name: "items".into(),
                data_type: "List(UInt32)".into(),
                nullable: true,
            }],
            key: vec!["basket_id".into()],
            sort: vec!["basket_id".into()],
            parts: 8,
            rows: 92_339,
            bytes: 4_100_000,
            digest: "d".into(),
            files: vec![ManifestFile {
                path: "p".into(),
                part: 0,
                rows: 92_339,
                bytes: 4_100_000,
                row_groups: vec![65_536, 26_803],
                digest: "d".into(),
            }],
            lineage: TableLineage {
                sql: "select 1\nfrom t".into(),
                inputs: BTreeMap::new(),
                build: "pannier-1".into(),
            },
        };
        let detail = TableDetail {
            info: info("0123", true),
            ancestors: vec![
                ancestor(1, "transactions", Some(1_000), false),
                ancestor(2, "raw", None, false),
                ancestor(1, "transactions", Some(1_000), true),
            ],
            manifest,
        };
        let want = "\
table      baskets
version    0123, the newest
made       2023-11-14 22:13:20 by run grocery-1
build      pannier-1
holds      92,339 rows in 1 file of 8 parts, 2 row groups, 4.1 MB
part by    basket_id
sorted by  basket_id
digest     d

column  type
items   List(UInt32)

made from
  transactions@aabbccddeeff  1,000 rows
    raw@aabbccddeeff  raw files
  transactions@aabbccddeeff  (as above)

by this SQL
  select 1
  from t";
        assert_eq!(show(&detail).join("\n"), want);
    }
}
