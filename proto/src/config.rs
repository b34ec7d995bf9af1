//! Layered configuration: defaults, then a TOML text, then `PANNIER_<ROLE>_<KEY>` variables, then
//! `--set key=value`. Pure: the texts come from the caller.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {reason}")]
pub struct ConfigError {
    /// File, variable or flag at fault.
    pub origin: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Builds a role's config from its layers.
///
/// `file`: name and TOML text. `env`: all variables; those that begin with `PANNIER_<ROLE>_`
/// count, two underscores standing for a dot. `sets`: `key=value` as typed.
///
/// # Errors
/// A text that is no TOML, an unknown key, or a value of the wrong type, with its origin.
pub fn layered<T: DeserializeOwned>(
    role: &str,
    file: Option<(&str, &str)>,
    env: impl IntoIterator<Item = (String, String)>,
    sets: &[String],
) -> Result<T, ConfigError> {
    let mut table = Table::new();
    let mut origin = "the defaults".to_owned();
    if let Some((name, text)) = file {
        table = text.parse::<Table>().map_err(|e| ConfigError {
            origin: name.to_owned(),
            reason: e.to_string(),
        })?;
        check::<T>(&table, name)?;
        origin = name.to_owned();
    }
    let prefix = format!("PANNIER_{}_", role.to_uppercase());
    for (name, value) in env {
        if let Some(key) = name.strip_prefix(&prefix) {
            put(&mut table, &key.to_lowercase().replace("__", "."), &value);
            check::<T>(&table, &name)?;
        }
    }
    for set in sets {
        let Some((key, value)) = set.split_once('=') else {
            return Err(ConfigError {
                origin: format!("--set {set}"),
                reason: "write it as key=value".into(),
            });
        };
        put(&mut table, key.trim(), value.trim());
        check::<T>(&table, &format!("--set {set}"))?;
    }
    table.try_into().map_err(|e: toml::de::Error| ConfigError {
        origin,
        reason: e.message().to_owned(),
    })
}

fn check<T: DeserializeOwned>(table: &Table, origin: &str) -> Result<(), ConfigError> {
    let typed: Result<T, toml::de::Error> = table.clone().try_into();
    typed.map(|_| ()).map_err(|e| ConfigError {
        origin: origin.to_owned(),
        reason: e.message().to_owned(),
    })
}

/// Sets a dotted key; a value that is no TOML is a string.
fn put(table: &mut Table, key: &str, text: &str) {
    let value = format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut t| t.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()));
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or(key);
    let mut at = table;
    for part in parts {
        let slot = at
            .entry(part.to_owned())
            .or_insert_with(|| Value::Table(Table::new()));
        match slot {
            Value::Table(inner) => at = inner,
            _ => return,
        }
    }
    at.insert(last.to_owned(), value);
}

/// A number of bytes, written as `64MiB`, `2 GiB` or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text
            .trim_end_matches(|c: char| c.is_ascii_alphabetic())
            .trim();
        let unit = match text[digits.len()..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1u64 << 30,
            other => {
                return Err(format!(
                    "`{other}` is no unit of bytes; use KiB, MiB or GiB"
                ));
            }
        };
        let number: u64 = digits
            .parse()
            .map_err(|_| format!("`{text}` is no number of bytes, such as 64MiB"))?;
        number
            .checked_mul(unit)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is too large"))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::Integer(n) if n >= 0 => Ok(Self(n.unsigned_abs())),
            Value::String(text) => text.parse().map_err(serde::de::Error::custom),
            other => Err(serde::de::Error::custom(format!(
                "`{other}` is no number of bytes, such as \"64MiB\""
            ))),
        }
    }
}

/// A span of time, written as `500ms`, `10s` or `5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text
            .trim_end_matches(|c: char| c.is_ascii_alphabetic())
            .trim();
        let number: u64 = digits
            .parse()
            .map_err(|_| format!("`{text}` is no span of time, such as 10s"))?;
        match text[digits.len()..].trim() {
            "ms" => Ok(Self(Duration::from_millis(number))),
            "s" => Ok(Self(Duration::from_secs(number))),
            "m" => Ok(Self(Duration::from_secs(number * 60))),
            other => Err(format!("`{other}` is no unit of time; use ms, s or m")),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format!("{}ms", self.0.as_millis()))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Demo {
        port: u16,
        wait: Span,
        memory: ByteSize,
    }

    impl Default for Demo {
        fn default() -> Self {
            Self {
                port: 1,
                wait: Span(Duration::from_secs(5)),
                memory: ByteSize(1 << 20),
            }
        }
    }

    #[test]
    fn later_layers_win() -> Result<(), ConfigError> {
        let env = [
            ("PANNIER_DEMO_PORT".to_owned(), "3".to_owned()),
            ("HOME".to_owned(), "x".to_owned()),
        ];
        let demo: Demo = layered(
            "demo",
            Some(("a.toml", "port = 2\nwait = \"1m\"")),
            env,
            &["memory=2GiB".into()],
        )?;
        assert_eq!(
            demo,
            Demo {
                port: 3,
                wait: Span(Duration::from_secs(60)),
                memory: ByteSize(2 << 30)
            }
        );
        Ok(())
    }

    #[test]
    fn faults_name_their_origin() {
        let error =
            layered::<Demo>("demo", None, [], &["prot=2".into()]).map_err(|e| e.to_string());
        assert!(
            error
                .as_ref()
                .is_err_and(|e| e.contains("--set prot=2") && e.contains("unknown field `prot`")),
            "{error:?}"
        );
    }
}
