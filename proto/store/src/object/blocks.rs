//! Reads an object in places, as Parquet is read: blocks that were fetched are kept for a while,
//! since the pages of a row group's columns are asked for in turns.

use std::collections::VecDeque;
use std::io::{Read, Result};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;

use super::Object;
use crate::error::StoreError;

/// Bytes of a block.
const BLOCK: u64 = 1 << 20;
/// Blocks kept: more than a raw file has columns that are read.
const KEPT: usize = 32;

/// An object, block by block. Its functions block and must not be called on a thread of the async
/// runtime.
#[derive(Debug)]
pub struct Blocks {
    object: Object,
    runtime: Handle,
    // The most recently used first.
    kept: Mutex<VecDeque<(u64, Bytes)>>,
}

impl Blocks {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(object: Object, runtime: Handle) -> Self {
        Self {
            object,
            runtime,
            kept: Mutex::default(),
        }
    }

    /// Bytes of the object.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.object.size()
    }

    /// The bytes of a range.
    ///
    /// # Errors
    /// As [`Object::get`].
    pub fn get(&self, start: u64, length: u64) -> std::result::Result<Bytes, StoreError> {
        if length > BLOCK {
            return self
                .runtime
                .block_on(self.object.get(start..start + length));
        }
        let mut bytes = BytesMut::with_capacity(length as usize);
        while (bytes.len() as u64) < length {
            let rest = self.rest_of_block(start + bytes.len() as u64)?;
            let wanted = rest.len().min(length as usize - bytes.len());
            if wanted == 0 {
                return Err(StoreError::Changed {
                    url: self.object.url.clone(),
                });
            }
            bytes.extend_from_slice(&rest[..wanted]);
        }
        Ok(bytes.freeze())
    }

    /// Reads from a place on.
    #[must_use]
    pub fn read_from(self: &Arc<Self>, start: u64) -> BlockRead {
        BlockRead {
            blocks: Arc::clone(self),
            at: start,
        }
    }

    /// From a place to the end of its block; empty at the end of the object.
    fn rest_of_block(&self, at: u64) -> std::result::Result<Bytes, StoreError> {
        if at >= self.size() {
            return Ok(Bytes::new());
        }
        let (index, inside) = (at / BLOCK, (at % BLOCK) as usize);
        let found = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let place = kept.iter().position(|(i, _)| *i == index);
            let found = place.and_then(|p| kept.remove(p));
            found.inspect(|block| kept.push_front(block.clone()))
        };
        let block = match found {
            Some((_, block)) => block,
            None => self.fetch(index)?,
        };
        Ok(block.slice(inside..))
    }

    fn fetch(&self, index: u64) -> std::result::Result<Bytes, StoreError> {
        let range = index * BLOCK..self.size().min((index + 1) * BLOCK);
        let block = self.runtime.block_on(self.object.get(range))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((index, block.clone()));
        kept.truncate(KEPT);
        Ok(block)
    }
}

/// Reads on from a place.
#[derive(Debug)]
pub struct BlockRead {
    blocks: Arc<Blocks>,
    at: u64,
}

impl Read for BlockRead {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let rest = self.blocks.rest_of_block(self.at)?;
        let length = buffer.len().min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length as u64;
        Ok(length)
    }
}
