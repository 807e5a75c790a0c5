//! The one error of this library: opaque, with the path it is about and a hint on what to do.
//!
//! Callers ask what kind of trouble it is ([`Error::is_config`], [`Error::is_data`],
//! [`Error::is_io`]) and print it; they never match on its inside.

use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong, where, and what to do about it.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    path: Option<PathBuf>,
    hint: Option<String>,
    source: Option<std::io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Config,
    Data,
    Io,
}

impl Error {
    /// The user asked for something that can't be: a bad option, pattern or format.
    #[cold]
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(Kind::Config, message.into(), None)
    }

    /// The input is not what it should be.
    #[cold]
    pub fn data(message: impl Into<String>) -> Error {
        Error::new(Kind::Data, message.into(), None)
    }

    /// The operating system said no; `source` is its word, where it has one of its own.
    #[cold]
    pub fn io(message: impl Into<String>, source: impl Into<Option<std::io::Error>>) -> Error {
        Error::new(Kind::Io, message.into(), source.into())
    }

    #[cold]
    fn new(kind: Kind, message: String, source: Option<std::io::Error>) -> Error {
        Error(Box::new(Inner {
            kind,
            message,
            path: None,
            hint: None,
            source,
        }))
    }

    /// The same error, said of this file.
    #[cold]
    pub fn at(mut self, path: impl AsRef<Path>) -> Error {
        self.0.path = Some(path.as_ref().to_path_buf());
        self
    }

    /// The same error, with what the reader can do about it: one sentence, no full stop needed.
    #[cold]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// Whether the user asked for something that can't be (exit code 2).
    pub fn is_config(&self) -> bool {
        self.0.kind == Kind::Config
    }

    /// Whether the input is unusable (exit code 65).
    pub fn is_data(&self) -> bool {
        self.0.kind == Kind::Data
    }

    /// Whether the operating system failed us (exit code 74).
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
    }

    /// What the reader can do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.0.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.0.message)?;
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e as _)
    }
}

/// What this library's fallible functions return.
pub type Result<T> = std::result::Result<T, Error>;
