//! The LSTM of both directions over packed sequences: libtorch's own where no states are dropped, made
//! of its operations, both directions at once, where some are.

use tch::{Device, Kind, Tensor};

use super::super::tensors::{long, places};
use crate::error::TrainerError;
use crate::neural::kernels::Packing;

/// The weights of a direction; gates, in the order i, f, g, o, as rows.
#[derive(Clone, Copy)]
pub(super) struct Direction<'a> {
    /// [4 · hidden, inputs].
    pub input: &'a Tensor,
    /// [4 · hidden, hidden].
    pub recurrent: &'a Tensor,
    /// [4 · hidden].
    pub bias: &'a Tensor,
    /// [4 · hidden] zeros.
    pub no_bias: &'a Tensor,
}

/// States of packed sequences, [rows, 2 · hidden], of `x` [rows, inputs]; `learn`: gradients will be
/// asked for.
pub(super) fn packed(
    x: &Tensor,
    ways: [Direction<'_>; 2],
    packing: &Packing,
    learn: bool,
) -> Result<Tensor, TrainerError> {
    let (steps, users, rows) = (packing.longest(), packing.sequences(), packing.rows());
    let hidden = ways[0].recurrent.size()[1];
    let zeros = Tensor::f_zeros([2, long(users), hidden], (Kind::Float, x.device()))?;
    let first = [&zeros, &zeros];
    let weights = ways.iter();
    let weights = weights.flat_map(|way| [way.input, way.recurrent, way.bias, way.no_bias]);
    let weights: Vec<&Tensor> = weights.collect();
    if steps * users == rows {
        // As long as each other: there is nothing to pack, and libtorch is faster so.
        let x = x.f_view([long(steps), long(users), -1])?;
        let (states, ..) = x.f_lstm(&first, &weights, true, 1, 0.0, learn, true, false)?;
        return Ok(states.f_view([long(rows), 2 * hidden])?);
    }
    let active = places((0..steps).map(|step| packing.active(step)), Device::Cpu)?;
    let (states, ..) =
        Tensor::f_lstm_data(x, &active, &first, &weights, true, 1, 0.0, learn, true)?;
    Ok(states)
}

/// The same where the states that enter a step have factors, [2, sequences, hidden].
pub(super) fn dropped(
    x: &Tensor,
    [ahead, back]: [Direction<'_>; 2],
    packing: &Packing,
    factors: &Tensor,
) -> Result<Tensor, TrainerError> {
    // Rows with every sequence the other way round; doing it twice undoes it.
    let turned = |step: usize| {
        let last = move |rank: usize| packing.lengths[rank] as usize - 1 - step;
        (0..packing.active(step)).map(move |rank| packing.row(last(rank), rank))
    };
    let turned = places((0..packing.longest()).flat_map(turned), x.device())?;
    let both = |a: &Tensor, b: &Tensor| Tensor::f_stack(&[a, b], 0);
    let input = both(ahead.input, back.input)?.f_transpose(1, 2)?;
    let recurrent = both(ahead.recurrent, back.recurrent)?.f_transpose(1, 2)?;
    let bias = both(ahead.bias, back.bias)?.f_unsqueeze(1)?;
    let x = both(x, &x.f_index_select(0, &turned)?)?;
    let gates = bias.f_baddbmm(&x, &input, 1.0, 1.0)?;
    let mut h = factors.f_zeros_like()?;
    let mut c = h.shallow_clone();
    let mut states = Vec::with_capacity(packing.longest());
    for step in 0..packing.longest() {
        let active = long(packing.active(step));
        let those = |of: &Tensor| of.f_narrow(1, 0, active);
        let entering = those(&h)?.f_mul(&those(factors)?)?;
        let gates = gates.f_narrow(1, i64::from(packing.steps[step]), active)?;
        let gates = gates
            .f_baddbmm(&entering, &recurrent, 1.0, 1.0)?
            .f_chunk(4, 2)?;
        let [i, f, g, o] = &gates[..] else {
            return Err(TrainerError::bug("an LSTM without four gates"));
        };
        let taken_in = i.f_sigmoid()?.f_mul(&g.f_tanh()?)?;
        c = f.f_sigmoid()?.f_mul(&those(&c)?)?.f_add(&taken_in)?;
        h = o.f_sigmoid()?.f_mul(&c.f_tanh()?)?;
        states.push(h.shallow_clone());
    }
    let states = Tensor::f_cat(&states, 1)?;
    let back = states.f_select(0, 1)?.f_index_select(0, &turned)?;
    Ok(Tensor::f_cat(&[states.f_select(0, 0)?, back], 1)?)
}
