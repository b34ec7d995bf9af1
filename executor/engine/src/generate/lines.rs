//! Owns the lines of a generated CSV file: how many there are, and the broken ones among them, which
//! every reader must refuse. Must not know what the columns mean.

use std::io::{self, Write};

use super::GenerateSpec;
use super::random::Random;

/// Streams of the random numbers that break lines begin here: what the good lines say must not
/// depend on the broken ones.
const STREAM: u64 = 1 << 40;

/// Counts of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Lines without the header, broken ones among them.
    pub(super) rows: u64,
    /// Lines that a reader must refuse.
    pub(super) broken: u64,
}

/// Writes lines, and after some of them a broken copy.
pub(super) struct Lines<'a> {
    out: &'a mut dyn Write,
    random: Random,
    /// Broken lines come on top of the good ones: this many per good one.
    share: f64,
    /// So far.
    pub(super) counts: Counts,
}

impl<'a> Lines<'a> {
    /// Begins the file number `file` of a spec with its header.
    pub(super) fn begin(
        out: &'a mut dyn Write,
        spec: &GenerateSpec,
        file: u64,
        header: &str,
    ) -> io::Result<Self> {
        writeln!(out, "{header}")?;
        Ok(Self {
            out,
            random: Random::stream(spec.seed, STREAM + file),
            share: spec.bad_row_share / (1.0 - spec.bad_row_share),
            counts: Counts::default(),
        })
    }

    /// Writes a line without its line feed. Its first field must be one that may be neither empty
    /// nor a word, and no field may be quoted.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.counts.rows += 1;
        while self.share > 0.0 && self.random.unit() * (1.0 + self.share) < self.share {
            let rest = text.split_once(',').map_or("", |(_, rest)| rest);
            match self.random.below(4) {
                0 => writeln!(self.out, "{rest}")?,
                1 => writeln!(self.out, "{text},surplus")?,
                2 => writeln!(self.out, "unknown,{rest}")?,
                _ => writeln!(self.out, ",{rest}")?,
            }
            self.counts.rows += 1;
            self.counts.broken += 1;
        }
        Ok(())
    }
}
