//! WAV files: 8 kHz, one channel, 16-bit PCM or G.711.

use crate::codec::CodecKind;

/// Why a WAV file cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// It does not start like a WAV file.
    #[error("not a RIFF/WAVE file")]
    NotWav,
    /// The file ends inside its header or a chunk's header.
    #[error("the file ends too early")]
    Truncated,
    /// There is sound without a format chunk before it, or a format chunk that is too short.
    #[error("there is no usable format chunk")]
    NoFormat,
    /// There is no data chunk.
    #[error("there is no data chunk")]
    NoData,
    /// Neither PCM nor G.711.
    #[error("format {0} is neither PCM (1), A-law (6) nor µ-law (7)")]
    Format(u16),
    /// PCM of another width than 16 bits, or G.711 of another than 8.
    #[error("{0} bits a sample are not supported")]
    Width(u16),
    /// Not one channel.
    #[error("{0} channels instead of one")]
    Channels(u16),
    /// Not 8 kHz.
    #[error("{0} samples a second instead of 8000")]
    Rate(u32),
}

#[derive(Clone, Copy)]
enum Encoding {
    Linear,
    Law(CodecKind),
}

/// Most chunks looked at before the sound: enough for every tag that editors write.
const MAX_CHUNKS: usize = 64;

/// The linear samples of a WAV file. A data chunk that promises more than there is (as a recorder leaves it that was
/// stopped) gives what there is. Time and memory are linear in the length of `file`.
pub(super) fn read(file: &[u8]) -> Result<Vec<i16>, WavError> {
    let (riff, rest) = file.split_first_chunk::<12>().ok_or(WavError::NotWav)?;
    let [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E'] = riff else {
        return Err(WavError::NotWav);
    };
    let mut rest = rest;
    let mut encoding = None;
    for _ in 0..MAX_CHUNKS {
        if rest.is_empty() {
            break;
        }
        let (head, body) = rest.split_first_chunk::<8>().ok_or(WavError::Truncated)?;
        let [a, b, c, d, length @ ..] = *head;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let chunk = body.get(..length).unwrap_or(body);
        match &[a, b, c, d] {
            b"fmt " => encoding = Some(format(chunk)?),
            b"data" => return Ok(decode(encoding.ok_or(WavError::NoFormat)?, chunk)),
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = body.get(length.saturating_add(length & 1)..).unwrap_or(&[]);
    }
    Err(WavError::NoData)
}

fn format(chunk: &[u8]) -> Result<Encoding, WavError> {
    let fields = chunk.first_chunk::<16>().ok_or(WavError::NoFormat)?;
    let [f0, f1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, w0, w1] = *fields;
    let mut format = u16::from_le_bytes([f0, f1]);
    let channels = u16::from_le_bytes([c0, c1]);
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    let width = u16::from_le_bytes([w0, w1]);
    if format == 0xfffe {
        // WAVE_FORMAT_EXTENSIBLE: the format proper leads the sub-format's identifier.
        let Some([.., low, high]) = chunk.first_chunk::<26>() else {
            return Err(WavError::NoFormat);
        };
        format = u16::from_le_bytes([*low, *high]);
    }
    let encoding = match (format, width) {
        (1, 16) => Encoding::Linear,
        (6, 8) => Encoding::Law(CodecKind::Pcma),
        (7, 8) => Encoding::Law(CodecKind::Pcmu),
        (1 | 6 | 7, other) => return Err(WavError::Width(other)),
        (other, _) => return Err(WavError::Format(other)),
    };
    match (channels, rate) {
        (1, 8_000) => Ok(encoding),
        (1, other) => Err(WavError::Rate(other)),
        (other, _) => Err(WavError::Channels(other)),
    }
}

fn decode(encoding: Encoding, data: &[u8]) -> Vec<i16> {
    match encoding {
        Encoding::Linear => data
            .as_chunks::<2>()
            .0
            .iter()
            .map(|bytes| i16::from_le_bytes(*bytes))
            .collect(),
        Encoding::Law(codec) => data.iter().map(|code| codec.decode(*code)).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A WAV file, written apart from the reader.
    pub(crate) fn wav(format: u16, channels: u16, rate: u32, width: u16, extra: &[u8], data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        file.extend_from_slice(extra);
        file.extend_from_slice(b"fmt \x10\0\0\0");
        file.extend_from_slice(&format.to_le_bytes());
        file.extend_from_slice(&channels.to_le_bytes());
        file.extend_from_slice(&rate.to_le_bytes());
        file.extend_from_slice(&(rate * u32::from(channels) * u32::from(width) / 8).to_le_bytes());
        file.extend_from_slice(&(channels * width / 8).to_le_bytes());
        file.extend_from_slice(&width.to_le_bytes());
        file.extend_from_slice(b"data");
        file.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        file.extend_from_slice(data);
        file
    }

    #[test]
    fn reads_each_encoding() {
        assert_eq!(
            read(&wav(1, 1, 8_000, 16, b"", &[1, 0, 0xff, 0xff, 9])).unwrap(),
            [1, -1]
        );
        assert_eq!(read(&wav(7, 1, 8_000, 8, b"", &[0xff, 0x80])).unwrap(), [0, 32_124]);
        assert_eq!(read(&wav(6, 1, 8_000, 8, b"", &[0xd5, 0xaa])).unwrap(), [8, 32_256]);
    }

    #[test]
    fn skips_what_it_does_not_know() {
        let file = wav(7, 1, 8_000, 8, b"LIST\x03\0\0\0abc\0", &[0xff]);
        assert_eq!(read(&file).unwrap(), [0]);
    }

    #[test]
    fn an_unfinished_recording_is_played_as_far_as_it_goes() {
        let mut file = wav(7, 1, 8_000, 8, b"", &[0xff; 8]);
        file.truncate(file.len() - 3);
        assert_eq!(read(&file).unwrap().len(), 5);
    }

    #[test]
    fn the_rest_is_refused_by_name() {
        assert_eq!(read(b""), Err(WavError::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0AVI LIST"), Err(WavError::NotWav));
        assert_eq!(read(&wav(3, 1, 8_000, 32, b"", &[])), Err(WavError::Format(3)));
        assert_eq!(read(&wav(1, 1, 8_000, 8, b"", &[])), Err(WavError::Width(8)));
        assert_eq!(read(&wav(1, 2, 8_000, 16, b"", &[])), Err(WavError::Channels(2)));
        assert_eq!(read(&wav(1, 1, 16_000, 16, b"", &[])), Err(WavError::Rate(16_000)));
        assert_eq!(read(b"RIFF\0\0\0\0WAVEdata\0\0\0\0"), Err(WavError::NoFormat));
        assert_eq!(read(b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0abcd"), Err(WavError::NoFormat));
        assert_eq!(read(b"RIFF\0\0\0\0WAVE"), Err(WavError::NoData));
        assert_eq!(read(b"RIFF\0\0\0\0WAVEdat"), Err(WavError::Truncated));
    }

    #[test]
    fn a_file_of_empty_chunks_is_not_followed_for_ever() {
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        for _ in 0..100_000 {
            file.extend_from_slice(b"junk\0\0\0\0");
        }
        assert_eq!(read(&file), Err(WavError::NoData));
        let mut huge = b"RIFF\xff\xff\xff\xffWAVEjunk".to_vec();
        huge.extend_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&huge), Err(WavError::NoData));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..250) {
            let mut file = wav(1, 1, 8_000, 16, b"", &tail);
            file.truncate(cut);
            if let Ok(samples) = read(&file) {
                prop_assert!(samples.len() <= file.len() / 2);
            }
            let mut bytes = b"RIFF\0\0\0\0WAVE".to_vec();
            bytes.extend_from_slice(&tail);
            let _ = read(&bytes);
        }
    }
}
