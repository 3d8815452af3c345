//! From the text of a file to its [`File`], or to the first mistake that keeps it from being one.

use super::error::Mistake;
use super::file::File;

pub(super) fn read(text: &str) -> Result<File, Mistake> {
    let syntax =
        |error: &toml::de::Error| Mistake::new("", error.span().unwrap_or_default(), one_line(error.message()));
    let document = toml::Deserializer::parse(text).map_err(|error| syntax(&error))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let key = key(error.path());
        let error = error.into_inner();
        let message = if key.ends_with("pin") {
            format!("expected {}", <super::values::Pin as super::values::Text>::EXPECTED)
        } else if key.ends_with("password") {
            // The message quotes what it found, and a password is not to be shown.
            format!(
                "expected {}",
                <super::values::Password as super::values::Text>::EXPECTED
            )
        } else {
            one_line(error.message())
        };
        Mistake::new(key, error.span().unwrap_or_default(), message)
    })
}

/// The path without the steps that remember positions.
fn key(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut key = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => key.push_str(&format!("[{index}]")),
            Segment::Map { key: name } | Segment::Enum { variant: name } if !name.starts_with("$__") => {
                if !key.is_empty() {
                    key.push('.');
                }
                key.push_str(name);
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    key
}

fn one_line(message: &str) -> String {
    message
        .split('\n')
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
