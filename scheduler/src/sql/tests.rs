//! Which table a name stands for; and every way out of the tables that SQL or a plan may try.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::Arc;

use ballista_core::extension::BallistaCacheNode;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::datasource::file_format::csv::CsvFormatFactory;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::logical_expr::{
    ColumnarValue, Extension, LogicalPlan, LogicalPlanBuilder, Volatility, col, create_udf, lit,
};
use datafusion::physical_plan::collect;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::{CsvReadOptions, ParquetReadOptions};
use pannier_engine::exec::{EngineExec, EngineOp};
use pannier_engine::generate::{GenerateLayout, GenerateSpec, HeaderVariant};
use pannier_engine::ops::generate::Generate;
use pannier_engine::ops::write_result::WriteResult;
use pannier_engine::table::{TableTarget, commit, manifest_columns, write_plan};
use pannier_proto::manifest::{TableLineage, TableManifest};

use super::*;

type Outcome = Result<(), Box<dyn Error>>;

/// A warehouse with tables, and a file beside it that nobody may read.
struct World {
    dir: tempfile::TempDir,
    store: Store,
    warehouse: Warehouse,
}

impl World {
    async fn new() -> Result<Self, Box<dyn Error>> {
        let dir = tempfile::tempdir()?;
        let root = dir.path().join("warehouse").display().to_string();
        let world = Self {
            store: Store::open(&dir.path().join("state"))?,
            warehouse: Warehouse::open(&root)?,
            dir,
        };
        std::fs::write(world.secret(), "n\n42\n")?;
        world.table("t", "aa01", "select 1 as n").await?;
        world.table("t", "aa02", "select 2 as n").await?;
        world
            .table("t", "bb03", "select 3 as n union all select 4")
            .await?;
        world
            .table("empty", "cc", "select 1 as n where false")
            .await?;
        Ok(world)
    }

    fn secret(&self) -> String {
        self.dir.path().join("secret.csv").display().to_string()
    }

    /// Makes a table version in this process.
    async fn table(
        &self,
        name: &str,
        version: &str,
        sql: &str,
    ) -> Result<TableManifest, Box<dyn Error>> {
        let state = session::state(session::config(), &self.warehouse)?;
        let context = SessionContext::new_with_state(state);
        let query = context.sql(sql).await?.into_optimized_plan()?;
        let target = TableTarget {
            warehouse: self.warehouse.root(),
            table: name.into(),
            version: version.into(),
            key: vec!["n".into()],
            sort: vec!["n".into()],
            parts: 2,
            row_group_rows: 100,
            pieces: BTreeMap::new(),
        };
        let plan = write_plan(&context.state(), query.clone(), &target, &[]).await?;
        collect(plan, context.task_ctx()).await?;
        let lineage = TableLineage {
            sql: sql.into(),
            inputs: BTreeMap::new(),
            build: "test".into(),
        };
        Ok(commit(&self.warehouse, &target, manifest_columns(&query), lineage).await?)
    }

    async fn plan(&self, sql: &str) -> Result<Query, SchedulerError> {
        plan(&self.store, &self.warehouse, sql, None).await
    }

