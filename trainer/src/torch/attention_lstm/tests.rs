//! The model on libtorch against the same on flex: from the same first weights, by the same batches.

use pannier_proto::feed::KeyedRng;

use super::*;
use crate::neural::attention_lstm::{History, NEAR_FEATURES, Near, Scorer, learner};

const SIZES: Sizes = Sizes {
    items: 60,
    embedding: 24,
    hidden: 32,
    attention: 16,
    repeat: 0,
    layers: 1,
    near: false,
};
/// Of numbers of the order of 1, on the CPU.
const CLOSE: f64 = 1e-4;

/// Users' histories, as long as each other or not, and what they bought next.
fn users(seed: u64, even: bool) -> (Vec<History>, Vec<Vec<u32>>) {
    let mut rng = KeyedRng::new(seed);
    let mut basket = |most: u32| -> Vec<u32> {
        let mut items: Vec<u32> = (0..=rng.below(most))
            .map(|_| rng.below(SIZES.items as u32))
            .collect();
        items.sort_unstable();
        items.dedup();
        items
    };
    let mut long = KeyedRng::new(seed ^ 1);
    let mut length = || if even { 5 } else { 1 + long.below(7) };
    let histories = (0..12).map(|_| (0..length()).map(|_| basket(6)).collect());
    let histories: Vec<History> = histories.collect();
    let targets = histories.iter().map(|_| basket(8)).collect();
    (histories, targets)
}

/// What neighbours say of a user's own items, and of every seventh.
fn near(history: &History, seed: u64) -> Vec<Near> {
    let mut rng = KeyedRng::new(seed);
    let bought = |item: u32| history.iter().flatten().any(|own| *own == item);
    let items = (0..SIZES.items as u32).filter(|item| bought(*item) || item.is_multiple_of(7));
    let near = items.map(|item| Near {
        item,
        own: bought(item),
        features: [(); NEAR_FEATURES].map(|()| rng.below(1000) as f32 / 1000.0),
    });
    near.collect()
}

fn balance() -> Vec<[f32; 2]> {
    let of = |item: usize| [0.5 + item as f32 / 100.0, 9.0 - item as f32 / 10.0];
    (0..SIZES.items).map(of).collect()
}

/// What a training may have besides.
#[derive(Clone, Copy, Default)]
struct Case {
    repeat: usize,
    layers: usize,
    near: bool,
    shares: bool,
    balanced: bool,
    even: bool,
    how: Rates,
}

impl Case {
    fn sizes(&self) -> Sizes {
        Sizes {
            repeat: self.repeat,
            layers: self.layers,
            near: self.near,
            ..SIZES
        }
    }

    fn learner(&self, device: Device) -> Box<dyn Learns> {
        let balance = self.balanced.then(balance);
        learner(device, self.sizes(), self.sizes().first(7), balance).unwrap()
    }

    fn batch(&self, step: u64) -> Batch {
        let (histories, targets) = users(step % 4, self.even);
        let batch = self.of(&histories, &targets, step);
        match self.shares {
            true => batch.of_shares(&targets, 3),
            false => batch,
        }
    }

    fn of(&self, histories: &[History], targets: &[Vec<u32>], step: u64) -> Batch {
        if !self.near {
            return self.sizes().batch(histories, targets).unwrap();
        }
        let near: Vec<Vec<Near>> = histories
            .iter()
            .map(|history| near(history, step))
            .collect();
        let batch = Batch::new(histories, targets, SIZES.items).unwrap();
        batch.with_near(histories, &near, SIZES.items)
    }

    fn step(&self, learner: &mut dyn Learns, step: u64) -> f64 {
        let how = Rates {
            rate: 0.003,
            seed: step,
            ..self.how
        };
        learner.step(&self.batch(step), &how).unwrap()
    }
}

/// Every option by itself, and all of them together.
fn cases() -> Vec<Case> {
    let plain = Case {
        layers: 1,
        ..Case::default()
    };
    let dropped = Rates {
        dropout: 0.2,
        recurrent_dropout: 0.3,
        ..Rates::default()
    };
    let how = Rates {
        l2: 0.01,
        clip_norm: 0.05,
        ..dropped
    };
    let all = Case {
        repeat: 8,
        layers: 2,
        near: true,
        shares: true,
        balanced: true,
        even: true,
        how,
    };
    vec![
        plain,
        Case { repeat: 8, ..plain },
        Case {
            repeat: 8,
            layers: 2,
            ..plain
        },
        Case {
            repeat: 8,
            near: true,
            ..plain
        },
        Case {
            balanced: true,
            ..plain
        },
        Case {
            shares: true,
            ..plain
        },
        Case {
            even: true,
            ..plain
        },
        Case {
            how: dropped,
            ..plain
        },
        Case {
            how: Rates {
                decay: 0.1,
                clip_norm: 0.05,
                ..Rates::default()
            },
            ..plain
        },
        all,
    ]
}

