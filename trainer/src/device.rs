//! Where neural models compute: which devices there are, and whether this program has one. What a
//! device does is in `neural` and `torch`.
//!
//! Models that are closed form (prod2vec, cust2vec, ALS, segments, next-basket baselines) compute on
//! the CPU, in plain Rust, whatever the device.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::TrainerError;

/// A device of neural models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The CPU, by kernels of our own: the same bytes at any number of threads.
    #[default]
    Flex,
    /// The CPU, by libtorch.
    Tch,
    /// The first CUDA GPU, by libtorch.
    TchCuda,
}

impl Device {
    /// Its name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Tch => "tch",
            Self::TchCuda => "tch-cuda",
        }
    }

    /// Readies the device for the process; `threads` are those of the CPU that it may compute on.
    ///
    /// # Errors
    /// [`TrainerError::Config`] where this program or this machine does not have it.
    pub fn start(self, threads: usize) -> Result<(), TrainerError> {
        match self {
            Self::Flex => Ok(()),
            #[cfg(feature = "tch")]
            Self::Tch | Self::TchCuda => crate::torch::start(self, threads),
            #[cfg(not(feature = "tch"))]
            Self::Tch | Self::TchCuda => {
                let _ = threads;
                Err(self.missing())
            }
        }
    }

    /// What is said where this program is built without libtorch.
    #[cfg(not(feature = "tch"))]
    pub(crate) fn missing(self) -> TrainerError {
        self.unusable(
            "this program is built without libtorch; build it with the feature `tch` (trainer/libtorch.py says how), or say `flex`",
        )
    }

    /// A configuration that asks for a device that is not there.
    pub(crate) fn unusable(self, reason: &str) -> TrainerError {
        TrainerError::Config {
            key: "device",
            reason: format!("`{self}`: {reason}"),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configurations() {
        for device in [Device::Flex, Device::Tch, Device::TchCuda] {
            let text = format!("\"{device}\"");
            assert_eq!(serde_json::to_string(&device).unwrap(), text);
            assert_eq!(serde_json::from_str::<Device>(&text).unwrap(), device);
        }
        assert!(Device::Flex.start(1).is_ok());
    }

    /// Before it says hello to anyone: nobody listens at that address.
    #[test]
    fn a_trainer_without_its_device_does_not_begin() {
        if Device::TchCuda.start(1).is_ok() {
            return;
        }
        let config = crate::TrainerConfig {
            device: Device::TchCuda,
            scheduler: "http://127.0.0.1:1".into(),
            ..crate::TrainerConfig::default()
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let served = runtime.block_on(crate::serve(config, std::future::pending()));
        let error = served.unwrap_err();
        assert!(matches!(error, TrainerError::Config { key: "device", .. }));
    }

    #[cfg(not(feature = "tch"))]
    #[test]
    fn a_device_that_is_not_built_in_is_refused_at_its_key() {
        for device in [Device::Tch, Device::TchCuda] {
            let error = device.start(1).unwrap_err();
            assert!(matches!(error, TrainerError::Config { key: "device", .. }));
            let text = error.to_string();
            assert!(text.contains("feature `tch`") && text.contains(device.name()));
        }
    }
}
