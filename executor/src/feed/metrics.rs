//! What the feed has done since its process began, and what it holds now.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use pannier_proto::metrics::{Kind, Metric, Sample, Unit};
use pannier_proto::wire::StepHeader;

use crate::feed::rows::Rows;
use crate::feed::turns::Turns;

/// What was made.
#[derive(Debug, Default)]
pub struct Served {
    steps: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    scan_us: AtomicU64,
    transform_us: AtomicU64,
    queue_us: AtomicU64,
}

impl Served {
    /// Counts a step in.
    pub fn count(&self, header: &StepHeader, rows: usize, bytes: usize) {
        let add = |to: &AtomicU64, n: u64| to.fetch_add(n, Relaxed);
        add(&self.steps, 1);
        add(&self.rows, rows as u64);
        add(&self.bytes, bytes as u64);
        add(&self.scan_us, header.scan_us);
        add(&self.transform_us, header.transform_us);
        add(&self.queue_us, header.queue_us);
    }

    /// All that there is to say.
    pub fn metrics(&self, rows: &Rows, turns: &Turns) -> Vec<Metric> {
        let read = |of: &AtomicU64| of.load(Relaxed) as f64;
        let counter = |name, help, value| Metric::one(Kind::Counter, name, help, value);
        let gauge = |name, help, value: usize| Metric::one(Kind::Gauge, name, help, value as f64);
        let seconds = |cause: &str, of: &AtomicU64| Sample {
            labels: vec![("cause", cause.to_owned())],
            value: read(of) / 1e6,
        };
        let help = "Time of steps: waiting for decoded rows, making them, and for a turn";
        let causes = [
            seconds("scan", &self.scan_us),
            seconds("transform", &self.transform_us),
            seconds("queue", &self.queue_us),
        ];
        let (open, making) = turns.taken();
        vec![
            counter("feed_steps", "Steps made", read(&self.steps)),
            counter("feed_rows", "Rows of steps made", read(&self.rows)),
            counter("feed", "Bytes of steps made", read(&self.bytes)).of(Unit::Bytes),
            Metric::new(Kind::Counter, "feed", help, causes).of(Unit::Seconds),
            counter(
                "feed_row_groups_read",
                "Row groups read and decoded",
                rows.reads() as f64,
            ),
            gauge("feed_cache", "Decoded row groups kept", rows.kept()).of(Unit::Bytes),
            gauge("feed_streams", "Streams open", open),
            gauge(
                "feed_streams_making",
                "Streams that make steps, of feed_streams",
                making,
            ),
        ]
    }
}
