//! Numbers of this program as tensors of libtorch, and back.

use tch::{Device, Tensor};

use crate::error::TrainerError;

/// A shape, or a count, as libtorch has it.
pub(super) fn long(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Numbers, row after row, on a device.
pub(super) fn floats(numbers: &[f32], shape: &[i64], on: Device) -> Result<Tensor, TrainerError> {
    let tensor = Tensor::f_from_slice(numbers)?.f_view(shape)?;
    Ok(tensor.f_to(on)?)
}

/// Places on a device.
pub(super) fn places(
    places: impl Iterator<Item = usize>,
    on: Device,
) -> Result<Tensor, TrainerError> {
    let places: Vec<i64> = places.map(long).collect();
    Ok(Tensor::f_from_slice(&places)?.f_to(on)?)
}

/// A tensor's numbers, one after another.
pub(super) fn read(tensor: &Tensor) -> Result<Vec<f32>, TrainerError> {
    let tensor = tensor.f_to(Device::Cpu)?.f_contiguous()?;
    let mut numbers = vec![0.0f32; tensor.numel()];
    let count = numbers.len();
    tensor.f_copy_data(&mut numbers, count)?;
    Ok(numbers)
}
