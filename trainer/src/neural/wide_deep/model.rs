//! Wide and deep written against burn's tensors, with burn's own gradients: what the fused step of
//! `pannier-wide-deep` is checked against, and what a device that the fused step does not know can run. No
//! dropout; tables are leaves whole, so that their gradients are dense.

use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use pannier_wide_deep::{Batch, Named, Sizes};

use crate::error::TrainerError;

/// ε of batch normalisation, as Keras has it.
const EPSILON: f32 = 1e-3;

/// Weights [inputs, outputs] and biases of a layer.
#[derive(Debug, Clone)]
struct Layer {
    weights: Tensor<2>,
    bias: Tensor<1>,
}

impl Layer {
    fn of(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weights.clone()) + self.bias.clone().unsqueeze()
    }
}

/// Scale, shift and layer of the context.
#[derive(Debug, Clone)]
struct Context {
    scale: Tensor<1>,
    shift: Tensor<1>,
    layer: Layer,
}

/// The model, on a device.
#[derive(Debug, Clone)]
pub struct WideDeep {
    sizes: Sizes,
    device: Device,
    /// Of items, users and categories.
    tables: [Tensor<2>; 3],
    crosses: Option<Tensor<1>>,
    wide: Layer,
    deep: Vec<Layer>,
    join: Layer,
    context: Option<Context>,
    output: Tensor<1>,
    bias: Tensor<1>,
}

/// Weights by name, on their way to a device.
struct Taken<'a> {
    weights: &'a [Named],
    device: &'a Device,
}

impl Taken<'_> {
    fn tensor<const D: usize>(&self, name: &str) -> Result<Tensor<D>, TrainerError> {
        let missing = || TrainerError::data("weights", format!("there is no `{name}`"));
        let named = self.weights.iter().find(|named| named.name == name);
        let named = named.ok_or_else(missing)?;
        let data = TensorData::new(named.numbers.clone(), named.shape.clone());
        let tensor = Tensor::from_data(data, self.device);
        Ok(if tensor.is_autodiff() {
            tensor.require_grad()
        } else {
            tensor
        })
    }

    fn layer(&self, name: &str) -> Result<Layer, TrainerError> {
        Ok(Layer {
            weights: self.tensor(&format!("{name}.weights"))?,
            bias: self.tensor(&format!("{name}.bias"))?,
        })
    }
}

impl WideDeep {
    /// With the weights of [`Sizes::shapes`].
    ///
    /// # Errors
    /// [`TrainerError::Data`] where one is missing or of another shape.
    pub fn new(sizes: Sizes, weights: &[Named], device: &Device) -> Result<Self, TrainerError> {
        sizes.fits(weights)?;
        let taken = Taken { weights, device };
        let deep = (0..sizes.deep.len()).map(|at| taken.layer(&format!("deep.{at}")));
        let context = || -> Result<Context, TrainerError> {
            Ok(Context {
                scale: taken.tensor("context.scale")?,
                shift: taken.tensor("context.shift")?,
                layer: taken.layer("context")?,
            })
        };
        let crosses = !sizes.crosses.is_empty();
        let has_context = !sizes.context.is_empty();
        Ok(Self {
            tables: [
                taken.tensor("items")?,
                taken.tensor("users")?,
                taken.tensor("categories")?,
            ],
            crosses: crosses.then(|| taken.tensor("crosses")).transpose()?,
            wide: taken.layer("wide")?,
            deep: deep.collect::<Result<_, _>>()?,
            join: taken.layer("join")?,
            context: has_context.then(context).transpose()?,
            output: taken.tensor("output.weights")?,
            bias: taken.tensor("output.bias")?,
            device: device.clone(),
            sizes,
        })
    }