    /// The numbers that a query gives, sorted.
    async fn numbers(&self, sql: &str) -> Result<Vec<i64>, Box<dyn Error>> {
        let query = self.plan(sql).await?;
        let batches = collect(query.plan, query.context.task_ctx()).await?;
        let column = |b: &datafusion::arrow::array::RecordBatch| {
            b.column(0).as_primitive::<Int64Type>().values().to_vec()
        };
        let mut numbers: Vec<i64> = batches.iter().flat_map(column).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

#[tokio::test]
async fn a_name_stands_for_the_newest_version_and_may_say_which() -> Outcome {
    let world = World::new().await?;
    for (sql, want) in [
        ("select n from t", &[3, 4][..]),
        ("select n from tables.t", &[3, 4]),
        ("SELECT n FROM T", &[3, 4]),
        ("select n from t@aa01", &[1]),
        ("select n from tables.t@aa02", &[2]),
        ("select n from t@b", &[3, 4]),
        ("select n from \"t@bb\"", &[3, 4]),
        ("select n from empty", &[]),
        (
            "select old.n + new.n from t@aa01 old join t new on old.n < new.n",
            &[4, 5],
        ),
        ("select \"t@aa01\".n from t@aa01", &[1]),
        ("with t as (select 9 as n) select n from t", &[9]),
        (
            "with u as (select n from t@aa01) select n from u where n in (select n from t@aa01)",
            &[1],
        ),
        ("select n from (values (7)) as v (n) order by n", &[7]),
        (
            "select unnest(array_sort(array_agg(n))) as n from t",
            &[3, 4],
        ),
        ("select row_number() over (order by n) as n from t", &[]),
    ] {
        if sql.contains("row_number") {
            // Its type is not Int64: that it is planned is enough.
            world.plan(sql).await?;
            continue;
        }
        assert_eq!(world.numbers(sql).await?, want, "{sql}");
    }
    for (sql, says) in [
        (
            "select * from u",
            "there is no table `u`; there are empty, t",
        ),
        (
            "select * from t@",
            "table `t` has no version ``; it has bb03, aa02, aa01",
        ),
        ("select * from t@dd", "table `t` has no version `dd`"),
        (
            "select * from t@aa",
            "several versions of `t` begin with `aa`: aa02, aa01",
        ),
        (
            "select * from \"t@../t/aa01\"",
            "table `t` has no version `../t/aa01`",
        ),
        ("select * from other.t", "there is no table `other.t`"),
        ("select x from t", "No field named x"),
    ] {
        let said = world.plan(sql).await.map(|_| ()).map_err(|e| e.to_string());
        assert!(
            said.as_ref().is_err_and(|e| e.contains(says)),
            "{sql}: {said:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn text_that_would_do_more_than_read_tables_is_refused() -> Outcome {
    let world = World::new().await?;
    let secret = world.secret();
    let link = world.dir.path().join("warehouse/tables/t/aa01/link.csv");
    std::os::unix::fs::symlink(&secret, &link)?;
    let file = link.display().to_string();
    let up = world.dir.path().join("warehouse/../secret.csv");
    let up = up.display().to_string();
    let out = world.dir.path().join("out").display().to_string();
    let texts = [
        // Files by name, by URL, through a link, through `..`, on other stores.
        format!("select * from '{secret}'"),
        format!("select * from \"{secret}\""),
        format!("select * from 'file://{secret}'"),
        format!("select * from '{file}'"),
        format!("select * from '{up}'"),
        "select * from '/etc/passwd'".into(),
        "select * from '../secret.csv'".into(),
        "select * from 's3://bucket/a.parquet'".into(),
        "select * from 'http://127.0.0.1/a.parquet'".into(),
        "select * from 'gs://bucket/a.parquet'".into(),
        "select * from datafusion.public.t".into(),
        // Table functions.
        format!("select * from read_csv('{secret}')"),
        format!("select * from read_parquet('{secret}')"),
        format!("select * from parquet_metadata('{secret}')"),
        "select * from generate_series(1, 3)".into(),
        "select * from range(1, 3)".into(),
        // Tables, views and rows.
        format!("create external table x stored as csv location '{secret}'"),
        format!("create external table x (n int) stored as csv location '{secret}'"),
        "create table x as select 1".into(),
        "create view x as select 1".into(),
        "create schema x".into(),
        "create database x".into(),
        "create function f(int) returns int return $1".into(),
        "drop table t".into(),
        "alter table t add column x int".into(),
        "truncate table t".into(),
        "insert into t values (1)".into(),
        "update t set n = 1".into(),
        "delete from t".into(),
        "merge into t using t as u on t.n = u.n when matched then delete".into(),
        "with x as (select 1) insert into t select * from x".into(),
        "select 1 as n into x".into(),
        format!("copy t to '{out}'"),
        format!("copy (select 1) to '{out}' stored as csv"),
        format!("copy t from '{secret}'"),
        // The session.
        "set datafusion.execution.batch_size = 1".into(),
        "set time zone = 'UTC'".into(),
        "reset datafusion.execution.batch_size".into(),
        "show datafusion.execution.batch_size".into(),
        "show all".into(),
        "show tables".into(),
        "describe t".into(),
        "select * from information_schema.tables".into(),
        "select * from information_schema.df_settings".into(),
        "use x".into(),
        "begin".into(),
        "commit".into(),
        // Other statements, and statements in others.
        "prepare p as select 1".into(),
        "execute p".into(),
        "deallocate p".into(),
        "explain select 1".into(),
        "explain analyze select * from t".into(),
        format!("explain copy t to '{out}'"),
        "select 1; drop table t".into(),
        "select 1; select 2".into(),
        ";".into(),
        String::new(),
        "selekt 1".into(),
        // What tells of the machines, and what executors cannot run.
        "select input_file_name() from t".into(),
        "select item_indices(make_array(n), 'aa01') from t".into(),
        "select is_in(n, 't', 'n', 'aa01') from t".into(),
        "select split_of(n, 'aa01') from t".into(),
        "select @@version".into(),
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select * from r".into(),
        "select $1".into(),
    ];
    for sql in &texts {
        let said = world.plan(sql).await.map(|_| ());
        let refused = matches!(said, Err(SchedulerError::Sql(_)));
        assert!(refused, "{sql}: {said:?}");
    }
    assert!(!std::fs::exists(&out)?, "a file was written");
    Ok(())
}

/// What a verifier that knows table `t` says of a plan that came from elsewhere.
struct Foreign {
    context: SessionContext,
    verifier: Verifier,
}

impl Foreign {
    async fn new(world: &World) -> Result<Self, Box<dyn Error>> {
        let query = world.plan("select n from t").await?;
        let context = query.context;
        let mut verifier = Verifier::new(&context.state());
        let path = pannier_proto::objects::table_manifest("t", "bb03");
        let manifest: TableManifest = world.warehouse.get_json(&path).await?;
        let table = context.table_provider("t").await?;
        verifier.allow(&world.warehouse, &manifest, table)?;
        Ok(Self { context, verifier })
    }

    async fn sql(&self, sql: &str) -> Result<LogicalPlan, Box<dyn Error>> {
        Ok(self.context.sql(sql).await?.into_optimized_plan()?)
    }

    async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, Box<dyn Error>> {
        Ok(self.context.state().create_physical_plan(plan).await?)
    }
}

fn says(what: &str, verdict: Result<(), SchedulerError>) {
    let text = verdict.map_err(|e| e.to_string());
    let fits = |e: &String| e.contains(what) && e.contains("is not served");
    assert!(text.as_ref().is_err_and(fits), "{what}: {text:?}");
}

#[tokio::test]
async fn plans_that_do_not_come_from_sql_are_refused() -> Outcome {
    let world = World::new().await?;
    let foreign = Foreign::new(&world).await?;
    let good = foreign.sql("select n + 1 as n from t where n > 1").await?;
    foreign.verifier.logical(&good)?;
    foreign.verifier.physical(&foreign.physical(&good).await?)?;

    // Scans of other providers, also deep inside.
    let context = &foreign.context;
    context
        .register_csv("x", world.secret(), CsvReadOptions::new())
        .await?;
    for sql in [
        "select * from x",
        "select n from t where n in (select n from x)",
        "select (select max(n) from x) as n from t",
    ] {
        says(
            "a scan of `x`",
            foreign
                .verifier
                .logical(&context.sql(sql).await?.into_unoptimized_plan()),
        );
    }
    let csv = foreign.sql("select * from x").await?;
    says(
        "files that are not Parquet",
        foreign.verifier.physical(&foreign.physical(&csv).await?),
    );
    // A Parquet file of the warehouse, but of another version.
    let manifest: TableManifest = world
        .warehouse
        .get_json(&pannier_proto::objects::table_manifest("t", "aa01"))
        .await?;
    let url = world.warehouse.url(&manifest.files[0].path);
    context
        .register_parquet("y", url, ParquetReadOptions::new())
        .await?;
    let other = foreign.sql("select * from y").await?;
    says(
        "a file outside the tables",
        foreign.verifier.physical(&foreign.physical(&other).await?),
    );

    // Sinks.
    let out = world.dir.path().join("out").display().to_string();
    let csv = format_as_file_type(Arc::new(CsvFormatFactory::new()));
    let copy = LogicalPlanBuilder::copy_to(good.clone(), out.clone(), csv, HashMap::new(), vec![])?
        .build()?;
    says("`CopyTo`", foreign.verifier.logical(&copy));
    says(
        "the operator `DataSinkExec`",
        foreign.verifier.physical(&foreign.physical(&copy).await?),
    );
    let insert = context
        .state()
        .create_logical_plan("insert into x values (1)")
        .await?;
    says("`Dml`", foreign.verifier.logical(&insert));

    // Operators of others and of our own.
    let node = Arc::new(BallistaCacheNode::new("a".into(), "b".into(), good.clone()));
    says(
        "the operator `BallistaCacheNode`",
        foreign
            .verifier
            .logical(&LogicalPlan::Extension(Extension { node })),
    );
    let generate = GenerateSpec {
        layout: GenerateLayout::DunnhumbyLgsr,
        customers: 1,
        weeks: 1,
        seed: 1,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share: 0.0,
    };
    for op in [
        EngineOp::Generate(Generate {
            spec: generate,
            dir: out.clone(),
        }),
        EngineOp::WriteResult(WriteResult {
            warehouse: out.clone(),
            id: "x".into(),
            limit: None,
        }),
    ] {
        let input = EmptyExec::new(WriteResult::schema());
        let plan = EngineExec::try_new(op, Arc::new(input))?;
        let plan: Arc<dyn ExecutionPlan> = Arc::new(plan);
        says(
            "the operator `EngineExec`",
            foreign.verifier.physical(&plan),
        );
    }

    // Functions that the session does not have, in either plan, and those that tell too much.
    let int = datafusion::arrow::datatypes::DataType::Int64;
    let mine = create_udf(
        "mine",
        vec![int.clone()],
        int,
        Volatility::Volatile,
        Arc::new(|a: &[ColumnarValue]| Ok(a[0].clone())),
    );
    let called = LogicalPlanBuilder::from(good.clone())
        .project([mine.call(vec![col("n")])])?
        .build()?;
    says("the function `mine`", foreign.verifier.logical(&called));
    says(
        "the function `mine`",
        foreign.verifier.physical(&foreign.physical(&called).await?),
    );
    let nested = LogicalPlanBuilder::from(good)
        .filter(mine.call(vec![lit(1i64)]).eq(lit(1i64)))?
        .build()?;
    says("the function `mine`", foreign.verifier.logical(&nested));
    assert!(!std::fs::exists(&out)?, "a file was written");
    Ok(())
}
