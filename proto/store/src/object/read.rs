//! Reads an object from its start for a thread that may block, a few pieces ahead.

use std::io::{Error, ErrorKind, Read, Result};

use bytes::{Buf, Bytes};
use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::Object;
use crate::error::StoreError;

/// Bytes asked for at a time.
const PIECE: u64 = 4 << 20;
/// Pieces on their way at a time; one more waits, and one is being read.
const AHEAD: usize = 2;

/// An object's bytes in order. Must not be read on a thread of the async runtime.
#[derive(Debug)]
pub struct ObjectRead {
    pieces: mpsc::Receiver<std::result::Result<Bytes, StoreError>>,
    piece: Bytes,
    owed: u64,
    fetch: AbortHandle,
}

impl Object {
    /// Begins to read, on this runtime.
    #[must_use]
    pub fn read(&self, runtime: &Handle) -> ObjectRead {
        self.read_in(PIECE, runtime)
    }

    pub(super) fn read_in(&self, piece: u64, runtime: &Handle) -> ObjectRead {
        let (tx, pieces) = mpsc::channel(1);
        let (object, size) = (self.clone(), self.size);
        let fetch = runtime.spawn(async move {
            let starts = (0..size).step_by(piece as usize);
            let mut fetched = stream::iter(starts)
                .map(|start| {
                    let object = object.clone();
                    async move { object.get(start..size.min(start + piece)).await }
                })
                .buffered(AHEAD);
            while let Some(piece) = fetched.next().await {
                let failed = piece.is_err();
                if tx.send(piece).await.is_err() || failed {
                    return;
                }
            }
        });
        ObjectRead {
            pieces,
            piece: Bytes::new(),
            owed: size,
            fetch: fetch.abort_handle(),
        }
    }
}

impl Read for ObjectRead {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.piece.is_empty() && self.owed > 0 {
            self.piece = match self.pieces.blocking_recv() {
                Some(piece) => piece?,
                // Never taken for the end of the object.
                None => return Err(Error::new(ErrorKind::UnexpectedEof, "reading stopped")),
            };
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        self.owed -= length as u64;
        Ok(length)
    }
}

impl Drop for ObjectRead {
    fn drop(&mut self) {
        self.fetch.abort();
    }
}
