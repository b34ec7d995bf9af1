//! Checkpoints: the whole state of a training, in one file that is whole or not there.
//!
//! A file is the state's own image and 32 bytes of blake3 over it. Files are named by global step; the
//! two newest stay.

use std::marker::PhantomData;

use pannier_proto::feed::FeedSpec;
use pannier_proto::ids::{BUILD_ID, digest_of};
use pannier_proto::work::WorkReportKind;
use serde::Serialize;

use crate::error::TrainerError;
use crate::report::Reporter;
use crate::storage::Storage;
use crate::vocab::Vocab;

const DIGEST_BYTES: usize = 32;
const SUFFIX: &str = ".ckpt";
const KEPT: usize = 2;
/// Why a checkpoint that is whole is not taken up.
pub(crate) const OTHER_WORK: &str = "it belongs to other params, seed, feed, vocab or build";

/// Digest of everything that decides a training's weights. `revision` goes up when the same work would
/// give others.
pub(crate) fn work_of(
    params: &impl Serialize,
    seed: u64,
    feed: &FeedSpec,
    vocab: &Vocab,
    revision: u32,
) -> String {
    let (feed, vocab) = (feed.digest(), &vocab.digest);
    digest_of(&(params, seed, feed, vocab, BUILD_ID, revision))
}

/// A training's state, as bytes and back.
pub(crate) trait Checkpointed: Sized {
    /// Epoch and step that come next.
    fn next(&self) -> (u64, u64);

    /// Its image, with the digest of everything that decides the training.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    fn encode(&self, work: &str) -> Result<Vec<u8>, TrainerError>;

    /// The state of an image of that work.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where it is no image, or one of other work.
    fn decode(image: &[u8], work: &str) -> Result<Self, TrainerError>;
}

/// A training's folder of checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints<S> {
    storage: Storage,
    folder: String,
    work: String,
    /// Names of those that stay, oldest first.
    kept: Vec<String>,
    state: PhantomData<S>,
}

impl<S: Checkpointed> Checkpoints<S> {
    /// `work` is a digest of everything that decides the training; checkpoints of other work are
    /// not taken up.
    pub(crate) fn new(storage: Storage, folder: String, work: String) -> Self {
        Self {
            storage,
            folder,
            work,
            kept: Vec::new(),
            state: PhantomData,
        }
    }

    /// The newest checkpoint that is whole and of this work. Says which ones it passed over.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where the folder cannot be listed.
    pub(crate) fn newest(&mut self, reporter: &Reporter) -> Result<Option<S>, TrainerError> {
        let names = self.storage.names(&self.folder)?;
        for name in names.into_iter().rev().filter(|n| n.ends_with(SUFFIX)) {
            let state = self
                .storage
                .get(&self.path(&name))
                .and_then(|bytes| S::decode(whole(&bytes)?, &self.work));
            match state {
                Ok(state) => {
                    self.kept = vec![name];
                    return Ok(Some(state));
                }
                Err(error) => reporter.log(format!("checkpoint {name} is passed over: {error}")),
            }
        }
        Ok(None)
    }

    /// Commits a state, then removes all but the two newest. `global_step`: steps trained.
    ///
    /// # Errors
    /// [`TrainerError::Storage`] where it cannot be written.
    pub(crate) fn put(
        &mut self,
        state: &S,
        global_step: u64,
        reporter: &Reporter,
    ) -> Result<(), TrainerError> {
        let name = format!("step-{global_step:012}{SUFFIX}");
        let mut bytes = state.encode(&self.work)?;
        let digest = blake3::hash(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        self.storage.put(&self.path(&name), bytes)?;
        let (epoch, step) = state.next();
        reporter.send(WorkReportKind::Checkpointed { epoch, step });
        self.kept.retain(|kept| *kept != name);
        self.kept.push(name);
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
        for old in self.storage.names(&self.folder)? {
            // Also what was passed over: the folder is this training's own.
            if old.ends_with(SUFFIX) && !self.kept.contains(&old) {
                self.storage.delete(&self.path(&old))?;
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// The image in front of its digest.
fn whole(bytes: &[u8]) -> Result<&[u8], TrainerError> {
    let wrong = |reason: &str| TrainerError::data("checkpoint", reason);
    let end = bytes
        .len()
        .checked_sub(DIGEST_BYTES)
        .ok_or_else(|| wrong("it is too short"))?;
    let (image, digest) = bytes.split_at(end);
    if blake3::hash(image).as_bytes() != digest {
        return Err(wrong("its checksum does not fit its bytes"));
    }
    Ok(image)
}
