//! The learning rate of a step, and what an epoch's measure changes. Pure.

use pannier_proto::spec::{AttentionLstmParams, Schedule, WideDeepParams};
use serde::{Deserialize, Serialize};

/// What a model's params say of rates and of when it is enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    learning_rate: f64,
    warmup_steps: u32,
    schedule: Schedule,
    plateau_factor: f64,
    plateau_patience: u32,
    patience: u32,
}

impl From<&AttentionLstmParams> for Rule {
    fn from(params: &AttentionLstmParams) -> Self {
        Self {
            learning_rate: params.learning_rate,
            warmup_steps: params.warmup_steps,
            schedule: params.schedule,
            plateau_factor: params.plateau_factor,
            plateau_patience: params.plateau_patience,
            patience: params.patience,
        }
    }
}

impl From<&WideDeepParams> for Rule {
    fn from(params: &WideDeepParams) -> Self {
        Self {
            learning_rate: params.learning_rate,
            warmup_steps: params.warmup_steps,
            schedule: params.schedule,
            plateau_factor: params.plateau_factor,
            plateau_patience: params.plateau_patience,
            patience: params.patience,
        }
    }
}

/// The rate of global step `step` of `total`; `factor`: what plateaus have left of it.
pub(crate) fn rate(params: impl Into<Rule>, step: u64, total: u64, factor: f64) -> f64 {
    let params = params.into();
    let warm = u64::from(params.warmup_steps);
    if step < warm {
        return params.learning_rate * (step + 1) as f64 / warm as f64;
    }
    let fall = match params.schedule {
        Schedule::Constant => 1.0,
        Schedule::Plateau => factor,
        Schedule::Cosine => {
            let done = (step - warm) as f64 / (total - warm).max(1) as f64;
            (1.0 + (std::f64::consts::PI * done).cos()) / 2.0
        }
    };
    params.learning_rate * fall
}

/// What measures of epochs came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// The best measure, larger is better, and its epoch.
    pub best: Option<(f64, u64)>,
    /// Epochs since then.
    pub since: u32,
    /// Epochs since then, or since the rate fell.
    pub waited: u32,
    /// What plateaus have left of the rate.
    pub factor: f64,
    /// It is enough.
    pub stopped: bool,
}

impl Watched {
    /// Before the first epoch.
    pub(crate) const NEW: Self = Self {
        best: None,
        since: 0,
        waited: 0,
        factor: 1.0,
        stopped: false,
    };

    /// Takes an epoch's measure, larger is better; whether it is the best so far.
    pub(crate) fn epoch(&mut self, params: impl Into<Rule>, epoch: u64, measure: f64) -> bool {
        let params = params.into();
        if self.best.is_none_or(|(best, _)| measure > best) {
            (self.best, self.since, self.waited) = (Some((measure, epoch)), 0, 0);
            return true;
        }
        self.since += 1;
        self.waited += 1;
        if params.schedule == Schedule::Plateau && self.waited >= params.plateau_patience {
            self.factor *= params.plateau_factor;
            self.waited = 0;
        }
        self.stopped = params.patience > 0 && self.since >= params.patience;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_and_fall() {
        let params = AttentionLstmParams {
            learning_rate: 1.0,
            warmup_steps: 4,
            schedule: Schedule::Cosine,
            ..AttentionLstmParams::default()
        };
        let of = |params: &AttentionLstmParams, step| rate(params, step, 24, 0.25);
        assert_eq!(
            [of(&params, 0), of(&params, 3), of(&params, 4)],
            [0.25, 1.0, 1.0]
        );
        assert!((of(&params, 14) - 0.5).abs() < 1e-12 && of(&params, 23) < 0.01);
        let plateau = AttentionLstmParams {
            schedule: Schedule::Plateau,
            ..params
        };
        assert_eq!(of(&plateau, 20), 0.25);
    }

    #[test]
    fn it_stops_and_slows_down_after_epochs_that_brought_nothing() {
        let params = AttentionLstmParams {
            schedule: Schedule::Plateau,
            plateau_patience: 2,
            plateau_factor: 0.5,
            patience: 3,
            ..AttentionLstmParams::default()
        };
        let mut watched = Watched::NEW;
        let better: Vec<bool> = [1.0, 0.5, 2.0, 2.0, 1.0]
            .into_iter()
            .enumerate()
            .map(|(epoch, measure)| watched.epoch(&params, epoch as u64, measure))
            .collect();
        assert_eq!(better, [true, false, true, false, false]);
        assert_eq!(
            (watched.best, watched.factor, watched.stopped),
            (Some((2.0, 2)), 0.5, false)
        );
        watched.epoch(&params, 5, f64::NAN);
        assert!(watched.stopped && watched.factor == 0.5);
    }
}
