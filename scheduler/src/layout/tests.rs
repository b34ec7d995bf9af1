//! Layouts: that they read, and that the tables made of real, made-up and hand-written files of
//! every form are the right ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decisions;
mod generated;
mod handwritten;
mod leaks;
mod real;
mod staged;

use super::*;

#[test]
fn every_layout_reads() -> Result<(), SchedulerError> {
    for name in pannier_proto::spec::LAYOUTS {
        let layout = find(name, ContextSpec::Decision)?;
        find(name, ContextSpec::Leaky)?;
        assert!(layout.raw.iter().any(|r| r.primary), "{name}");
        for needed in ["transactions", "rejects", "items", "facts"] {
            assert!(
                layout.table.iter().any(|t| t.name == needed),
                "{name} lacks {needed}"
            );
        }
        let by_user = SplitSpec::User {
            test_share: 0.1,
            valid_share: 0.0,
        };
        for split in [
            SplitSpec::default(),
            SplitSpec::LastBasket { valid_share: 0.1 },
            by_user,
        ] {
            let tables = common(&split, &layout)?.table;
            let all = layout.table.iter().chain(&tables);
            let names: Vec<&str> = all.map(|t| t.name.as_str()).collect();
            for needed in ["splits", "baskets", "sequences", "counts", "interactions"] {
                let times = names.iter().filter(|n| **n == needed).count();
                assert_eq!(times, 1, "{name}: {needed}");
            }
        }
        let generated = pannier_engine::generate::GenerateLayout::from_name(name);
        assert!(generated.is_some(), "{name} cannot be generated");
    }
    Ok(())
}
