//! A table's plan: the parameters its SQL uses (`$vocab_version` is the version of the input
//! `vocab`), its inputs, and the version that follows from them.

use std::collections::{BTreeMap, BTreeSet};

use pannier_proto::ids::{BUILD_ID, digest_of};
use pannier_proto::spec::{RunSpec, SplitSpec};

use super::{Param, StepKind, StepPlan, TablePlan};
use crate::error::SchedulerError;
use crate::layout::{Source, TableDef};

/// The values that any table's SQL may use.
pub fn params(spec: &RunSpec) -> BTreeMap<String, Param> {
    let weeks = &spec.prepare.weeks;
    let ((test, valid), (test_share, valid_share)) = match spec.split {
        SplitSpec::Time {
            test_weeks,
            valid_weeks,
        } => ((test_weeks, valid_weeks), (0.0, 0.0)),
        SplitSpec::User {
            test_share,
            valid_share,
        } => ((0, 0), (test_share, valid_share)),
        SplitSpec::LastBasket { valid_share } => ((0, 0), (0.0, valid_share)),
    };
    let most = |limit: Option<u32>| Param::Int(limit.map_or(i64::MAX, i64::from));
    BTreeMap::from([
        (
            "week_from".into(),
            Param::Int(weeks.from.map_or(0, i64::from)),
        ),
        (
            "week_to".into(),
            Param::Int(weeks.to.map_or(999_999, i64::from)),
        ),
        ("test_days".into(), Param::Int(i64::from(test) * 7)),
        ("valid_days".into(), Param::Int(i64::from(valid) * 7)),
        (
            "min_item_baskets".into(),
            Param::Int(i64::from(spec.prepare.min_item_baskets)),
        ),
        (
            "max_items".into(),
            Param::Int(
                spec.prepare
                    .max_items
                    .map_or(i64::from(u32::MAX - 2), i64::from),
            ),
        ),
        (
            "max_basket_items".into(),
            most(spec.prepare.max_basket_items),
        ),
        ("max_history".into(), most(spec.prepare.max_history)),
        // Hashes below the first are test, those between the two valid.
        ("test_hash".into(), Param::UInt(hashes(test_share))),
        (
            "valid_hash".into(),
            Param::UInt(hashes(test_share + valid_share)),
        ),
        ("seed".into(), Param::UInt(spec.seed)),
        (
            "queries".into(),
            Param::Int(i64::from(spec.evaluate.queries)),
        ),
        (
            "min_baskets".into(),
            Param::Int(i64::from(spec.evaluate.min_baskets)),
        ),
    ])
}

/// How many of all 64-bit hashes are a share of them.
fn hashes(share: f64) -> u64 {
    (share * 2f64.powi(64)) as u64
}

/// Plans tables one after the other: each may read those before it.
pub struct Tables<'a> {
    spec: &'a RunSpec,
    source: &'a Source,
    params: BTreeMap<String, Param>,
    versions: BTreeMap<String, String>,
    /// Tables whose versions are given.
    pinned: BTreeMap<String, TablePlan>,
}

impl<'a> Tables<'a> {
    /// Nothing planned yet.
    pub fn new(spec: &'a RunSpec, source: &'a Source) -> Self {
        Self {
            spec,
            source,
            params: params(spec),
            versions: BTreeMap::new(),
            pinned: BTreeMap::new(),
        }
    }

    /// Has a table of that name be this version, which is there already: those that read it are made
    /// with it.
    pub fn pin(&mut self, table: TablePlan) {
        self.pinned.insert(table.name.clone(), table);
    }

    /// The steps that make these tables, each after what it reads and after `after`.
    ///
    /// # Errors
    /// Where a table reads what nothing before it makes.
    pub fn plan(
        &mut self,
        defs: &[TableDef],
        after: &[String],
    ) -> Result<Vec<StepPlan>, SchedulerError> {
        let mut steps = Vec::with_capacity(defs.len());
        for def in defs {
            let pinned = self.pinned.get(&def.name).cloned();
            // What was made before waits for nothing that it was made of.
            let inputs = pinned.is_none();
            let table = pinned.map_or_else(|| self.table(def), Ok)?;
            self.versions
                .insert(table.name.clone(), table.version.clone());
            // One that is made of the reading of another comes after it, with what is left to be made.
            let of = defs
                .iter()
                .filter(|d| d.together.as_ref() == Some(&def.name));
            let inputs = table.tables.keys().filter(|_| inputs);
            let inputs = inputs.chain(of.map(|d| &d.name));
            let inputs: BTreeSet<String> = inputs.map(|t| format!("table:{t}")).collect();
            steps.push(StepPlan {
                id: format!("table:{}", def.name),
                after: inputs.into_iter().chain(after.iter().cloned()).collect(),
                kind: StepKind::Table(table),
            });
        }
        Ok(steps)
    }

    /// A table with its version.
    fn table(&self, def: &TableDef) -> Result<TablePlan, SchedulerError> {
        let (mut tables, mut raw) = (BTreeMap::new(), Vec::new());
        for input in &def.reads {
            if let Some(version) = self.versions.get(input) {
                tables.insert(input.clone(), version.clone());
            } else if self.source.raw.contains_key(input) {
                raw.push(input.clone());
            } else {
                return Err(SchedulerError::Failed(format!(
                    "table {} reads {input}, which nothing before it makes",
                    def.name
                )));
            }
        }
        let versions = tables.iter();
        let versions = versions.map(|(t, v)| (format!("{t}_version"), Param::Text(v.clone())));
        let known = self.params.clone().into_iter().chain(versions);
        let params: BTreeMap<String, Param> = known
            .filter(|(name, _)| def.sql.contains(&format!("${name}")))
            .collect();
        let parts = def.parts.unwrap_or(self.spec.prepare.parts);
        let raw_version = raw
            .iter()
            .map(|r| (r, &self.source.version))
            .collect::<Vec<_>>();
        let version = digest_of(&(
            &def.name,
            &def.sql,
            &params,
            &tables,
            &raw_version,
            &def.key,
            &def.sort,
            parts,
            self.spec.prepare.row_group_rows,
            def.narrow,
            BUILD_ID,
        ));
        Ok(TablePlan {
            name: def.name.clone(),
            version,
            sql: def.sql.clone(),
            params,
            tables,
            raw,
            key: def.key.clone(),
            sort: def.sort.clone(),
            parts,
            row_group_rows: self.spec.prepare.row_group_rows,
            own: def.own,
            narrow: def.narrow,
            together: def.together.clone(),
        })
    }
}
