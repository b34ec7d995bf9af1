//! A file that is there whole or not at all: it is written beside its place and moved at the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::exit::BadUsage;

/// A file being written. Dropped before it is kept, it is removed.
#[derive(Debug)]
pub struct Draft {
    place: PathBuf,
    beside: PathBuf,
    file: File,
}

impl Draft {
    /// Begins a file. One that is there already stays until the new one is whole.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn create(place: &Path) -> anyhow::Result<Self> {
        let Some(name) = place.file_name() else {
            let text = format!("{} is no place for a file", place.display());
            return Err(BadUsage(text).into());
        };
        let draft = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let beside = place.with_file_name(draft);
        let file =
            File::create(&beside).with_context(|| format!("cannot write {}", place.display()))?;
        Ok(Self {
            place: place.to_owned(),
            beside,
            file,
        })
    }

    /// A handle to write to.
    ///
    /// # Errors
    /// Where the system gives none.
    pub fn file(&self) -> anyhow::Result<File> {
        Ok(self.file.try_clone()?)
    }

    /// Moves the file, which is whole, to its place.
    ///
    /// # Errors
    /// Where it cannot be moved there.
    pub fn keep(self) -> anyhow::Result<()> {
        let place = || format!("cannot write {}", self.place.display());
        self.file.sync_all().with_context(place)?;
        fs::rename(&self.beside, &self.place).with_context(place)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `keep` there is none.
        drop(fs::remove_file(&self.beside));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_whole_or_as_it_was() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let place = dir.path().join("a.csv");
        fs::write(&place, "old")?;
        let draft = Draft::create(&place)?;
        draft.file()?.write_all(b"half")?;
        drop(draft);
        assert_eq!(fs::read_to_string(&place)?, "old");
        let draft = Draft::create(&place)?;
        draft.file()?.write_all(b"new")?;
        draft.keep()?;
        assert_eq!(fs::read_to_string(&place)?, "new");
        assert_eq!(fs::read_dir(dir.path())?.count(), 1);
        Ok(())
    }
}
