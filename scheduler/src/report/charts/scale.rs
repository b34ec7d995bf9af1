//! Scales and ticks: from numbers to places along an axis, with round numbers at the ticks.
//! It must not draw.

/// A linear scale from `lo` to `hi`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    lo: f64,
    hi: f64,
}

impl Linear {
    /// The scale that just covers the finite ones of `values`; `None` where there is none.
    /// A single value gets room on both sides. What is so large that the length of the scale would
    /// overflow does not count as finite.
    pub fn covering(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut finite = values.into_iter().filter(|value| value.abs() < 1e300);
        let first = finite.next()?;
        let (lo, hi) = finite.fold((first, first), |(lo, hi), value| {
            (lo.min(value), hi.max(value))
        });
        if hi > lo {
            return Some(Self { lo, hi });
        }
        let room = if lo == 0.0 { 1.0 } else { lo.abs() * 0.1 };
        Some(Self {
            lo: lo - room,
            hi: hi + room,
        })
    }

    /// The same scale, reaching to zero.
    #[must_use]
    pub fn with_zero(self) -> Self {
        Self {
            lo: self.lo.min(0.0),
            hi: self.hi.max(0.0),
        }
    }

    /// The same scale, reaching to zero where that costs at most half of its length.
    #[must_use]
    pub fn with_zero_if_near(self) -> Self {
        let wide = self.with_zero();
        if self.hi - self.lo >= (wide.hi - wide.lo) * 0.5 {
            wide
        } else {
            self
        }
    }

    /// The same scale, as far below zero as above it.
    #[must_use]
    pub fn symmetric(self) -> Self {
        let reach = self.lo.abs().max(self.hi.abs());
        Self {
            lo: -reach,
            hi: reach,
        }
    }

    /// The same scale, widened so that it begins and ends at a tick.
    #[must_use]
    pub fn nice(self, target: u32) -> Self {
        let step = tick_step(self.hi - self.lo, target);
        // Without the slack 0.3 / 0.1 is a hair above 3 and a whole empty step is added.
        let (lo, hi) = (
            (self.lo / step + 1e-9).floor() * step,
            (self.hi / step - 1e-9).ceil() * step,
        );
        // The wider scale may call for a wider step, whose ticks must meet its ends in turn.
        if tick_step(hi - lo, target) > step * 1.5 {
            Self { lo, hi }.nice(target)
        } else {
            Self { lo, hi }
        }
    }

    /// The lower end.
    pub fn start(&self) -> f64 {
        self.lo
    }

