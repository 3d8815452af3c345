//! The time for which a caller of endless patience would wait at servers whose other callers hang up.
//!
//! With τ the time in mean patiences, x = nμ/θ and y = λ/θ, its density is proportional to `exp φ(τ)` with
//! `φ(τ) = y (1 - e^-τ) - x τ` (Baccelli & Hebuterne 1981; Mandelbaum & Zeltyn 2007, "Service engineering in action"). All that
//! is asked of it are integrals over positive functions times this one, which has one peak. They are summed by Gauss and Legendre's
//! rule over pieces on which φ changes little, around the peak or the end next to it, so that neither a large φ nor
//! the difference of large numbers costs digits.

/// Where φ is this much below its highest value, the rest is not seen any more.
const DEPTH: f64 = 42.0;
/// How much φ may change within a piece.
const PIECE: f64 = 8.0;
/// Gauss-Legendre points and weights of order 16 on -1 to 1, the positive half (Abramowitz & Stegun 25.4.30).
const RULE: [(f64, f64); 8] = [
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_89),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
];

/// The law of the wait, in units of the mean patience.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Wait {
    /// Servers' rate over the callers' rate of hanging up.
    x: f64,
    /// Arrivals' rate over the callers' rate of hanging up.
    y: f64,
    /// `y - x`, made before the division so that it is exact.
    excess: f64,
}

/// Integrals of the density over an interval, all to be multiplied by `e^log` to be comparable with those of others.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Mass {
    /// φ at the reference point less φ at the peak.
    pub(super) log: f64,
    /// Of all.
    pub(super) all: f64,
    /// Of those whose patience is shorter.
    pub(super) impatient: f64,
    /// Of those whose patience is longer.
    pub(super) patient: f64,
    /// Of these, times the wait.
    pub(super) patient_time: f64,
}

impl Wait {
    pub(super) fn new(servers_rate: f64, arrivals: f64, patience_rate: f64) -> Self {
        Self {
            x: servers_rate / patience_rate,
            y: arrivals / patience_rate,
            excess: (arrivals - servers_rate) / patience_rate,
        }
    }

    /// Arrivals within a mean patience.
    pub(super) fn arrivals(&self) -> f64 {
        self.y
    }

    /// φ at its peak: 0 unless more calls come than are served.
    pub(super) fn height(&self) -> f64 {
        if self.excess > 0.0 {
            self.x * less_ln_1p(self.excess / self.x)
        } else {
            0.0
        }
    }

    /// The integrals from `from` to `to`, which may be infinite.
    pub(super) fn mass(&self, from: f64, to: f64) -> Mass {
        let peak = if self.excess > 0.0 {
            (self.excess / self.x).ln_1p()
        } else {
            0.0
        };
        let centre = peak.max(from).min(to);
        let at_peak = Around {
            rate: if self.excess > 0.0 { self.x } else { self.y },
            slope: self.excess.min(0.0),
        };
        let around = if centre == peak {
            at_peak
        } else {
            Around {
                rate: self.y * (-centre).exp(),
                slope: self.slope(centre),
            }
        };
        let mut mass = Mass {
            log: at_peak.phi(centre - peak),
            ..Mass::default()
        };
        let low = around.left_edge(from - centre);
        let high = if to > centre {
            around.right_edge(self.x).min(to - centre)
        } else {
            0.0
        };
        let smooth_from = DEPTH + self.y.ln_1p();
        let mut at = low;
        while at < high {
            let widest = if at + centre < smooth_from { 1.0 } else { f64::INFINITY };
            let next = (at + around.piece(at).min(widest)).min(high);
            if next <= at {
                break;
            }
            around.add(&mut mass, centre, at, next);
            at = next;
        }
        mass
    }

    /// `y e^-τ - x`, by the way on which the smaller numbers are subtracted.
    fn slope(&self, at: f64) -> f64 {
        let (left, gone) = (self.y * (-at).exp(), self.y * (-at).exp_m1());
        if left + self.x < self.excess.abs() - gone {
            left - self.x
        } else {
            self.excess + gone
        }
    }
}

/// φ around a point, less its value there: `φ(s) = slope s - rate (s - 1 + e^-s)`.
#[derive(Clone, Copy)]
struct Around {
    rate: f64,
    slope: f64,
}

impl Around {
    fn phi(self, s: f64) -> f64 {
        self.slope * s - self.rate * bend(s, (-s).exp_m1())
    }

    fn rise(self, s: f64) -> f64 {
        self.slope + self.rate * (-s).exp_m1()
    }

    /// How far one can go from `s` until φ has changed by [`PIECE`].
    fn piece(self, s: f64) -> f64 {
        let rise = self.rise(s).abs();
        2.0 * PIECE / (rise + (rise * rise + 2.0 * PIECE * self.rate * (-s).exp()).sqrt())
    }

