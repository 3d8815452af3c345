//! `media-codec CODEC encode|decode IN OUT`: a file of samples becomes a file of codes, or the other way round.
//!
//! Samples are 16-bit words, little-endian, at the codec's rate; codes are octets. With `--subband`, G.722 works without its filter on files
//! of words as in its appendix II: the lowest bit of a word resets the codec, an input sample goes into both bands, a code is in
//! the upper octet.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rtp_media::CodecKind;
use rtp_media::codec::g722::{Decoder, Encoder, Mode};

#[derive(Parser)]
#[command(version, about = "Codes and decodes raw files with the codecs of rtp-media")]
struct Arguments {
    codec: Codec,
    direction: Direction,
    /// Samples as 16-bit little-endian words, or codes.
    input: PathBuf,
    output: PathBuf,
    /// G.722: how many bits of a code are speech: 1 is all eight, 2 seven, 3 six.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    mode: u8,
    /// G.722 without its filter, on files of words as in appendix II; of a decoder, the samples of this band.
    #[arg(long, value_name = "BAND", num_args = 0..=1, require_equals = true, default_missing_value = "low")]
    subband: Option<Band>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Codec {
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
    /// G.722, 16 kHz.
    G722,
}

#[derive(Clone, Copy, ValueEnum)]
enum Direction {
    Encode,
    Decode,
}

#[derive(Clone, Copy, ValueEnum)]
enum Band {
    Low,
    High,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "media-codec: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let input = named(&arguments.input, fs::read(&arguments.input))?;
    let mode = match arguments.mode {
        1 => Mode::Bits8,
        2 => Mode::Bits7,
        _ => Mode::Bits6,
    };
    let output = match (arguments.codec, arguments.direction, arguments.subband) {
        (Codec::G722, Direction::Encode, None) => {
            let samples = words(&input, &arguments.input)?;
            let mut codes = vec![0; samples.len() / 2];
            Encoder::new().encode(&samples, &mut codes);
            codes
        }
        (Codec::G722, Direction::Decode, None) => {
            let mut samples = vec![0; input.len() * 2];
            Decoder::new(mode).decode(&input, &mut samples);
            octets(&samples)
        }
        (Codec::G722, Direction::Encode, Some(_)) => octets(&encode_bands(&words(&input, &arguments.input)?)),
        (Codec::G722, Direction::Decode, Some(band)) => {
            octets(&decode_bands(&words(&input, &arguments.input)?, mode, band))
        }
        (Codec::Pcmu | Codec::Pcma, _, Some(_)) => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "only G.722 has sub-bands"));
        }
        (Codec::Pcmu, direction, None) => g711(CodecKind::Pcmu, direction, &input, &arguments.input)?,
        (Codec::Pcma, direction, None) => g711(CodecKind::Pcma, direction, &input, &arguments.input)?,
    };
    named(&arguments.output, fs::write(&arguments.output, output))
}

fn g711(law: CodecKind, direction: Direction, input: &[u8], path: &Path) -> io::Result<Vec<u8>> {
    Ok(match direction {
        Direction::Encode => words(input, path)?
            .into_iter()
            .map(|sample| law.encode(sample))
            .collect(),
        Direction::Decode => octets(&input.iter().map(|code| law.decode(*code)).collect::<Vec<_>>()),
    })
}

/// Words of samples with a reset flag become words of codes with one.
fn encode_bands(words: &[i16]) -> Vec<i16> {
    let mut encoder = Encoder::new();
    words
        .iter()
        .map(|word| {
            if word & 1 == 1 {
                encoder = Encoder::new();
                return 1;
            }
            let sample = i32::from(word >> 1);
            i16::from_be_bytes([encoder.encode_bands(sample, sample), 0])
        })
        .collect()
}

/// Words of codes with a reset flag become words of a band's samples with one.
fn decode_bands(words: &[i16], mode: Mode, band: Band) -> Vec<i16> {
    let mut decoder = Decoder::new(mode);
    words
        .iter()
        .map(|word| {
            if word & 1 == 1 {
                decoder = Decoder::new(mode);
                return 1;
            }
            let (low, high) = decoder.decode_bands(word.to_be_bytes()[0]);
            let sample = match band {
                Band::Low => low,
                Band::High => high,
            };
            // Fifteen bits and the flag.
            i16::try_from(sample << 1).unwrap_or_default()
        })
        .collect()
}

fn words(octets: &[u8], path: &Path) -> io::Result<Vec<i16>> {
    let (words, rest) = octets.as_chunks::<2>();
    if rest.is_empty() {
        Ok(words.iter().map(|word| i16::from_le_bytes(*word)).collect())
    } else {
        let told = format!(
            "{}: {} octets are no whole number of 16-bit words",
            path.display(),
            octets.len()
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, told))
    }
}

fn octets(words: &[i16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn named<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
