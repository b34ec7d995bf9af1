//! Every SQL function of ours has a file in `functions/slt`: what it gives, and what it refuses.
//! A file dropped there is run; a function without one is found.

use std::path::Path;

use crate as engine;
use crate::functions;
use crate::warehouse::Warehouse;

mod database;

#[tokio::test]
async fn functions_do_what_their_files_say() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/functions/slt");
    assert!(database::run_folder(&folder, &folder).await? > 0);
    let dir = tempfile::tempdir()?;
    let warehouse = Warehouse::open(&dir.path().display().to_string())?;
    let (scalar, aggregate) = (functions::scalar(&warehouse), functions::aggregate());
    let names = scalar.iter().map(|f| f.name().to_owned());
    for name in names.chain(aggregate.iter().map(|f| f.name().to_owned())) {
        let file = folder.join(format!("{name}.slt"));
        assert!(file.is_file(), "{name} has no {}", file.display());
    }
    Ok(())
}