    /// The logit of each row, \[rows\], the context normalised by the rows' own mean and variance.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where rows do not fit.
    pub fn logits(&self, batch: &Batch) -> Result<Tensor<1>, TrainerError> {
        let rows = batch.labels.len();
        let crossed = self.sizes.crossed(&batch.rows())?;
        let places = |indices: &[u32]| {
            let places: Vec<i32> = indices.iter().map(|index| *index as i32).collect();
            let data = TensorData::new(places, [indices.len()]);
            Tensor::<1, Int>::from_data(data, &self.device)
        };
        let indices = [&batch.items, &batch.users, &batch.categories];
        let vectors = self.tables.iter().zip(indices);
        let vectors = vectors.map(|(table, of)| table.clone().select(0, places(of)));
        let x = Tensor::cat(vectors.collect(), 1);
        let wide = self.wide.of(x.clone());
        let deep = self.deep.iter().fold(x, |x, layer| relu(layer.of(x)));
        let mut last = relu(self.join.of(Tensor::cat(vec![wide, deep], 1)));
        if let Some(Context {
            scale,
            shift,
            layer,
        }) = &self.context
        {
            let shape = [rows, self.sizes.context.len()];
            let data = TensorData::new(batch.context.clone(), shape);
            let numbers = Tensor::<2>::from_data(data, &self.device);
            let apart = numbers.clone() - numbers.mean_dim(0);
            let variance = (apart.clone() * apart.clone()).mean_dim(0);
            let hat = apart / (variance + EPSILON).sqrt();
            let normed = hat * scale.clone().unsqueeze() + shift.clone().unsqueeze();
            last = Tensor::cat(vec![last, relu(layer.of(normed))], 1);
        }
        let weighted = last * self.output.clone().unsqueeze();
        let mut logits: Tensor<1> = weighted.sum_dim(1).squeeze_dim(1);
        if let Some(crosses) = &self.crosses {
            let shape = [rows, self.sizes.crosses.len()];
            let numbers = crosses.clone().select(0, places(&crossed));
            let numbers: Tensor<2> = numbers.reshape(shape);
            let sums: Tensor<1> = numbers.sum_dim(1).squeeze_dim(1);
            logits = logits + sums;
        }
        Ok(logits + self.bias.clone())
    }

