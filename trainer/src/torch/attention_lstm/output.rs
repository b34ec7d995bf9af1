//! The output layer, its loss, and its gradients in closed form: no matrix of targets is made, and
//! libtorch keeps nothing of the logits for a way back. No graph; see `neural::kernels::output` for the
//! formulas.

use tch::{Kind, Tensor};

use super::super::tensors::{floats, long, places};
use super::net::Own;
use crate::error::TrainerError;
use crate::neural::attention_lstm::Batch;
use crate::neural::kernels::Link;

/// The layer.
pub(super) struct Layer<'a> {
    /// [items, width].
    pub weights: &'a Tensor,
    /// [items].
    pub bias: &'a Tensor,
    /// By item: weight of the loss where it was not bought, and where it was.
    pub balance: Option<&'a [Tensor; 2]>,
}

/// The loss and its gradients.
pub(super) struct Made {
    pub loss: f64,
    /// [users, width].
    pub vectors: Tensor,
    /// [items, width].
    pub weights: Tensor,
    /// [items].
    pub bias: Tensor,
    /// Of what is added.
    pub added: Option<Tensor>,
}

/// What was bought: places in [users, items], items, and what a purchase counts for.
struct Bought {
    places: Tensor,
    items: Tensor,
    worth: Tensor,
}

impl Bought {
    fn new(batch: &Batch, logits: &Tensor) -> Result<Self, TrainerError> {
        let (targets, on) = (&batch.targets, logits.device());
        let items = targets.starts.len() - 1;
        let of = |item: usize| {
            targets
                .of(item)
                .iter()
                .map(move |rank| (*rank as usize, item))
        };
        let pairs = || (0..items).flat_map(of);
        Ok(Self {
            places: places(pairs().map(|(rank, item)| rank * items + item), on)?,
            items: places(pairs().map(|(_, item)| item), on)?,
            worth: {
                let worth = pairs().map(|(rank, _)| targets.worth_of(rank as u32));
                let worth: Vec<f32> = worth.collect();
                floats(&worth, &[long(worth.len())], on)?
            },
        })
    }
}

/// Logits of users' vectors, [users, items], with what is added for own items.
pub(super) fn added_to(
    vectors: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    own: Option<&Own>,
) -> Result<Tensor, TrainerError> {
    let logits = bias.f_addmm(vectors, &weights.f_tr()?)?;
    if let Some(own) = own {
        let _ = logits
            .f_view([-1i64])?
            .f_index_add_(0, &own.places, &own.added)?;
    }
    Ok(logits)
}

/// Probabilities of logits, or shares.
pub(super) fn chances(logits: &Tensor, link: Link) -> Result<Tensor, TrainerError> {
    Ok(match link {
        Link::Logistic => logits.f_sigmoid()?,
        Link::Softmax => logits.f_softmax(1, Kind::Float)?,
    })
}

/// What purchases of each user count for together, [users].
fn worth(bought: &Bought, logits: &Tensor) -> Result<Tensor, TrainerError> {
    let [users, items] = [logits.size()[0], logits.size()[1]];
    let of = Tensor::f_zeros([users], (Kind::Float, logits.device()))?;
    let ranks = bought.places.f_floor_divide_scalar(items)?;
    Ok(of.f_index_add(0, &ranks, &bought.worth)?)
}

/// Σ y · (ln Σ e^z - z) / users.
fn loss_of_shares(logits: &Tensor, bought: &Bought) -> Result<f64, TrainerError> {
    let logs = logits
        .f_logsumexp(1, false)?
        .f_mul(&worth(bought, logits)?)?;
    let chosen = logits.f_view([-1i64])?.f_index_select(0, &bought.places)?;
    let chosen = chosen.f_mul(&bought.worth)?.f_sum(Kind::Double)?;
    let sum = logs.f_sum(Kind::Double)?.f_sub(&chosen)?;
    Ok(sum.f_double_value(&[])? / logits.size()[0] as f64)
}

/// The mean cross-entropy of logits.
pub(super) fn loss(
    logits: &Tensor,
    balance: Option<&[Tensor; 2]>,
    batch: &Batch,
) -> Result<f64, TrainerError> {
    loss_of(logits, balance, &Bought::new(batch, logits)?, batch.link)
}

