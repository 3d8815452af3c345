use std::borrow::Cow;

/// An audio encoding as `a=rtpmap` names it.
///
/// `==` compares every field, the spelling of the name included; [`same_as`](Self::same_as) is what negotiation uses.
///
/// ```
/// use sdp::Codec;
///
/// let opus = Codec { channels: 2, fmtp: Some("useinbandfec=1".into()), ..Codec::audio("opus", 48_000) };
/// assert!(!opus.same_as(&Codec::audio("opus", 48_000)), "one channel is not two");
/// assert_eq!(Codec::from_static(9), Some(Codec::G722));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Codec {
    /// Encoding name (`PCMU`), compared without regard to case.
    pub name: Cow<'static, str>,
    /// RTP clock rate in hertz (8000 for G.722 too, RFC 3551 §4.5.2).
    pub clock_rate: u32,
    /// Number of channels; 1 where `rtpmap` names none.
    pub channels: u8,
    /// What we send as `a=fmtp` with it, without payload type.
    pub fmtp: Option<String>,
}

impl Codec {
    /// G.711 µ-law, static payload type 0.
    pub const PCMU: Codec = Codec::audio("PCMU", 8000);
    /// G.711 A-law, static payload type 8.
    pub const PCMA: Codec = Codec::audio("PCMA", 8000);
    /// G.722 at 64 kbit/s, static payload type 9.
    pub const G722: Codec = Codec::audio("G722", 8000);

    /// A codec of one channel and no format parameters.
    #[must_use]
    pub const fn audio(name: &'static str, clock_rate: u32) -> Self {
        Self {
            name: Cow::Borrowed(name),
            clock_rate,
            channels: 1,
            fmtp: None,
        }
    }

    /// Whether both name the same encoding: name without regard to case, clock rate and channels. `fmtp` is not compared.
    #[must_use]
    pub fn same_as(&self, other: &Codec) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
    }

    /// What a static payload type means without `rtpmap` (RFC 3551 §6, audio).
    #[must_use]
    pub const fn from_static(payload_type: u8) -> Option<Codec> {
        Some(match payload_type {
            0 => Codec::PCMU,
            3 => Codec::audio("GSM", 8000),
            4 => Codec::audio("G723", 8000),
            5 => Codec::audio("DVI4", 8000),
            6 => Codec::audio("DVI4", 16_000),
            7 => Codec::audio("LPC", 8000),
            8 => Codec::PCMA,
            9 => Codec::G722,
            10 => Codec {
                name: Cow::Borrowed("L16"),
                clock_rate: 44_100,
                channels: 2,
                fmtp: None,
            },
            11 => Codec::audio("L16", 44_100),
            12 => Codec::audio("QCELP", 8000),
            13 => Codec::audio("CN", 8000),
            14 => Codec::audio("MPA", 90_000),
            15 => Codec::audio("G728", 8000),
            16 => Codec::audio("DVI4", 11_025),
            17 => Codec::audio("DVI4", 22_050),
            18 => Codec::audio("G729", 8000),
            _ => return None,
        })
    }

    /// Reads the part of `a=rtpmap` after the payload type: `PCMU/8000` or `opus/48000/2`.
    pub(crate) fn from_rtpmap(text: &str) -> Option<Codec> {
        let mut parts = text.split('/').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let clock_rate = parts.next()?.parse().ok().filter(|rate| *rate > 0)?;
        let channels = match parts.next() {
            None | Some("") => 1,
            Some(channels) => channels.parse().ok().filter(|count| *count > 0)?,
        };
        Some(Codec {
            name: Cow::Owned(name.to_owned()),
            clock_rate,
            channels,
            fmtp: None,
        })
    }

    pub(crate) fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtpmap_is_read_tolerantly() {
        for (text, name, rate, channels) in [
            ("PCMU/8000", "PCMU", 8000, 1),
            ("pcmu/8000/1", "pcmu", 8000, 1),
            ("opus/48000/2", "opus", 48_000, 2),
            ("G722 / 8000 /", "G722", 8000, 1),
        ] {
            let codec = Codec::from_rtpmap(text).unwrap();
            assert_eq!(
                (codec.name.as_ref(), codec.clock_rate, codec.channels),
                (name, rate, channels),
                "{text}"
            );
        }
        for text in [
            "",
            "/8000",
            "PCMU",
            "PCMU/",
            "PCMU/0",
            "PCMU/-1",
            "PCMU/99999999999",
            "L16/8000/0",
            "L16/8000/256",
        ] {
            assert_eq!(Codec::from_rtpmap(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_compared_without_case_but_with_rate_and_channels() {
        let lower = Codec::from_rtpmap("pcma/8000").unwrap();
        assert!(lower.same_as(&Codec::PCMA));
        assert!(!lower.same_as(&Codec::PCMU));
        assert!(!Codec::audio("PCMA", 16_000).same_as(&lower));
        assert!(
            !Codec {
                channels: 2,
                ..Codec::PCMA
            }
            .same_as(&lower)
        );
    }

    #[test]
    fn static_types_that_are_unassigned_mean_nothing() {
        for payload_type in [1, 2, 19, 25, 26, 34, 72, 95, 96, 127, 128, 255] {
            assert_eq!(Codec::from_static(payload_type), None);
        }
        assert_eq!(Codec::from_static(10).unwrap().channels, 2);
    }
}
