//! `--config FILE`: defaults of the options, in TOML, under the options' own long names.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use triage::{Error, Result, Spelling};

/// The file's content. What was typed goes before it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// `--deploys`, relative to the file's folder.
    pub deploys: Vec<PathBuf>,
    /// `--log-format`; a file is relative to this file's folder.
    pub log_format: Option<String>,
    /// `--tz`.
    pub tz: Option<String>,
    /// `--service`.
    pub service: Vec<String>,
    /// `--endpoint`.
    pub endpoint: Vec<String>,
    /// `--status`.
    pub status: Option<String>,
    /// `--window`.
    pub window: Option<String>,
    /// `--top`.
    pub top: Option<usize>,
    /// `--threads`.
    pub threads: Option<usize>,
    /// Path templates that go before the built-in rules: `/users/{name}`.
    pub routes: Vec<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, is no TOML, or has a key that is no option.
    pub fn read(path: &Path) -> Result<Config> {
        let text = fs::read_to_string(path).map_err(|e| {
            Error::io("can't be read", e)
                .at(path)
                .hint("--config and TRIAGE_CONFIG name a TOML file with defaults of the options")
        })?;
        let mut config: Config = toml::from_str(&text).map_err(|e| {
            Error::config(format!("not a configuration: {}", e.to_string().trim_end()))
                .at(path)
                .hint("keys are the long options without their dashes: deploys = [\"deploys.json\"], tz = \"UTC\", routes = [\"/users/{name}\"]")
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for deploys in &mut config.deploys {
            *deploys = folder.join(&deploys);
        }
        if let Some(text) = &config.log_format
            && let Spelling::File(file) = Spelling::of(text)
        {
            config.log_format = Some(folder.join(file).to_string_lossy().into_owned());
        }
        Ok(config)
    }
}
