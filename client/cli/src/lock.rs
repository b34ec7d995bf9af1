//! One pannier at a time serves a data directory: an advisory lock, and the address beside it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;

const LOCK: &str = "lock";
const URL: &str = "scheduler.url";

/// The right to serve a data directory, until it is dropped or the process dies.
#[derive(Debug)]
pub struct DataLock {
    url: PathBuf,
    // Held for its lock.
    _file: File,
}

/// Who serves a data directory.
#[derive(Debug)]
pub enum Claim {
    /// We do from now on.
    Ours(DataLock),
    /// Another process does: at this address, or it has not got so far yet.
    Theirs(Option<String>),
}

/// Claims a data directory, which is made if need be.
///
/// # Errors
/// Where the directory cannot be written to.
pub fn claim(data: &Path) -> anyhow::Result<Claim> {
    let unusable = || format!("cannot use the data directory {}", data.display());
    fs::create_dir_all(data).with_context(unusable)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data.join(LOCK))
        .with_context(unusable)?;
    let url = data.join(URL);
    match file.try_lock() {
        Ok(()) => {
            // What a killed process left would send others to nobody.
            if let Err(error) = fs::remove_file(&url)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error).with_context(unusable);
            }
            Ok(Claim::Ours(DataLock { url, _file: file }))
        }
        Err(TryLockError::WouldBlock) => {
            let text = fs::read_to_string(&url).ok();
            Ok(Claim::Theirs(
                text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()),
            ))
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
    }
}

/// Whether a data directory has ever been served.
pub fn exists(data: &Path) -> bool {
    data.join(LOCK).exists()
}

impl DataLock {
    /// Tells others where we serve.
    ///
    /// # Errors
    /// Where the address cannot be written.
    pub fn publish(&self, url: &str) -> anyhow::Result<()> {
        // Renamed into place: a reader sees all of it or nothing.
        let draft = self.url.with_extension("draft");
        fs::write(&draft, url)
            .and_then(|()| fs::rename(&draft, &self.url))
            .with_context(|| format!("cannot write {}", self.url.display()))
    }

    /// Tells others no more; they wait until we are gone.
    pub fn withdraw(&self) {
        // Left behind it does no harm: the next owner removes it.
        drop(fs::remove_file(&self.url));
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        self.withdraw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_finds_the_first() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("a/b");
        assert!(!exists(&data));
        let first = claim(&data)?;
        assert!(exists(&data) && matches!(claim(&data)?, Claim::Theirs(None)));
        let Claim::Ours(lock) = first else {
            anyhow::bail!("{first:?}")
        };
        lock.publish("http://127.0.0.1:7")?;
        assert!(matches!(claim(&data)?, Claim::Theirs(Some(url)) if url == "http://127.0.0.1:7"));
        drop(lock);
        let again = claim(&data)?;
        assert!(matches!(&again, Claim::Ours(_)));
        assert!(!data.join(URL).exists());
        Ok(())
    }

    #[test]
    fn a_stale_address_is_not_believed() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join(URL), "http://127.0.0.1:1")?;
        let claimed = claim(dir.path())?;
        assert!(matches!(claimed, Claim::Ours(_)));
        assert!(matches!(claim(dir.path())?, Claim::Theirs(None)));
        Ok(())
    }
}
