//! The matrices that a step learns, and what Adagrad keeps of them.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::lanes::Lane;

/// What keeps Adagrad from dividing by zero.
const LEAST: f32 = 1e-10;

/// What Adagrad knows of each row: the sum over its steps of the mean square of its gradient.
///
/// Adagrad (Duchi et al. 2011) keeps a sum for every coordinate; this keeps one for the row, the
/// mean over its coordinates, as is usual for embeddings: a 1/dim of the memory and traffic, and a
/// row's step keeps the gradient's direction. Step: rate / √(sum + 10⁻¹⁰) · gradient.
#[derive(Debug)]
pub struct Squares {
    /// Bits of floats: relaxed atomics, so that threads may share them.
    input: Vec<AtomicU32>,
    output: Vec<AtomicU32>,
}

impl Clone for Squares {
    fn clone(&self) -> Self {
        let (input, output) = self.sums();
        Self::of(&input, &output)
    }
}

impl PartialEq for Squares {
    fn eq(&self, other: &Self) -> bool {
        self.sums() == other.sums()
    }
}

impl Squares {
    /// Zeros for so many rows of U and of V.
    #[must_use]
    pub fn new(input_rows: usize, output_rows: usize) -> Self {
        Self::of(&vec![0.0; input_rows], &vec![0.0; output_rows])
    }

    /// From the sums of U's and V's rows.
    #[must_use]
    pub fn of(input: &[f32], output: &[f32]) -> Self {
        let bits = |sums: &[f32]| sums.iter().map(|x| AtomicU32::new(x.to_bits())).collect();
        Self {
            input: bits(input),
            output: bits(output),
        }
    }

    /// The sums of U's and V's rows, to be kept.
    #[must_use]
    pub fn sums(&self) -> (Vec<f32>, Vec<f32>) {
        let floats = |bits: &[AtomicU32]| {
            bits.iter()
                .map(|x| f32::from_bits(x.load(Ordering::Relaxed)))
                .collect()
        };
        (floats(&self.input), floats(&self.output))
    }

    /// Whether they are for so many rows of U and of V.
    pub(crate) fn fit(&self, input_rows: usize, output_rows: usize) -> bool {
        (self.input.len(), self.output.len()) == (input_rows, output_rows)
    }
}

/// U and V while they are learnt. Copies are for threads that learn at once.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    input: *mut Lane,
    output: *mut Lane,
    pub lanes: usize,
    pub dim: usize,
    /// Rows of U that lie end to end in an input, and pieces of `lanes` lanes of a row of V; 1: an
    /// input is the mean of its rows.
    pub slots: usize,
    /// Lanes from one row of V to the next.
    stride: usize,
    pub squares: Option<&'a Squares>,
    borrowed: PhantomData<&'a mut [Lane]>,
}

// SAFETY: with several threads, rows are only accessed through `Shared` sets, whose loads and
// stores are atomic (see `Instructions::shared`); the matrices are borrowed for as long.
unsafe impl Send for Weights<'_> {}
// SAFETY: as above.
unsafe impl Sync for Weights<'_> {}

impl<'a> Weights<'a> {
    /// Of matrices of `lanes` lanes a row, of which `dim` floats are used.
    pub(crate) fn new(
        input: &'a mut [Lane],
        output: &'a mut [Lane],
        (lanes, dim): (usize, usize),
        squares: Option<&'a Squares>,
    ) -> Self {
        Self {
            input: input.as_mut_ptr(),
            output: output.as_mut_ptr(),
            lanes,
            dim,
            slots: 1,
            stride: lanes,
            squares,
            borrowed: PhantomData,
        }
    }

    /// Of matrices that may only be read.
    pub(crate) fn fixed(
        input: &'a [Lane],
        output: &'a [Lane],
        (lanes, dim): (usize, usize),
    ) -> Self {
        Self {
            input: input.as_ptr().cast_mut(),
            output: output.as_ptr().cast_mut(),
            lanes,
            dim,
            slots: 1,
            stride: lanes,
            squares: None,
            borrowed: PhantomData,
        }
    }

    /// With rows of V of so many pieces, for inputs of as many rows of U.
    pub(crate) fn end_to_end(self, slots: usize) -> Self {
        Self {
            slots,
            stride: self.lanes * slots,
            ..self
        }
    }

    /// Of V only the last piece of each row.
    pub(crate) fn last_slot(self) -> Self {
        let before = self.lanes * (self.slots - 1);
        Self {
            output: self.output.wrapping_add(before),
            slots: 1,
            ..self
        }
    }

    /// Where a row of U lies.
    #[inline(always)]
    pub(crate) fn input(&self, row: u32) -> *mut Lane {
        self.input.wrapping_add(row as usize * self.lanes)
    }

    /// Where a row of V lies.
    #[inline(always)]
    pub(crate) fn output(&self, row: u32) -> *mut Lane {
        self.output.wrapping_add(row as usize * self.stride)
    }
}

impl Squares {
    /// Adds a gradient's mean square to a row of U; what the rate is then divided by.
    #[inline(always)]
    pub(crate) fn add_input(&self, row: u32, square: f32) -> f32 {
        add(&self.input[row as usize], square)
    }

    /// As [`Squares::add_input`], of V.
    #[inline(always)]
    pub(crate) fn add_output(&self, row: u32, square: f32) -> f32 {
        add(&self.output[row as usize], square)
    }
}

/// Two threads at once may lose one of two additions, as they may of the rows themselves.
#[inline(always)]
fn add(sum: &AtomicU32, square: f32) -> f32 {
    let next = f32::from_bits(sum.load(Ordering::Relaxed)) + square;
    sum.store(next.to_bits(), Ordering::Relaxed);
    (next + LEAST).sqrt()
}
