//! libtorch, by tch-rs: the only module that knows it, behind the feature `tch`. Models here have the
//! weights, names and shapes that they have on flex, and are told apart by speed and last bits only.
//!
//! tch-rs itself and not burn's backend for it: the same step takes burn-tch twice as long, and burn has
//! given it up after 0.22. Everything runs on one thread: libtorch keeps a team of threads, which spin,
//! for each thread that calls it.

pub(crate) mod attention_lstm;
mod tensors;
mod weights;

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tch::TchError;

use crate::device::Device;
use crate::error::TrainerError;

/// Readies libtorch for the process, with so many threads of the CPU.
///
/// # Errors
/// [`TrainerError::Config`] where the device is not there.
pub(crate) fn start(device: Device, threads: usize) -> Result<(), TrainerError> {
    on_thread(|| {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX).max(1));
        place(device).map(drop)
    })
}

/// Where tensors of a device lie.
fn place(device: Device) -> Result<tch::Device, TrainerError> {
    match device {
        Device::Tch => Ok(tch::Device::Cpu),
        Device::TchCuda if tch::Cuda::is_available() => Ok(tch::Device::Cuda(0)),
        Device::TchCuda if tch::utils::has_cuda() => Err(device.unusable(
            "libtorch finds no CUDA device; see what `nvidia-smi` says, or say `tch` or `flex`",
        )),
        Device::TchCuda => Err(device.unusable(
            "this libtorch knows no CUDA; build against one that does (trainer/libtorch.py --cuda)",
        )),
        Device::Flex => Err(TrainerError::bug("flex is no device of libtorch")),
    }
}

/// Does work on libtorch's thread.
fn on_thread<T: Send>(
    work: impl FnOnce() -> Result<T, TrainerError> + Send,
) -> Result<T, TrainerError> {
    static THREAD: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let made = || {
        let one = ThreadPoolBuilder::new().num_threads(1);
        one.thread_name(|_| "libtorch".into()).build().ok()
    };
    match THREAD.get_or_init(made) {
        Some(thread) => thread.install(work),
        None => Err(TrainerError::bug("libtorch's thread cannot be started")),
    }
}

impl From<TchError> for TrainerError {
    /// The first line: below it are addresses in libtorch.
    fn from(error: TchError) -> Self {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        if text.contains("out of memory") {
            let reason = format!("they need more memory than the device has; lower batch: {line}");
            return Self::data("params", reason);
        }
        Self::bug(format!("libtorch: {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_refused_at_its_key() {
        assert!(start(Device::Tch, 1).is_ok());
        let error = match start(Device::TchCuda, 1) {
            Ok(()) => return assert!(tch::Cuda::is_available()),
            Err(error) => error,
        };
        assert!(matches!(error, TrainerError::Config { key: "device", .. }));
        assert!(error.to_string().contains("CUDA"), "{error}");
    }

    #[test]
    fn errors_are_a_line() {
        let torch = |text: &str| TrainerError::from(TchError::Torch(text.into()));
        let error = torch("CUDA out of memory. Tried\nframe #0");
        assert!(matches!(error, TrainerError::Data { what: "params", .. }));
        let text = torch("shapes\nframe #0: at 0x1").to_string();
        assert!(text.contains("shapes") && !text.contains("frame"), "{text}");
    }
}
