//! What a side did, and how it is printed.

use std::time::Instant;

/// What was read of an epoch.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sample {
    pub batches: u64,
    pub rows: u64,
    /// Bytes over the wire; 0 in process.
    pub bytes: u64,
    /// Sum of all item indices of the first columns: the same rows have the same sum.
    pub items: u64,
    pub seconds: f64,
    /// Processor seconds of this process.
    pub cpu: f64,
}

impl Sample {
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            batches: self.batches + other.batches,
            rows: self.rows + other.rows,
            bytes: self.bytes + other.bytes,
            items: self.items + other.items,
            seconds: self.seconds + other.seconds,
            cpu: self.cpu + other.cpu,
        }
    }

    pub fn print(&self, feed: &str, side: &str, round: u64) {
        println!(
            "{{\"feed\":\"{feed}\",\"side\":\"{side}\",\"round\":{round},\"batches\":{},\"rows\":{},\"wire_bytes\":{},\"seconds\":{:.4},\"cpu_seconds\":{:.4},\"rows_per_second\":{:.0}}}",
            self.batches,
            self.rows,
            self.bytes,
            self.seconds,
            self.cpu,
            self.rows as f64 / self.seconds
        );
    }
}

/// Wall and processor time since it was started.
pub struct Clock {
    began: Instant,
    cpu: f64,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            cpu: cpu_seconds("self"),
        }
    }

    pub fn stop(&self, sample: &mut Sample) {
        sample.seconds = self.began.elapsed().as_secs_f64();
        sample.cpu = cpu_seconds("self") - self.cpu;
    }
}

/// User and system time of a process, in hundredths of a second (proc(5), fields 14 and 15); 0 where
/// there is no such file.
pub fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