fn devices() -> Vec<Device> {
    let all = [Device::Tch, Device::TchCuda].into_iter();
    all.filter(|device| device.start(1).is_ok()).collect()
}

/// The largest distance of two lists, in parts of the largest number of the second and 1e-3 at least.
fn apart(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let size = theirs.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    let far = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    f64::from(far.fold(0.0f32, f32::max) / size)
}

#[test]
fn losses_of_fifty_steps_are_those_of_flex() {
    for (at, case) in cases().into_iter().enumerate() {
        for device in devices() {
            let close = if device == Device::Tch { CLOSE } else { 1e-2 };
            let (mut flex, mut torch) = (case.learner(Device::Flex), case.learner(device));
            for step in 0..50 {
                let [ours, theirs] =
                    [&mut torch, &mut flex].map(|learner| case.step(&mut **learner, step));
                let far = (ours - theirs).abs() / theirs;
                assert!(
                    far < close,
                    "case {at}, {device}, step {step}: {ours} {theirs}"
                );
            }
        }
    }
}

/// After one step, the means are a tenth of the gradients.
#[test]
fn gradients_are_those_of_flex() {
    for (at, case) in cases().into_iter().enumerate() {
        for device in devices() {
            let close = if device == Device::Tch { CLOSE } else { 1e-2 };
            let (mut flex, mut torch) = (case.learner(Device::Flex), case.learner(device));
            case.step(&mut *flex, 0);
            case.step(&mut *torch, 0);
            let (flex, torch) = (flex.kept().unwrap(), torch.kept().unwrap());
            assert_eq!((torch.steps, &torch.learned), (flex.steps, &flex.learned));
            let all = |kept: &Kept| -> Vec<Moments> {
                let all = std::iter::once(&kept.items).chain(&kept.moments);
                all.cloned().collect()
            };
            let (ours, theirs) = (all(&torch), all(&flex));
            let shapes = case.sizes().shapes();
            assert_eq!([ours.len(), theirs.len()], [shapes.len(); 2]);
            for ((ours, theirs), (name, _)) in ours.iter().zip(&theirs).zip(shapes) {
                assert!(theirs.means.iter().any(|x| *x != 0.0), "{name}");
                let far = apart(&ours.means, &theirs.means);
                assert!(far < close, "case {at}, {device}, {name}: {far}");
                let far = apart(&ours.squares, &theirs.squares);
                assert!(far < close, "case {at}, {device}, squares of {name}: {far}");
            }
        }
    }
}

#[test]
fn scores_are_those_of_flex() {
    for repeat in [0, 8] {
        let sizes = Sizes { repeat, ..SIZES };
        let (histories, targets) = users(3, false);
        let flex = Scorer::new(Device::Flex, sizes, sizes.first(5)).unwrap();
        let theirs = flex.score(&histories).unwrap();
        let batch = sizes.batch(&histories, &targets).unwrap();
        let (judged, loss) = flex.judge(&batch).unwrap();
        for device in devices() {
            let close = if device == Device::Tch { CLOSE } else { 1e-2 };
            let torch = Scorer::new(device, sizes, sizes.first(5)).unwrap();
            assert!(torch.score(&[]).unwrap().is_empty());
            assert!(apart(&torch.score(&histories).unwrap(), &theirs) < close);
            let (ours, of_ours) = torch.judge(&batch).unwrap();
            assert!(apart(&ours, &judged) < close && (of_ours - loss).abs() < close);
        }
    }
}

/// A training that was broken off goes on from what was kept, on the device or on the other.
#[test]
fn what_was_kept_goes_on_anywhere() {
    let case = Case {
        repeat: 8,
        layers: 2,
        near: true,
        ..Case::default()
    };
    for device in devices() {
        let close = if device == Device::Tch { CLOSE } else { 1e-2 };
        let mut whole = case.learner(device);
        for step in 0..10 {
            case.step(&mut *whole, step);
        }
        let (weights, kept) = (whole.weights().unwrap(), whole.kept().unwrap());
        for other in [device, Device::Flex] {
            let mut resumed = learner(other, case.sizes(), weights.clone(), None).unwrap();
            resumed.resume(kept.clone()).unwrap();
            if other == device {
                assert_eq!(resumed.weights().unwrap(), weights);
                assert_eq!(resumed.kept().unwrap(), kept);
            }
            let mut one = learner(device, case.sizes(), weights.clone(), None).unwrap();
            one.resume(kept.clone()).unwrap();
            for step in 10..20 {
                let (ours, theirs) = (case.step(&mut *resumed, step), case.step(&mut *one, step));
                assert!((ours - theirs).abs() / theirs < close, "{other} {step}");
            }
        }
    }
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let mut weights = SIZES.first(3);
    weights[3].numbers.pop();
    for device in devices() {
        assert!(Learner::new(device, SIZES, &weights, None).is_err());
        assert!(Ranker::new(device, SIZES, &SIZES.first(3)[1..]).is_err());
    }
}
