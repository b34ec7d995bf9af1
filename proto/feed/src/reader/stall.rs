//! What a reader waited for.

use std::time::Duration;

use pannier_proto::work::StallLedger;

use super::Spent;

/// Books a wait: what the executor says it spent on the step, as far as the wait covers it, and the
/// rest as the network's. Where the wait was shorter than the executor's time, the executor had
/// been ahead: the wait is divided as its time was.
pub fn book_wait(stall: &mut StallLedger, wait: Duration, spent: Spent) {
    let (wait, seconds) = (wait.as_secs_f64(), |us: u64| us as f64 * 1e-6);
    let (scan, transform) = (seconds(spent.scan_us), seconds(spent.transform_us));
    let queue = seconds(spent.queue_us);
    let known = scan + transform + queue;
    let whole = wait.max(known).max(f64::MIN_POSITIVE);
    stall.scan += wait * scan / whole;
    stall.transform += wait * transform / whole;
    stall.queue += wait * queue / whole;
    stall.network += wait * (whole - known) / whole;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_divided_without_loss() {
        let booked = |wait_ms, scan_us, transform_us, queue_us| {
            let mut stall = StallLedger::default();
            let spent = Spent {
                scan_us,
                transform_us,
                queue_us,
            };
            book_wait(&mut stall, Duration::from_millis(wait_ms), spent);
            [stall.scan, stall.transform, stall.queue, stall.network]
        };
        let close = |a: [f64; 4], b: [f64; 4]| {
            let apart: f64 = a.iter().zip(b).map(|(x, y)| (x - y).abs()).sum();
            assert!(apart < 1e-9, "{a:?} {b:?}");
        };
        close(booked(100, 30_000, 10_000, 0), [0.03, 0.01, 0.0, 0.06]);
        close(
            booked(100, 30_000, 10_000, 20_000),
            [0.03, 0.01, 0.02, 0.04],
        );
        close(booked(20, 30_000, 10_000, 0), [0.015, 0.005, 0.0, 0.0]);
        close(booked(0, 0, 0, 0), [0.0; 4]);
    }
}
