//! A model's weights in one tensor, and Adam over all of them at once: a few passes whatever the number
//! of weights. It is the Adam of `neural::kernels::adam`, by the same constants.

use tch::{Device, Tensor, no_grad};

use super::tensors::{floats, long, read};
use crate::error::TrainerError;
use crate::neural::kernels::adam::{BETA_1, BETA_2, EPSILON, Step};

/// What libtorch makes of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// A matrix that is kept with its columns as rows.
    pub turned: bool,
    /// It decays.
    pub decays: bool,
}

/// A weight's place among all.
struct Part {
    form: Form,
    /// As this program has it.
    shape: Vec<usize>,
    start: usize,
    len: usize,
    /// The weight for the graph: a view of its numbers.
    leaf: Tensor,
}

/// Weights, and what Adam keeps of them.
pub(super) struct Weights {
    /// In the order that weights were given in.
    parts: Vec<Part>,
    /// Places in `parts`, in the order of their numbers: those that decay first.
    order: Vec<usize>,
    /// Numbers that decay.
    decaying: usize,
    all: Tensor,
    means: Tensor,
    squares: Tensor,
}

/// How a step moves weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    /// Of those that do not decay.
    pub plain: Step,
    pub decayed: Step,
    /// Length that gradients are shortened to; 0: never.
    pub clip_norm: f64,
}

impl Weights {
    /// Of weights with their forms: shape and numbers.
    pub(super) fn new(
        weights: &[(Form, &[usize], &[f32])],
        on: Device,
    ) -> Result<Self, TrainerError> {
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|at| !weights[*at].0.decays);
        let mut starts = vec![0; weights.len()];
        let (mut numbers, mut decaying) = (Vec::new(), 0);
        for at in &order {
            let (form, shape, of) = weights[*at];
            starts[*at] = numbers.len();
            match (form.turned, shape) {
                (true, [rows, columns]) => numbers.extend(turned(of, *rows, *columns)),
                _ => numbers.extend_from_slice(of),
            }
            if form.decays {
                decaying = numbers.len();
            }
        }
        let all = floats(&numbers, &[long(numbers.len())], on)?;
        let mut parts = Vec::with_capacity(weights.len());
        for ((form, shape, of), start) in weights.iter().zip(starts) {
            let mut size: Vec<i64> = shape.iter().map(|n| long(*n)).collect();
            if form.turned {
                size.reverse();
            }
            let leaf = all
                .f_narrow(0, long(start), long(of.len()))?
                .f_view(&size[..])?;
            parts.push(Part {
                form: *form,
                shape: shape.to_vec(),
                start,
                len: of.len(),
                leaf: leaf.f_detach()?.f_set_requires_grad(true)?,
            });
        }
        Ok(Self {
            parts,
            order,
            decaying,
            means: all.f_zeros_like()?,
            squares: all.f_zeros_like()?,
            all,
        })
    }

    /// The weights for the graph, in the order that they were given in.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &Tensor> {
        self.parts.iter().map(|part| &part.leaf)
    }

    /// Their numbers, in the order and the shapes that they were given in.
    pub(super) fn numbers(&self) -> Result<Vec<Vec<f32>>, TrainerError> {
        self.apart(&self.all)
    }

    /// Means of gradients and of their squares, likewise.
    pub(super) fn moments(&self) -> Result<[Vec<Vec<f32>>; 2], TrainerError> {
        Ok([self.apart(&self.means)?, self.apart(&self.squares)?])
    }

    fn apart(&self, of: &Tensor) -> Result<Vec<Vec<f32>>, TrainerError> {
        let all = read(of)?;
        let part = |part: &Part| {
            let of = &all[part.start..part.start + part.len];
            match (part.form.turned, &part.shape[..]) {
                (true, [rows, columns]) => turned(of, *columns, *rows),
                _ => of.to_vec(),
            }
        };
        Ok(self.parts.iter().map(part).collect())
    }

    /// Takes up means and squares, in the order and the shapes that weights were given in.
    pub(super) fn resume(&mut self, moments: [&[&[f32]]; 2]) -> Result<(), TrainerError> {
        for (to, of) in [&mut self.means, &mut self.squares]
            .into_iter()
            .zip(moments)
        {
            let mut numbers = Vec::with_capacity(to.numel());
            for at in &self.order {
                let part = &self.parts[*at];
                match (part.form.turned, &part.shape[..]) {
                    (true, [rows, columns]) => numbers.extend(turned(of[*at], *rows, *columns)),
                    _ => numbers.extend_from_slice(of[*at]),
                }
            }
            to.f_copy_(&floats(&numbers, &[long(numbers.len())], Device::Cpu)?)?;
        }
        Ok(())
    }

    /// Moves all weights; gradients are of the leaves, in their order and shapes.
    pub(super) fn step(&mut self, gradients: &[Tensor], how: Move) -> Result<(), TrainerError> {
        no_grad(|| {
            let mut flat = Vec::with_capacity(gradients.len());
            for at in &self.order {
                flat.push(gradients[*at].f_reshape(-1i64)?);
            }
            let mut gradient = Tensor::f_cat(&flat, 0)?;
            drop(flat);
            if how.clip_norm > 0.0 {
                let norm = gradient.f_norm()?;
                let scale = norm.f_reciprocal()?.f_mul_scalar(how.clip_norm)?;
                let _ = gradient.f_mul_(&scale.f_clamp_max(1.0)?)?;
            }
            let decaying = long(self.decaying);
            if how.decayed.l2 > 0.0 {
                let weights = self.all.f_narrow(0, 0, decaying)?;
                let part = weights.f_mul_scalar(f64::from(how.decayed.l2))?;
                let _ = gradient.f_narrow(0, 0, decaying)?.f_add_(&part)?;
            }
            let left = |beta: f32| f64::from(1.0 - beta);
            let _ = self.means.f_lerp_(&gradient, left(BETA_1))?;
            let square = gradient.f_square()?;
            let _ = self.squares.f_lerp_(&square, left(BETA_2))?;
            let mut size = self.squares.f_sqrt()?;
            let _ = size.f_mul_scalar_(f64::from(how.plain.root))?;
            let _ = size.f_add_scalar_(f64::from(EPSILON))?;
            let mut by = self.means.f_div(&size)?;
            let _ = by.f_mul_scalar_(f64::from(how.plain.rate))?;
            if how.decayed.keep != 1.0 {
                let mut weights = self.all.f_narrow(0, 0, decaying)?;
                let _ = weights.f_mul_scalar_(f64::from(how.decayed.keep))?;
            }
            let _ = self.all.f_sub_(&by)?;
            Ok(())
        })
    }
}

/// A matrix of rows and columns with its columns as rows.
fn turned(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let of = |at: usize| numbers[at % rows * columns + at / rows];
    (0..rows * columns).map(of).collect()
}
