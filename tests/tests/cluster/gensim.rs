//! The artifact's word2vec text loads in the real gensim, where Python has it.

use std::process::Command;

use anyhow::ensure;
use pannier_tests::shared;

const LOAD: &str = "
import sys
from gensim.models import KeyedVectors
vectors = KeyedVectors.load_word2vec_format(sys.argv[1], binary=False)
print(len(vectors.index_to_key), vectors.vector_size)
";

fn python(args: &[&str]) -> anyhow::Result<(bool, String)> {
    let output = Command::new("python3").args(args).output()?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}

#[test]
fn vectors_load_in_gensim() -> anyhow::Result<()> {
    if !python(&["-c", "import gensim"]).is_ok_and(|(good, _)| good) {
        eprintln!("skipped: python3 has no gensim (tests/peers/requirements.txt)");
        return Ok(());
    }
    let shared = shared()?;
    let text = shared
        .warehouse
        .join("artifacts/grocery-vectors/1/vectors.txt");
    let (good, said) = python(&["-c", LOAD, &text.display().to_string()])?;
    let items = shared.outcome.tables["vocab"].rows;
    ensure!(good && said.trim() == format!("{items} 32"), "{said}");
    Ok(())
}
