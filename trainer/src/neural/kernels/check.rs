//! What tests of kernels share: numbers at random, and gradients by differences in double precision.

use pannier_proto::feed::KeyedRng;

/// Numbers from -1 to 1.
pub(crate) fn some(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = KeyedRng::new(seed);
    (0..len)
        .map(|_| rng.below(2001) as f32 / 1000.0 - 1.0)
        .collect()
}

/// In double precision.
pub(crate) fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|x| f64::from(*x)).collect()
}

/// Whether a gradient equals the differences of a function at a point.
pub(crate) fn assert_gradient(
    name: &str,
    gradient: &[f32],
    at: &[f32],
    of: impl Fn(&[f64]) -> f64,
) {
    assert_eq!(gradient.len(), at.len(), "{name}");
    let mut point = wide(at);
    for (place, ours) in gradient.iter().enumerate() {
        let (here, h) = (point[place], 1e-4);
        point[place] = here + h;
        let above = of(&point);
        point[place] = here - h;
        let difference = (above - of(&point)) / (2.0 * h);
        point[place] = here;
        let error = (f64::from(*ours) - difference).abs();
        assert!(
            error < 2e-5 * difference.abs().max(1.0),
            "{name}[{place}]: {ours} {difference}"
        );
    }
}

/// What a function gives on pools of one thread and of two, which must be equal.
pub(crate) fn on_pools<T: PartialEq + Send>(of: impl Fn() -> T + Sync) -> T {
    let [one, two] = [1, 2].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(&of)
    });
    assert!(one == two, "threads change the result");
    two
}
