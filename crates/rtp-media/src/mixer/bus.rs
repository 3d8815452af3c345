//! The sum of all voices of one rate, and the way from each rate to the others.

use super::kernel::{Instructions, add, add_sums, halve, minus, saturate};
use crate::resample::{Rate, Resampler};

/// One for each rate.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Buses {
    tick_ms: u16,
    #[cfg_attr(feature = "serde", serde(skip))]
    instructions: Instructions,
    buses: [Bus; Rate::ALL.len()],
    /// Between the rates at which there are parties.
    links: Vec<Link>,
}

#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Bus {
    parties: usize,
    /// A tick long where there are parties; zeros where nobody says anything.
    sums: Vec<i32>,
    /// Who has added something, other rates counting as one each.
    voices: usize,
    /// The sums as samples, once somebody listens to them.
    shared: Vec<i16>,
    is_cut: bool,
    /// The sums as halves, once somebody listens who speaks as well.
    halves: [Vec<i16>; 2],
    is_halved: bool,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Link {
    from: Rate,
    to: Rate,
    resampler: Resampler,
    sums: Vec<i32>,
    sounds: bool,
}

impl Buses {
    pub(super) fn new(tick_ms: u16, instructions: Instructions) -> Self {
        Self {
            tick_ms,
            instructions,
            buses: Default::default(),
            links: Vec::new(),
        }
    }

    /// A party of this rate has come.
    pub(super) fn enter(&mut self, rate: Rate) {
        let length = rate.samples(self.tick_ms);
        let bus = self.bus_mut(rate);
        bus.parties += 1;
        if bus.parties > 1 {
            return;
        }
        (bus.sums, bus.shared) = (vec![0; length], vec![0; length]);
        bus.halves = [vec![0; length], vec![0; length]];
        for other in Rate::ALL {
            if other != rate && self.bus(other).parties > 0 {
                for (from, to) in [(rate, other), (other, rate)] {
                    self.links.push(Link {
                        from,
                        to,
                        resampler: Resampler::new(from, to),
                        sums: vec![0; to.samples(self.tick_ms)],
                        sounds: false,
                    });
                }
            }
        }
    }

    /// A party of this rate has left.
    pub(super) fn leave(&mut self, rate: Rate) {
        let bus = self.bus_mut(rate);
        bus.parties -= 1;
        if bus.parties == 0 {
            *bus = Bus::default();
            self.links.retain(|link| link.from != rate && link.to != rate);
        }
    }

    /// Begins a tick.
    pub(super) fn clear(&mut self) {
        for bus in &mut self.buses {
            if bus.voices > 0 {
                bus.sums.fill(0);
                bus.voices = 0;
            }
            (bus.is_cut, bus.is_halved) = (false, false);
        }
    }

    /// Adds a voice.
    pub(super) fn add(&mut self, rate: Rate, frame: &[i16]) {
        let instructions = self.instructions;
        let bus = self.bus_mut(rate);
        bus.voices += 1;
        add(instructions, &mut bus.sums, frame);
    }

    /// Adds a voice that a gain was laid on.
    pub(super) fn add_sums(&mut self, rate: Rate, sums: &[i32]) {
        let instructions = self.instructions;
        let bus = self.bus_mut(rate);
        bus.voices += 1;
        add_sums(instructions, &mut bus.sums, sums);
    }

    /// Brings what is said at each rate to the others.
    pub(super) fn exchange(&mut self) {
        for link in &mut self.links {
            let bus = self.buses.get(link.from.index());
            let Some(bus) = bus.filter(|bus| bus.voices > 0 || !link.resampler.is_silent()) else {
                link.sounds = false;
                continue;
            };
            link.sounds = link.resampler.process_sums(&bus.sums, &mut link.sums).is_ok();
        }
        let instructions = self.instructions;
        for link in self.links.iter().filter(|link| link.sounds) {
            if let Some(bus) = self.buses.get_mut(link.to.index()) {
                bus.voices += 1;
                add_sums(instructions, &mut bus.sums, &link.sums);
            }
        }
    }

    /// How many voices there are at a rate.
    pub(super) fn voices(&self, rate: Rate) -> usize {
        self.bus(rate).voices
    }

    /// What all at a rate say together.
    pub(super) fn sums(&self, rate: Rate) -> &[i32] {
        &self.bus(rate).sums
    }

    /// Makes sure that there are samples for those who say nothing.
    pub(super) fn cut(&mut self, rate: Rate) {
        let instructions = self.instructions;
        let bus = self.bus_mut(rate);
        if !bus.is_cut {
            saturate(instructions, &bus.sums, &mut bus.shared);
            bus.is_cut = true;
        }
    }

    /// Puts what all others say in place of what one says, where that was added as it is.
    pub(super) fn take_out(&mut self, rate: Rate, frame: &mut [i16]) {
        let instructions = self.instructions;
        let bus = self.bus_mut(rate);
        let [first, second] = &mut bus.halves;
        if !bus.is_halved {
            halve(instructions, &bus.sums, first, second);
            bus.is_halved = true;
        }
        minus(instructions, first, second, frame);
    }

    /// The samples for those who say nothing.
    pub(super) fn shared(&self, rate: Rate) -> &[i16] {
        &self.bus(rate).shared
    }

    #[expect(clippy::indexing_slicing, reason = "a bus for each rate")]
    const fn bus(&self, rate: Rate) -> &Bus {
        &self.buses[rate.index()]
    }

    #[expect(clippy::indexing_slicing, reason = "a bus for each rate")]
    const fn bus_mut(&mut self, rate: Rate) -> &mut Bus {
        &mut self.buses[rate.index()]
    }
}
