//! The weights of a direction in the order of tiles: 16 units' gates i, f, g, o together.

use super::super::panels::Panels;
use super::super::simd::WIDTH;
use super::super::tile::COLUMNS;
use super::Weights;

/// Inputs' rows, then states', of panels of 16 units.
pub(super) fn gates(weights: &Weights<'_>) -> Panels {
    let (hidden, inputs) = (weights.hidden(), weights.inputs());
    Panels::filled(inputs + hidden, 4 * hidden, |first, _, out| {
        let unit = first / 4;
        let (of_inputs, of_states) = out.split_at_mut(inputs * COLUMNS);
        for (out, rows) in [(of_inputs, weights.input), (of_states, weights.recurrent)] {
            let rows = rows.chunks_exact(4 * hidden);
            for (out, row) in out.chunks_exact_mut(COLUMNS).zip(rows) {
                for (gate, out) in out.chunks_exact_mut(WIDTH).enumerate() {
                    out.copy_from_slice(&row[gate * hidden + unit..][..WIDTH]);
                }
            }
        }
    })
}

/// The bias in that order.
pub(super) fn bias(weights: &Weights<'_>) -> Vec<f32> {
    let hidden = weights.hidden();
    let units = (0..hidden).step_by(WIDTH);
    let gates = units.flat_map(|unit| (0..4).map(move |gate| gate * hidden + unit));
    gates
        .flat_map(|from| &weights.bias[from..from + WIDTH])
        .copied()
        .collect()
}

/// The transposed of rows [columns, 4 · hidden], its rows in that order.
pub(super) fn transposed(rows: &[f32], hidden: usize) -> Panels {
    let all = 4 * hidden;
    Panels::filled(all, rows.len() / all, |first, width, out| {
        for (place, out) in out.chunks_exact_mut(WIDTH * COLUMNS).enumerate() {
            let from = place % 4 * hidden + place / 4 * WIDTH;
            for column in 0..width {
                let row = &rows[(first + column) * all + from..][..WIDTH];
                for (out, x) in out[column..].iter_mut().step_by(COLUMNS).zip(row) {
                    *out = *x;
                }
            }
        }
    })
}

/// Writes rows [rows, 64] of a panel's gradient where they belong in [rows, 4 · hidden].
pub(super) fn unpack(panel: usize, hidden: usize, rows: &[f32], out: &mut [f32]) {
    let rows = rows.chunks_exact(COLUMNS);
    for (row, out) in rows.zip(out.chunks_exact_mut(4 * hidden)) {
        for (gate, row) in row.chunks_exact(WIDTH).enumerate() {
            out[gate * hidden + panel * WIDTH..][..WIDTH].copy_from_slice(row);
        }
    }
}