    /// Where `value` stands, 0 at `lo` and 1 at `hi`, held inside.
    pub fn fraction(&self, value: f64) -> f64 {
        let fraction = (value - self.lo) / (self.hi - self.lo);
        if fraction.is_finite() {
            fraction.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// Round values inside the scale, about `target` of them, with their labels.
    pub fn ticks(&self, target: u32) -> Vec<(f64, String)> {
        let step = tick_step(self.hi - self.lo, target);
        self.multiples(step)
            .map(|value| (value, tick_label(value, step)))
            .collect()
    }

    /// Ticks for seconds: multiples that clocks have.
    pub fn time_ticks(&self, target: u32) -> Vec<(f64, String)> {
        let step = time_step(self.hi - self.lo, target);
        self.multiples(step)
            .map(|value| (value, time_label(value, step)))
            .collect()
    }

    fn multiples(&self, step: f64) -> impl Iterator<Item = f64> {
        let first = (self.lo / step - 1e-9).ceil() as i64;
        let last = (self.hi / step + 1e-9).floor() as i64;
        // Multiplying, not adding: a sum of steps drifts.
        (first..=last).map(move |i| i as f64 * step)
    }
}

/// A fraction of an axis as SVG writes it.
pub fn percent(fraction: f64) -> String {
    let text = format!("{:.3}", fraction * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The smallest of 1, 2, 5 · 10^k that needs at most `target` steps for `span`.
fn tick_step(span: f64, target: u32) -> f64 {
    let rough = span / f64::from(target.max(1));
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0);
    factor * power
}

fn time_step(span: f64, target: u32) -> f64 {
    const STEPS: [f64; 16] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0,
        7_200.0, 10_800.0, 21_600.0,
    ];
    let rough = span / f64::from(target.max(1));
    if rough < 1.0 {
        return tick_step(span, target);
    }
    STEPS
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or_else(|| tick_step(span / 43_200.0, target) * 43_200.0)
}

/// A label with as many decimals as `step` has, and `k` or `M` where the step is that large.
fn tick_label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let (unit, suffix) = match step {
        _ if step >= 1e9 => (1e9, "\u{a0}G"),
        _ if step >= 1e6 => (1e6, "\u{a0}M"),
        _ if step >= 1e3 => (1e3, "\u{a0}k"),
        _ => (1.0, ""),
    };
    // The slack: a step of 0.01 may be a hair below it.
    let decimals = (-((step / unit).log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
    format!("{:.decimals$}{suffix}", value / unit).replace('-', "−")
}

fn time_label(value: f64, step: f64) -> String {
    match step {
        _ if value == 0.0 => "0".to_owned(),
        _ if step >= 3_600.0 => format!("{:.0}\u{a0}h", value / 3_600.0),
        _ if step >= 60.0 => format!("{:.0}\u{a0}min", value / 60.0),
        _ if step >= 1.0 => format!("{value:.0}\u{a0}s"),
        _ => format!("{}\u{a0}s", tick_label(value, step)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Linear, target: u32) -> Vec<String> {
        scale
            .ticks(target)
            .into_iter()
            .map(|(_, label)| label.replace('\u{a0}', " "))
            .collect()
    }

    #[test]
    fn steps_are_one_two_or_five() {
        let steps = [(1.0, 5), (0.3, 3), (7.0, 4), (95_000.0, 5), (0.0013, 4)]
            .map(|(span, target)| tick_step(span, target));
        for (step, want) in steps.into_iter().zip([0.2, 0.1, 2.0, 20_000.0, 0.0005]) {
            assert!((step / want - 1.0).abs() < 1e-9, "{step} is not {want}");
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            labels(Linear { lo: 0.0, hi: 0.31 }, 4),
            ["0", "0.1", "0.2", "0.3"]
        );
        assert_eq!(
            labels(
                Linear {
                    lo: -0.004,
                    hi: 0.011
                },
                4
            ),
            ["0", "0.005", "0.010"]
        );
        assert_eq!(
            labels(
                Linear {
                    lo: 0.0,
                    hi: 61_250.0
                },
                4
            ),
            ["0", "20 k", "40 k", "60 k"]
        );
        assert_eq!(labels(Linear { lo: -2.0, hi: 2.0 }, 2), ["−2", "0", "2"]);
    }

    #[test]
    fn nice_scales_end_at_ticks_and_add_no_empty_step() {
        assert_eq!(
            Linear {
                lo: 0.0,
                hi: 0.1 + 0.2
            }
            .nice(3)
            .ticks(3)
            .len(),
            4
        );
        for (lo, hi) in [(0.083, 0.192), (0.19, 1.19), (-3.0, 4e6), (0.5, 0.500001)] {
            let scale = Linear { lo, hi }.nice(5);
            let ticks = scale.ticks(5);
            let ends = [ticks.first(), ticks.last()]
                .map(|tick| tick.map_or(-1.0, |(value, _)| scale.fraction(*value)));
            assert!(
                (2..=6).contains(&ticks.len()) && ends[0] < 1e-6 && ends[1] > 1.0 - 1e-6,
                "{scale:?} {ticks:?}"
            );
        }
    }

    #[test]
    fn odd_input_still_gives_a_scale() {
        assert_eq!(Linear::covering([f64::NAN, f64::INFINITY, f64::MIN]), None);
        let flat = Linear::covering([0.5, 0.5, f64::NAN]).map(|scale| scale.fraction(0.5));
        assert!(
            flat.is_some_and(|fraction| (fraction - 0.5).abs() < 1e-9),
            "{flat:?}"
        );
        let zero = Linear::covering([0.0])
            .map(Linear::with_zero)
            .map(|scale| scale.nice(4).ticks(4).len());
        assert!(
            zero.is_some_and(|ticks| (2..=6).contains(&ticks)),
            "{zero:?}"
        );
        assert_eq!(Linear { lo: 0.0, hi: 1.0 }.fraction(f64::NAN), 0.0);
    }

    #[test]
    fn zero_joins_only_where_it_is_near() {
        let near = Linear { lo: 0.08, hi: 0.19 }.with_zero_if_near();
        let far = Linear { lo: 0.91, hi: 0.93 }.with_zero_if_near();
        assert_eq!((near.lo, far.lo), (0.0, 0.91));
    }

    #[test]
    fn time_ticks_follow_the_clock() {
        let time = |hi: f64| {
            Linear { lo: 0.0, hi }
                .time_ticks(6)
                .into_iter()
                .map(|(_, label)| label.replace('\u{a0}', " "))
        };
        assert_eq!(time(0.9).next_back().as_deref(), Some("0.8 s"));
        assert_eq!(
            time(75.0).collect::<Vec<_>>(),
            ["0", "15 s", "30 s", "45 s", "60 s", "75 s"]
        );
        assert_eq!(time(760.0).next_back().as_deref(), Some("10 min"));
        assert_eq!(time(40_000.0).next_back().as_deref(), Some("10 h"));
        assert_eq!(time(400_000.0).next_back().as_deref(), Some("96 h"));
    }

    #[test]
    fn percentages_are_short() {
        assert_eq!(
            [0.0, 1.0, 0.5, 1.0 / 3.0].map(percent),
            ["0%", "100%", "50%", "33.333%"]
        );
    }
}
