use pannier_proto::spec::RunSpec;

use super::*;
use crate::error::SchedulerError;
use crate::layout;

/// Fits the layout to files of these texts in a folder of its own; `rest` follows `path` in the spec.
fn fitted(files: &[(&str, &str)], rest: &str) -> Result<Layout, SchedulerError> {
    let folder = tempfile::tempdir().map_err(|e| SchedulerError::Failed(e.to_string()))?;
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text)
            .map_err(|e| SchedulerError::Failed(e.to_string()))?;
    }
    let text = format!(
        "name = \"t\"\n[source]\nlayout = \"transactions\"\npath = \"{}\"\n{rest}",
        folder.path().display()
    );
    let source = SpecSource {
        file: "t.toml".into(),
        text,
    };
    let spec = RunSpec::parse(&source)?;
    let mut layout = layout::find(&spec.source.layout, spec.prepare.context)?;
    fit(&source, &spec, &mut layout)?;
    Ok(layout)
}

fn refused(files: &[(&str, &str)], rest: &str) -> String {
    fitted(files, rest).map_or_else(|e| e.to_string(), |_| "it fits".into())
}

const COLUMNS: &str = "[source.columns]\nuser_id = \"customer\"\nitem_id = \"product\"\n";

#[test]
fn ids_have_the_type_that_the_files_show() -> Result<(), SchedulerError> {
    let kinds = |files: &[(&str, &str)], rest: &str| -> Result<Vec<RawType>, SchedulerError> {
        let layout = fitted(files, &format!("{COLUMNS}{rest}"))?;
        Ok(layout.raw[0].columns[..2].iter().map(|c| c.kind).collect())
    };
    let whole = ("a.csv", "customer,product\n1,7.0\n2,\n");
    assert_eq!(kinds(&[whole], "")?, [RawType::Id, RawType::Id]);
    let text = ("b.csv", "product,customer\nx,3\n");
    assert_eq!(kinds(&[whole, text], "")?, [RawType::Id, RawType::IdText]);
    let said = "basket_id = { name = \"customer\", type = \"text\" }\n";
    let layout = fitted(&[whole], &format!("{COLUMNS}{said}"))?;
    assert_eq!(layout.raw[0].columns[2].kind, RawType::IdText);
    Ok(())
}

#[test]
fn what_makes_a_basket_follows_from_what_is_mapped() -> Result<(), SchedulerError> {
    let files = [(
        "a.csv",
        "customer,product,day,order,Brand\n1,7,2020-01-01,5,x\n",
    )];
    let sql = |rest: &str| -> Result<String, SchedulerError> {
        let layout = fitted(&files, &format!("{COLUMNS}{rest}"))?;
        Ok(layout.table[0].sql.clone())
    };
    assert!(sql("")?.contains("user_id as basket_id"));
    assert!(sql("ordered_at = \"day\"\n")?.contains("cast(ordered_at as date)"));
    let both = sql("ordered_at = \"day\"\nbasket_id = \"order\"\nextra = [\"Brand\"]\n")?;
    assert!(both.contains("basket_id as basket_id"), "{both}");
    assert!(both.contains("\"brand\"") && !both.contains('{'), "{both}");
    Ok(())
}

#[test]
fn errors_point_at_the_key_and_name_the_nearest_column() {
    let file = [("a.csv", "customer,produkt\n1,7\n")];
    let error = refused(&file, COLUMNS);
    for part in [
        "has no column `product`",
        "did you mean `produkt`?",
        "t.toml:7:11",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let weeks = [
        ("w1.csv", "customer,product\n1,7\n"),
        ("w2.csv", "customer,item\n1,7\n"),
    ];
    let error = refused(&weeks, COLUMNS);
    assert!(error.contains("w2.csv` has no column `product`"), "{error}");
    let delimiter = [("a.csv", "customer;product\n1;7\n")];
    let error = refused(&delimiter, COLUMNS);
    assert!(error.contains("is the delimiter ';'?"), "{error}");
    let mixed = [("a.csv", "customer,product\n"), ("b.parquet", "")];
    assert!(refused(&mixed, COLUMNS).contains("have different forms"));
    let strange = [("a.xls", "")];
    assert!(refused(&strange, COLUMNS).contains("set source.format"));
    let empty = [("a.csv", "")];
    assert!(refused(&empty, COLUMNS).contains("a.csv` is empty"));
    let dated = format!("{COLUMNS}ordered_at = {{ name = \"customer\", format = \"%Q\" }}\n");
    let error = refused(&[("a.csv", "customer,product\n")], &dated);
    assert!(
        error.contains("no form of a date") && error.contains("t.toml:8:"),
        "{error}"
    );
}
