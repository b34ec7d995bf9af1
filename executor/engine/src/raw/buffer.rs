//! Bytes of a stream with what is not yet used kept together. Must not know what they mean.

use std::io::{self, Read};

/// Bytes asked for at a time.
const CHUNK: usize = 1 << 18;

/// A stream's unused bytes.
pub struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    over: bool,
}

impl Buffer {
    /// Nothing read yet.
    pub fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            over: false,
        }
    }

    /// What is there and unused.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing comes after [`Buffer::rest`].
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Marks bytes as used.
    pub fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads more, or finds that there is no more.
    ///
    /// # Errors
    /// What the stream says.
    pub fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() - self.end < CHUNK {
            self.bytes.resize(self.end + CHUNK, 0);
        }
        loop {
            match self.input.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.over = true,
                Ok(read) => self.end += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            return Ok(());
        }
    }
}
