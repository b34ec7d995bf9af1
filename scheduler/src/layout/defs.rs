//! The tables of a run in an order in which each comes after what it reads. Pure.

use pannier_proto::spec::CheckSpec;

use super::{Common, Layout, TableDef};

/// The tables of a run, each after those it reads.
#[derive(Debug, Clone)]
pub struct Defs {
    /// Made before anything is split: the source's checks may read them.
    pub staged: Vec<TableDef>,
    /// Made of those, after the checks.
    pub learned: Vec<TableDef>,
    /// Checks of what is learned from.
    pub check: Vec<CheckSpec>,
}

impl Defs {
    /// The tables of a layout and the common ones: a layout's own ones for models read common ones, and
    /// these them.
    #[must_use]
    pub fn of(layout: &Layout, common: Common) -> Self {
        let of_source = layout.table.iter().cloned();
        let (mut learned, staged): (Vec<TableDef>, _) = of_source.partition(|t| t.training);
        learned.extend(common.table);
        let (mut learned, rest) = in_order(learned);
        // Whose turn never comes is refused where it is planned.
        learned.extend(rest);
        Self {
            staged,
            learned,
            check: common.check,
        }
    }
}

/// Each after those it reads, otherwise as they come; and those of which each waits for another.
pub(super) fn in_order(mut left: Vec<TableDef>) -> (Vec<TableDef>, Vec<TableDef>) {
    let mut done: Vec<TableDef> = Vec::with_capacity(left.len());
    loop {
        let waits = |def: &TableDef| def.reads.iter().any(|r| left.iter().any(|l| l.name == *r));
        let Some(at) = left.iter().position(|def| !waits(def)) else {
            return (done, left);
        };
        done.push(left.remove(at));
    }
}
