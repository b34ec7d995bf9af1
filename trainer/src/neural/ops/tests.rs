//! The operations against the same made of burn's own, by its own autodiff.

use burn::tensor::{Device, activation};

use super::super::kernels::check::some;
use super::*;

fn leaf<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::<D>::from_data(TensorData::new(numbers, shape), &device).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn same(name: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < 2e-5, "{name}: {a} {b}");
    }
}

/// One direction, sequence after sequence, step after step.
fn composed(x: &Tensor<2>, direction: &Direction, packing: &Packing, back: bool) -> Vec<Tensor<2>> {
    let hidden = direction.2.dims()[0] / 4;
    let mut rows = vec![None; packing.rows()];
    for (rank, length) in packing.lengths.iter().enumerate() {
        let mut h = Tensor::<2>::zeros([1, hidden], &x.device());
        let mut c = h.clone();
        for place in 0..*length as usize {
            let step = if back {
                *length as usize - 1 - place
            } else {
                place
            };
            let row = packing.row(step, rank);
            let of_x = x.clone().narrow(0, row, 1).matmul(direction.0.clone());
            let gates = of_x + h.matmul(direction.1.clone()) + direction.2.clone().unsqueeze();
            let gate = |g: usize| gates.clone().slice([0..1, g * hidden..(g + 1) * hidden]);
            let [i, f, o] = [0, 1, 3].map(|g| activation::sigmoid(gate(g)));
            c = f * c + i * gate(2).tanh();
            h = o * c.clone().tanh();
            rows[row] = Some(h.clone());
        }
    }
    rows.into_iter().flatten().collect()
}

/// Users' vectors made of burn's own operations; `attention`: hidden weights, and bias as a row.
fn users(
    x: &Tensor<2>,
    [ahead, back]: [&Direction; 2],
    attention: [&Tensor<2>; 2],
    score: &Tensor<1>,
    packing: &Packing,
) -> Tensor<2> {
    let one = Tensor::cat(composed(x, ahead, packing, false), 0);
    let other = Tensor::cat(composed(x, back, packing, true), 0);
    let states = Tensor::cat(vec![one, other], 1);
    let users = packing.lengths.iter().enumerate().map(|(rank, length)| {
        let rows = (0..*length as usize).map(|step| {
            let row = packing.row(step, rank);
            states.clone().narrow(0, row, 1)
        });
        let rows = Tensor::cat(rows.collect(), 0);
        let bent = (rows.clone().matmul(attention[0].clone()) + attention[1].clone()).tanh();
        let scores = bent.matmul(score.clone().unsqueeze_dim(1));
        (activation::softmax(scores, 0) * rows).sum_dim(0)
    });
    Tensor::cat(users.collect(), 0)
}

#[test]
fn gradients_equal_burns_own() {
    let (inputs, hidden, units, items) = (5, 16, 7, 11);
    let packing = Arc::new(Packing::new(&[3, 1, 4]));
    let direction = |seed| -> Direction {
        (
            leaf(some(inputs * 4 * hidden, seed), [inputs, 4 * hidden]),
            leaf(some(hidden * 4 * hidden, seed + 1), [hidden, 4 * hidden]),
            leaf(some(4 * hidden, seed + 2), [4 * hidden]),
        )
    };
    let bought: [&[u32]; 3] = [&[1, 4], &[10], &[0, 4, 5]];
    let everything: Vec<u32> = (0..items as u32).collect();
    let target = Target {
        bought: Arc::new(Targets::new(bought.iter().copied(), items)),
        link: Link::Logistic,
        balance: None,
        pairs: Arc::new(Targets::new([&everything[..]; 3].into_iter(), items)),
    };
    let dense: Vec<f32> = bought
        .iter()
        .flat_map(|bought| (0..items as u32).map(|i| f32::from(u8::from(bought.contains(&i)))))
        .collect();
    let gradients = |fused: bool| {
        let x = leaf(some(packing.rows() * inputs, 1), [packing.rows(), inputs]);
        let (ahead, back) = (direction(10), direction(20));
        let w = leaf(some(2 * hidden * units, 30), [2 * hidden, units]);
        let (b, v) = (
            leaf(some(units, 31), [units]),
            leaf(some(units, 32), [units]),
        );
        let out = leaf(some(items * 2 * hidden, 33), [items, 2 * hidden]);
        let bias = leaf(some(items, 34), [items]);
        let added = leaf(some(3 * items, 35), [3 * items]);
        let loss = if fused {
            let states = bilstm(
                x.clone(),
                ahead.clone(),
                back.clone(),
                Arc::clone(&packing),
                None,
            );
            let users = attend(
                states,
                w.clone(),
                b.clone(),
                v.clone(),
                Arc::clone(&packing),
            );
            // As where something else comes between: what is handed back is not 1.
            output_loss(
                users,
                out.clone(),
                bias.clone(),
                added.clone(),
                target.clone(),
            ) * 3.0
        } else {
            let users = users(
                &x,
                [&ahead, &back],
                [&w, &b.clone().unsqueeze()],
                &v,
                &packing,
            );
            let z = users.matmul(out.clone().transpose()) + bias.clone().unsqueeze();
            let z = z + added.clone().reshape([items, 3]).transpose();
            let y = Tensor::<2>::from_data(TensorData::new(dense.clone(), [3, items]), &z.device());
            let z = z.clone().exp().log1p() - z * y;
            z.mean() * 3.0
        };
        let value = numbers(loss.clone());
        let grads = loss.backward();
        let all = vec![
            numbers(x.grad(&grads).unwrap()),
            numbers(ahead.0.grad(&grads).unwrap()),
            numbers(ahead.1.grad(&grads).unwrap()),
            numbers(ahead.2.grad(&grads).unwrap()),
            numbers(back.0.grad(&grads).unwrap()),
            numbers(back.1.grad(&grads).unwrap()),
            numbers(back.2.grad(&grads).unwrap()),
            numbers(w.grad(&grads).unwrap()),
            numbers(b.grad(&grads).unwrap()),
            numbers(v.grad(&grads).unwrap()),
            numbers(out.grad(&grads).unwrap()),
            numbers(bias.grad(&grads).unwrap()),
            numbers(added.grad(&grads).unwrap()),
        ];
        (value, all)
    };
    let (ours, theirs) = (gradients(true), gradients(false));
    same("loss", &ours.0, &theirs.0);
    for (at, (ours, theirs)) in ours.1.iter().zip(&theirs.1).enumerate() {
        same(&format!("gradient {at}"), ours, theirs);
    }
}