    /// A point at or somewhat before the one where φ is [`DEPTH`] below, at least `lowest`. φ is concave, so that Newton's steps
    /// stay on the outer side.
    fn left_edge(self, lowest: f64) -> f64 {
        let mut s = lowest;
        for _ in 0..100 {
            let over = self.phi(s) + DEPTH;
            if over >= -1.0 {
                break;
            }
            s -= over / self.rise(s);
        }
        s.min(0.0)
    }

    /// A point at or somewhat behind the one where φ is [`DEPTH`] below. `fall` is how steep φ gets in the end.
    fn right_edge(self, fall: f64) -> f64 {
        let mut s = (DEPTH + self.rate) / fall;
        for _ in 0..100 {
            let over = self.phi(s) + DEPTH;
            if over >= -1.0 {
                break;
            }
            s -= over / self.rise(s);
        }
        s
    }

    fn add(self, mass: &mut Mass, centre: f64, from: f64, to: f64) {
        let (middle, half) = (from + (to - from) / 2.0, (to - from) / 2.0);
        let (kept, gone) = ((-centre).exp(), -(-centre).exp_m1());
        for (point, weight) in RULE {
            for s in [middle - half * point, middle + half * point] {
                let e = (-s).exp_m1();
                let density = (self.slope * s - self.rate * bend(s, e)).exp() * weight * half;
                let patient = density * kept * (1.0 + e);
                mass.all += density;
                mass.impatient += density * (gone - kept * e);
                mass.patient += patient;
                mass.patient_time += patient * (centre + s);
            }
        }
    }
}

/// `s - 1 + e^-s`, given `e = e^-s - 1`.
fn bend(s: f64, e: f64) -> f64 {
    if s.abs() > 0.5 {
        return s + e;
    }
    // s²/2! - s³/3! + s⁴/4! … by Horner's rule: s²/2 (1 - s/3 (1 - s/4 (1 - …))).
    let mut inner = 1.0;
    for k in (3..=15_u8).rev() {
        inner = 1.0 - s / f64::from(k) * inner;
    }
    s * s / 2.0 * inner
}

/// `r - ln(1 + r)` for `r ≥ 0`.
fn less_ln_1p(r: f64) -> f64 {
    if r > 1.0 {
        return r - r.ln_1p();
    }
    // ln(1 + r) = 2 artanh z with z = r / (2 + r), of which r - 2 z = r z.
    let z = r / (2.0 + r);
    let square = z * z;
    let mut series = 0.0;
    for k in (1..=18_u8).rev() {
        series = series * square + 1.0 / f64::from(2 * k + 1);
    }
    r * z - 2.0 * z * square * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_keep_their_digits() {
        assert!((less_ln_1p(1e-8) / (0.5e-16 - 1e-24 / 3.0) - 1.0).abs() < 1e-15);
        assert!((less_ln_1p(1.0) / (1.0 - core::f64::consts::LN_2) - 1.0).abs() < 1e-14);
        assert!((bend(1e-8, (-1e-8_f64).exp_m1()) / (0.5e-16 - 1e-24 / 6.0) - 1.0).abs() < 1e-15);
        let (inside, outside) = (bend(0.5, (-0.5_f64).exp_m1()), -0.5 + (-0.5_f64).exp());
        assert!((inside / outside - 1.0).abs() < 1e-14);
    }

    #[test]
    fn the_whole_is_the_sum_of_its_parts() {
        for (servers, arrivals, patience) in [
            (50.0, 48.0, 0.5),
            (80.0, 100.0, 0.1),
            (1.0, 10.0, 1e9),
            (1.0, 1e-6, 1e-6),
            (1e6, 1e6, 1e-6),
            (1e-3, 5.0, 1.0),
        ] {
            let wait = Wait::new(servers, arrivals, patience);
            let whole = wait.mass(0.0, f64::INFINITY);
            for cut in [1e-6, 1e-3, 0.1, 1.0, 10.0] {
                let (before, after) = (wait.mass(0.0, cut), wait.mass(cut, f64::INFINITY));
                let part = |of: fn(&Mass) -> f64| before.log.exp() * of(&before) + after.log.exp() * of(&after);
                let parts: [(f64, f64); 4] = [
                    (part(|m| m.all), whole.all),
                    (part(|m| m.impatient), whole.impatient),
                    (part(|m| m.patient), whole.patient),
                    (part(|m| m.patient_time), whole.patient_time),
                ];
                for (sum, whole) in parts {
                    assert!(
                        (sum / whole - 1.0).abs() < 1e-12,
                        "{servers} {arrivals} {patience} {cut}: {sum} {whole}"
                    );
                }
            }
        }
    }
}