fn loss_of(
    logits: &Tensor,
    balance: Option<&[Tensor; 2]>,
    bought: &Bought,
    link: Link,
) -> Result<f64, TrainerError> {
    match link {
        Link::Logistic => Ok(sum_of(logits, balance, bought)? / logits.numel() as f64),
        Link::Softmax => loss_of_shares(logits, bought),
    }
}

/// Σ w · (softplus(z) - y z).
fn sum_of(
    logits: &Tensor,
    balance: Option<&[Tensor; 2]>,
    bought: &Bought,
) -> Result<f64, TrainerError> {
    let all = logits.f_softplus()?;
    let chosen = logits.f_view([-1i64])?.f_index_select(0, &bought.places)?;
    let chosen = chosen.f_mul(&bought.worth)?;
    let (all, chosen) = match balance {
        None => (all, chosen.f_neg()?),
        Some([without, with]) => {
            let soft = all.f_view([-1i64])?.f_index_select(0, &bought.places)?;
            let with = with.f_index_select(0, &bought.items)?;
            let counted = without.f_index_select(0, &bought.items)?.f_mul(&soft)?;
            let chosen = with.f_mul(&soft.f_sub(&chosen)?)?.f_sub(&counted)?;
            (all.f_mul(without)?, chosen)
        }
    };
    let sum = all
        .f_sum(Kind::Double)?
        .f_add(&chosen.f_sum(Kind::Double)?)?;
    Ok(sum.f_double_value(&[])?)
}

/// w (σ(z) - y) / numbers.
fn slopes(
    mut logits: Tensor,
    balance: Option<&[Tensor; 2]>,
    bought: &Bought,
) -> Result<Tensor, TrainerError> {
    let numbers = logits.numel() as f64;
    let mut slopes = logits.f_sigmoid_()?;
    let mut chosen = slopes.f_view([-1i64])?.f_index_select(0, &bought.places)?;
    let _ = chosen.f_sub_(&bought.worth)?;
    if let Some([without, with]) = balance {
        let _ = slopes.f_mul_(without)?;
        let _ = chosen.f_mul_(&with.f_index_select(0, &bought.items)?)?;
    }
    let mut flat = slopes.f_view([-1i64])?;
    let _ = flat.f_index_copy_(0, &bought.places, &chosen)?;
    Ok(slopes.f_div_scalar_(numbers)?)
}

/// (Σ y · share - y) / users.
fn slopes_of_shares(logits: &Tensor, bought: &Bought) -> Result<Tensor, TrainerError> {
    let worth = worth(bought, logits)?.f_unsqueeze(1)?;
    let mut slopes = logits.f_softmax(1, Kind::Float)?.f_mul(&worth)?;
    let mut flat = slopes.f_view([-1i64])?;
    let _ = flat.f_index_add_(0, &bought.places, &bought.worth.f_neg()?)?;
    Ok(slopes.f_div_scalar_(logits.size()[0] as f64)?)
}

/// The loss of vectors by rank, and its gradients.
pub(super) fn gradients(
    vectors: &Tensor,
    layer: &Layer<'_>,
    own: Option<&Own>,
    batch: &Batch,
) -> Result<Made, TrainerError> {
    let logits = added_to(vectors, layer.weights, layer.bias, own)?;
    let bought = Bought::new(batch, &logits)?;
    let loss = loss_of(&logits, layer.balance, &bought, batch.link)?;
    let slopes = match batch.link {
        Link::Logistic => slopes(logits, layer.balance, &bought)?,
        Link::Softmax => slopes_of_shares(&logits, &bought)?,
    };
    let flat = slopes.f_view([-1i64])?;
    let added = own.map(|own| flat.f_index_select(0, &own.places));
    Ok(Made {
        loss,
        vectors: slopes.f_matmul(layer.weights)?,
        weights: slopes.f_tr()?.f_matmul(vectors)?,
        bias: slopes.f_sum_dim_intlist(0i64, false, Kind::Float)?,
        added: added.transpose()?,
    })
}
