//! Every common table has a file in `scheduler/slt`: its SQL over a few rows, and what comes out.
//! A file dropped there is run; a table without one is found.

use std::path::Path;

use pannier_engine as engine;

#[path = "../../executor/engine/src/slt/database.rs"]
pub mod database;

#[tokio::test]
async fn tables_are_what_their_files_say() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (folder, datasets) = (root.join("slt"), root.join("datasets"));
    assert!(database::run_folder(&folder, &datasets).await? > 0);
    for entry in std::fs::read_dir(datasets.join("common"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "sql") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let file = folder.join(format!("{name}.slt"));
            assert!(file.is_file(), "{name} has no {}", file.display());
        }
    }
    Ok(())
}
