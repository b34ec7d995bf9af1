//! The attention LSTM on libtorch: the model of `neural::attention_lstm`, its weights by the same names.

mod lstm;
mod net;
mod output;
#[cfg(test)]
mod tests;

use std::sync::Mutex;

use tch::{Device as Place, Kind, Tensor, no_grad};

use self::net::Net;
use self::output::{Layer, added_to, chances, gradients, loss};
use super::tensors::{floats, long, read};
use super::weights::{Form, Move, Weights};
use super::{on_thread, place};
use crate::device::Device;
use crate::error::TrainerError;
use crate::neural::attention_lstm::{
    BIAS, Batch, ITEMS, Kept, Learns, Masks, Named, Ranks, Rates, Sizes, WEIGHTS,
};
use crate::neural::kernels::adam::{Moments, Step};

/// A model while it learns.
pub(crate) struct Learner {
    device: Device,
    net: Net,
    weights: Weights,
    /// By item: weight of the loss where it was not bought, and where it was.
    balance: Option<[Tensor; 2]>,
    /// By item: the step of its vector's last gradient.
    learned: Vec<u32>,
    steps: u64,
}

/// How libtorch keeps a weight: its LSTM has gates as rows. The table does not decay.
fn form(name: &str, shape: &[usize]) -> Form {
    let recurrent = ["ahead.", "back."].iter().any(|way| name.starts_with(way));
    Form {
        turned: recurrent && shape.len() > 1,
        decays: name != ITEMS && shape.len() > 1,
    }
}

impl Learner {
    /// From all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape; [`TrainerError::Config`] where
    /// the device is not there.
    pub(crate) fn new(
        device: Device,
        sizes: Sizes,
        weights: &[Named],
        balance: Option<Vec<[f32; 2]>>,
    ) -> Result<Self, TrainerError> {
        sizes.check(weights)?;
        on_thread(|| {
            let on = place(device)?;
            let forms = weights.iter();
            let forms = forms.map(|of| (form(&of.name, &of.shape), &of.shape[..], &of.numbers[..]));
            let weights = Weights::new(&forms.collect::<Vec<_>>(), on)?;
            let balance = balance.map(|of| -> Result<_, TrainerError> {
                let side = |at: usize| of.iter().map(|by| by[at]).collect::<Vec<f32>>();
                let side = |at| floats(&side(at), &[long(of.len())], on);
                Ok([side(0)?, side(1)?])
            });
            Ok(Self {
                device,
                net: Net::new(sizes, weights.leaves(), on)?,
                weights,
                balance: balance.transpose()?,
                learned: vec![0; sizes.items],
                steps: 0,
            })
        })
    }

    /// The loss, and gradients of all weights in their order.
    fn gradients(&self, batch: &Batch, masks: &Masks) -> Result<(f64, Vec<Tensor>), TrainerError> {
        let net = &self.net;
        let vectors = net.users(batch, Some(masks))?;
        let own = net.own(&vectors, batch)?;
        let layer = Layer {
            weights: net.of(WEIGHTS)?,
            bias: net.of(BIAS)?,
            balance: self.balance.as_ref(),
        };
        let made = no_grad(|| gradients(&vectors, &layer, own.as_ref(), batch))?;
        // Its gradients by vectors and by what is added are the loss's.
        let mut by = vectors.f_mul(&made.vectors)?.f_sum(Kind::Float)?;
        if let Some((own, of_added)) = own.as_ref().zip(made.added) {
            by = by.f_add(&own.added.f_mul(&of_added)?.f_sum(Kind::Float)?)?;
        }
        let behind: Vec<&Tensor> = net.but_output().collect();
        let mut of = Tensor::f_run_backward(&[by], &behind, false, false)?;
        let at = net.place_of(WEIGHTS)?;
        of.insert(at, made.weights);
        of.insert(at + 1, made.bias);
        Ok((made.loss, of))
    }

    fn named(&self) -> Result<Vec<Named>, TrainerError> {
        let shapes = self.net.sizes.shapes().into_iter();
        let named = shapes.zip(self.weights.numbers()?);
        let named = named.map(|((name, shape), numbers)| Named {
            name: name.into(),
            shape,
            numbers,
        });
        Ok(named.collect())
    }
}

