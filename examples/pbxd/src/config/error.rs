//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The key, as a path from the top of the file: `lot[0].recall_to`. Empty where there is none.
    pub(crate) key: String,
    /// What is wrong, and what was expected.
    pub(crate) message: String,
    /// Where it stands, in bytes from the start of the file.
    pub(crate) span: Range<usize>,
}

impl Mistake {
    pub(crate) fn new(key: impl Into<String>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            span,
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file could not be read.
    Unreadable { file: String, error: std::io::Error },
    /// The file is wrong; never empty.
    Wrong {
        file: String,
        text: String,
        mistakes: Vec<Mistake>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => write!(f, "{file}: {error}"),
            Self::Wrong { file, text, mistakes } => {
                for (index, mistake) in mistakes.iter().enumerate() {
                    if index > 0 {
                        writeln!(f)?;
                    }
                    let (line, column) = place(text, mistake.span.start);
                    write!(f, "{file}:{line}:{column}: ")?;
                    if !mistake.key.is_empty() {
                        write!(f, "{}: ", mistake.key)?;
                    }
                    f.write_str(&mistake.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Line and column, both from 1, columns in characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_count_from_one_and_in_characters() {
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("a = \"ü\" b", 9), (1, 9));
        assert_eq!(place("a\nb\n", 2), (2, 1));
        assert_eq!(place("a\n", 99), (2, 1));
    }
}
