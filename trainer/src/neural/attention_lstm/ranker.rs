//! Ranking on flex: users' vectors, and the probability of every item.

use burn::backend::Flex;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSliceMut;

use super::batch::Batch;
use super::device::Ranks;
use super::model::AttentionLstm;
use super::repeats::Repeats;
use super::sizes::{BIAS, Named, Sizes, WEIGHTS};
use crate::error::TrainerError;
use crate::neural::kernels::output::{Added, Layer, loss};
use crate::neural::kernels::{Link, pool, predict};

/// A model to rank with.
pub(crate) struct Ranker {
    sizes: Sizes,
    device: Device,
    model: AttentionLstm,
    items: Vec<f32>,
    output: predict::Prepared,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Ranker {
    /// Of all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape.
    pub(crate) fn new(sizes: Sizes, mut weights: Vec<Named>) -> Result<Self, TrainerError> {
        sizes.check(&weights)?;
        let items = weights.remove(0);
        let device = Device::flex();
        let model = AttentionLstm::new(&weights, &device)?;
        let mut of = |name: &str| {
            let named = weights.iter_mut().find(|named| named.name == name);
            named
                .map(|named| std::mem::take(&mut named.numbers))
                .unwrap_or_default()
        };
        let (weights, bias) = (of(WEIGHTS), of(BIAS));
        Ok(Self {
            output: predict::Prepared::new(&weights, 2 * sizes.hidden),
            sizes,
            device,
            model,
            items: items.numbers,
            weights,
            bias,
        })
    }

    /// Vectors of users by rank, [users, 2 · hidden]. Users need no target.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    fn vectors(&self, batch: &Batch) -> Result<Vec<f32>, TrainerError> {
        let dim = self.sizes.embedding;
        let means = pool::forward(&self.items, dim, &batch.baskets, None);
        let means = TensorData::new(means, [batch.packing.rows(), dim]);
        let means = Tensor::<2>::from_data(means, &self.device);
        numbers(self.model.users(means, &batch.packing, None))
    }

    /// The probability of every item for users' vectors by rank, with what is added to logits, or its
    /// share.
    fn of_vectors(&self, vectors: &[f32], added: Option<&[f32]>, batch: &Batch) -> Vec<f32> {
        let mut chances = self.output.of(vectors, &self.bias, batch.link);
        if let Some((added, of)) = added.zip(batch.repeats.as_ref()) {
            self.add(vectors, (added, of), batch.link, &mut chances);
        }
        if batch.link == Link::Softmax {
            chances.par_chunks_mut(self.sizes.items).for_each(softmax);
        }
        chances
    }

    fn add(
        &self,
        vectors: &[f32],
        (added, of): (&[f32], &Repeats),
        link: Link,
        chances: &mut [f32],
    ) {
        let (items, width) = (self.sizes.items, 2 * self.sizes.hidden);
        for ((rank, item), added) in of.ranks.iter().zip(&of.items).zip(added) {
            let (rank, item) = (*rank as usize, *item as usize);
            let vector = &vectors[rank * width..][..width];
            let weights = &self.weights[item * width..][..width];
            let dot: f32 = vector.iter().zip(weights).map(|(x, w)| x * w).sum();
            let logit = dot + self.bias[item] + added;
            chances[rank * items + item] = match link {
                Link::Logistic => 1.0 / (1.0 + (-logit).exp()),
                Link::Softmax => logit,
            };
        }
    }

    /// What is added to the logits of users' own items; none where there is nothing.
    fn added(&self, vectors: &[f32], batch: &Batch) -> Result<Option<Vec<f32>>, TrainerError> {
        let Some(of) = &batch.repeats else {
            return Ok(None);
        };
        let shape = [batch.users(), 2 * self.sizes.hidden];
        let users = Tensor::from_data(TensorData::new(vectors.to_vec(), shape), &self.device);
        let added = self.model.repeats(users, of).map(numbers);
        added.transpose()
    }
}

/// On the pool of the calling thread.
impl Ranks for Ranker {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn judge(&self, batch: &Batch) -> Result<(Vec<f32>, f64), TrainerError> {
        let vectors = self.vectors(batch)?;
        let added = self.added(&vectors, batch)?;
        let layer = Layer {
            weights: &self.weights,
            bias: &self.bias,
            link: batch.link,
            balance: None,
            added: added
                .as_deref()
                .zip(batch.repeats.as_ref())
                .map(|(logits, of)| Added {
                    pairs: &of.pairs,
                    logits,
                }),
        };
        let loss = loss(&vectors, layer, &batch.targets, false).loss;
        Ok((self.of_vectors(&vectors, added.as_deref(), batch), loss))
    }

    fn chances(&self, batch: &Batch) -> Result<Vec<f32>, TrainerError> {
        let vectors = self.vectors(batch)?;
        let added = self.added(&vectors, batch)?;
        Ok(self.of_vectors(&vectors, added.as_deref(), batch))
    }
}

/// Shares of logits, which they become.
fn softmax(logits: &mut [f32]) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for z in &mut *logits {
        *z = (*z - most).exp();
        sum += f64::from(*z);
    }
    let by = (1.0 / sum) as f32;
    logits.iter_mut().for_each(|z| *z *= by);
}

/// A tensor's numbers, one after another.
fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainerError> {
    let tensor = tensor.try_into_primitive::<Flex>();
    let tensor = tensor.map_err(|e| TrainerError::bug(format!("{e:?}")))?;
    let tensor = tensor.to_contiguous();
    Ok(tensor.as_slice().unwrap_or_default().to_vec())
}