impl Learns for Learner {
    fn step(&mut self, batch: &Batch, how: &Rates) -> Result<f64, TrainerError> {
        let masks = Masks::new(&self.net.sizes, batch.users(), how);
        let plain = Step::new(self.steps + 1, how.rate);
        let how = Move {
            plain,
            decayed: plain.decaying(how.l2, how.rate * how.decay),
            clip_norm: how.clip_norm,
        };
        let this = &mut *self;
        let loss = on_thread(move || {
            let (loss, gradients) = this.gradients(batch, &masks)?;
            this.weights.step(&gradients, how)?;
            Ok(loss)
        })?;
        self.steps += 1;
        for row in &batch.baskets.rows {
            self.learned[*row as usize] = self.steps as u32;
        }
        Ok(loss)
    }

    fn weights(&mut self) -> Result<Vec<Named>, TrainerError> {
        let this = self;
        on_thread(move || this.named())
    }

    fn kept(&mut self) -> Result<Kept, TrainerError> {
        let weights = &mut self.weights;
        let [means, squares] = on_thread(move || weights.moments())?;
        let moments = means.into_iter().zip(squares);
        let mut moments = moments.map(|(means, squares)| Moments { means, squares });
        let items = moments.next().unwrap_or_default();
        Ok(Kept {
            items,
            moments: moments.collect(),
            learned: self.learned.clone(),
            steps: self.steps,
        })
    }

    fn resume(&mut self, kept: Kept) -> Result<(), TrainerError> {
        let all = || std::iter::once(&kept.items).chain(&kept.moments);
        let means: Vec<&[f32]> = all().map(|of| &of.means[..]).collect();
        let squares: Vec<&[f32]> = all().map(|of| &of.squares[..]).collect();
        on_thread(|| self.weights.resume([&means, &squares]))?;
        (self.learned, self.steps) = (kept.learned, kept.steps);
        Ok(())
    }

    fn ranks(&mut self) -> Result<Box<dyn Ranks>, TrainerError> {
        let ranker = Ranker::new(self.device, self.net.sizes, &self.weights()?)?;
        Ok(Box::new(ranker))
    }
}

/// A model to rank with.
pub(crate) struct Ranker {
    sizes: Sizes,
    /// For libtorch's thread alone.
    net: Mutex<Net>,
}

impl Ranker {
    /// Of all weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// As [`Learner::new`].
    pub(crate) fn new(
        device: Device,
        sizes: Sizes,
        weights: &[Named],
    ) -> Result<Self, TrainerError> {
        sizes.check(weights)?;
        let net = on_thread(|| {
            let on = place(device)?;
            let tensors = weights.iter().map(|of| tensor(of, on));
            let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
            Net::new(sizes, tensors.iter(), on)
        })?;
        Ok(Self {
            sizes,
            net: Mutex::new(net),
        })
    }

    /// Works with the net, without a graph.
    fn with<T: Send>(
        &self,
        work: impl FnOnce(&Net) -> Result<T, TrainerError> + Send,
    ) -> Result<T, TrainerError> {
        on_thread(|| {
            let net = self.net.lock();
            let net = net.map_err(|_| TrainerError::bug("libtorch broke off before"))?;
            no_grad(|| work(&net))
        })
    }
}

/// A weight as libtorch keeps it.
fn tensor(of: &Named, on: Place) -> Result<Tensor, TrainerError> {
    let shape: Vec<i64> = of.shape.iter().map(|n| long(*n)).collect();
    let tensor = floats(&of.numbers, &shape, on)?;
    Ok(match form(&of.name, &of.shape).turned {
        true => tensor.f_tr()?.f_contiguous()?,
        false => tensor,
    })
}

/// Logits of users' vectors: of all items, [users, items].
fn logits(net: &Net, batch: &Batch) -> Result<Tensor, TrainerError> {
    let vectors = net.users(batch, None)?;
    let own = net.own(&vectors, batch)?;
    added_to(&vectors, net.of(WEIGHTS)?, net.of(BIAS)?, own.as_ref())
}

impl Ranks for Ranker {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn judge(&self, batch: &Batch) -> Result<(Vec<f32>, f64), TrainerError> {
        self.with(|net| {
            let logits = logits(net, batch)?;
            let loss = loss(&logits, None, batch)?;
            Ok((read(&chances(&logits, batch.link)?)?, loss))
        })
    }

    fn chances(&self, batch: &Batch) -> Result<Vec<f32>, TrainerError> {
        self.with(|net| read(&chances(&logits(net, batch)?, batch.link)?))
    }
}