    /// The mean loss of a batch, \[1\]; `classes`: what an example counts that was not bought, and one that
    /// was.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn loss(&self, batch: &Batch, classes: [f32; 2]) -> Result<Tensor<1>, TrainerError> {
        let logits = self.logits(batch)?;
        let shape = [batch.labels.len()];
        let of = |numbers: Vec<f32>| {
            Tensor::<1>::from_data(TensorData::new(numbers, shape), &self.device)
        };
        let weight = |label: &f32| classes[usize::from(*label > 0.5)];
        let weights = of(batch.labels.iter().map(weight).collect());
        let labels = of(batch.labels.clone());
        // max(z, 0) - z·y + ln(1 + e^-|z|)
        let softened = ((-logits.clone().abs()).exp() + 1.0).log();
        let losses = relu(logits.clone()) - logits * labels + softened;
        Ok((losses * weights).mean())
    }

    /// Gradients of a loss by the weights' names.
    ///
    /// # Errors
    /// [`TrainerError::Bug`] where a weight has none: the device differentiates nothing.
    pub fn gradients(&self, loss: &Tensor<1>) -> Result<Vec<Named>, TrainerError> {
        let gradients = loss.backward();
        let mut all = Vec::new();
        let mut take = |name: String, data: Option<TensorData>| {
            let missing = || TrainerError::bug(format!("`{name}` has no gradient"));
            let data = data.ok_or_else(missing)?;
            let shape = data.shape().to_vec();
            let numbers = data
                .try_to_vec::<f32>()
                .map_err(|e| TrainerError::bug(format!("{e:?}")))?;
            all.push(Named {
                name,
                shape,
                numbers,
            });
            Ok::<(), TrainerError>(())
        };
        for (name, table) in ["items", "users", "categories"]
            .into_iter()
            .zip(&self.tables)
        {
            take(name.into(), table.grad(&gradients).map(Tensor::into_data))?;
        }
        let deep = self.deep.iter().enumerate();
        let deep = deep.map(|(at, layer)| (format!("deep.{at}"), layer));
        let mut layers: Vec<(String, &Layer)> = deep.collect();
        layers.push(("wide".into(), &self.wide));
        layers.push(("join".into(), &self.join));
        let mut vectors = vec![
            ("output.weights", &self.output),
            ("output.bias", &self.bias),
        ];
        vectors.extend(self.crosses.iter().map(|crosses| ("crosses", crosses)));
        if let Some(context) = &self.context {
            layers.push(("context".into(), &context.layer));
            vectors.push(("context.scale", &context.scale));
            vectors.push(("context.shift", &context.shift));
        }
        for (name, layer) in layers {
            let weights = layer.weights.grad(&gradients).map(Tensor::into_data);
            take(format!("{name}.weights"), weights)?;
            let bias = layer.bias.grad(&gradients).map(Tensor::into_data);
            take(format!("{name}.bias"), bias)?;
        }
        for (name, vector) in vectors {
            take(name.into(), vector.grad(&gradients).map(Tensor::into_data))?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use pannier_proto::feed::KeyedRng;
    use pannier_wide_deep::{Learner, Rates};

    use super::*;

    fn sizes() -> Sizes {
        Sizes {
            items: 40,
            users: 30,
            categories: 7,
            embedding: 16,
            wide: 32,
            deep: vec![16; 4],
            join: 16,
            context: vec!["price".into(), "views".into(), "time".into()],
            context_units: 16,
            crosses: vec![["category".into(), "user".into()]],
            cross_buckets: 50,
        }
    }

    fn batch(sizes: &Sizes, rows: usize, seed: u64) -> Batch {
        let mut rng = KeyedRng::new(seed);
        let mut draw = |n: usize| (0..rows).map(|_| rng.below(n as u32)).collect::<Vec<_>>();
        let bought = draw(2);
        let (users, items) = (draw(sizes.users), draw(sizes.items));
        let (categories, numbers) = (draw(sizes.categories), [draw(900), draw(9), draw(70)]);
        let context = (0..rows).flat_map(|row| numbers.iter().map(move |of| of[row] as f32));
        Batch {
            context: context.collect(),
            labels: bought.iter().map(|of| *of as f32).collect(),
            users,
            items,
            categories,
        }
    }

    /// Losses of burn's own gradients with dense Adam, beside those of the fused step.
    #[test]
    fn the_fused_step_learns_as_burns_own_gradients_do() {
        let (sizes, classes, rate) = (sizes(), [0.6, 2.5], 0.01);
        let mut weights = sizes.first(7);
        let mut learner = Learner::new(sizes.clone(), &weights, classes).unwrap();
        let mut moments: Vec<Vec<[f64; 2]>> = Vec::new();
        let device = Device::flex().autodiff();
        for t in 1..=50 {
            let batch = batch(&sizes, 300, t % 5);
            let model = WideDeep::new(sizes.clone(), &weights, &device).unwrap();
            let loss = model.loss(&batch, classes).unwrap();
            let expected = f64::from(loss.clone().into_scalar::<f32>());
            let how = Rates {
                rate,
                ..Rates::default()
            };
            let loss_of_step = learner.step(&batch, &how).unwrap();
            let close = (loss_of_step - expected).abs() < 1e-4;
            assert!(close, "step {t}: {loss_of_step} {expected}");
            let gradients = model.gradients(&loss).unwrap();
            moments.resize(gradients.len(), Vec::new());
            for (gradient, moments) in gradients.iter().zip(&mut moments) {
                moments.resize(gradient.numbers.len(), [0.0; 2]);
                let of = weights
                    .iter_mut()
                    .find(|of| of.name == gradient.name)
                    .unwrap();
                let state = of.numbers.iter_mut().zip(moments);
                for ((w, [m, v]), g) in state.zip(&gradient.numbers) {
                    let g = f64::from(*g);
                    *m = 0.9 * *m + 0.1 * g;
                    *v = 0.999 * *v + 0.001 * g * g;
                    let (m, v) = (
                        *m / (1.0 - 0.9f64.powf(t as f64)),
                        *v / (1.0 - 0.999f64.powf(t as f64)),
                    );
                    *w -= (rate * m / (v.sqrt() + 1e-8)) as f32;
                }
            }
        }
    }
}
