//! Layouts: that they read, and that the tables made of real, made-up and hand-written files of
//! every form are the right ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod generated;
mod handwritten;
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
        let generated = pannier_engine::generate::GenerateLayout::from_name(name);
        assert!(generated.is_some(), "{name} cannot be generated");
    }
    assert_eq!(
        common(&SplitSpec::default())?.table.len(),
        common(&SplitSpec::LastBasket {})?.table.len()
    );
    Ok(())
}
