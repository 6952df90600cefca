use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// `[[plugins.ID.grants.folder]]`: a folder of the host's disk of which the plugin
/// may read the files, with those of the folders in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderGrant {
    /// What the plugin calls it.
    pub name: String,
    /// Where it is: the first of these whose variable is set.
    pub places: Vec<Place>,
    /// How the names of its files end that may be read; empty: all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suffix: String,
}

/// A folder as an operator writes it: an absolute path, or one that begins with
/// `~` or with a variable of the host's own environment, such as
/// `$CODEX_HOME/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    text: String,
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let place = Self { text };
        let fits = match place.parts() {
            (Some(variable), _) => is_name(variable),
            (None, path) => path.starts_with('/'),
        };
        if fits {
            return Ok(place);
        }
        Err(format!(
            "{:?} is no place of a folder: it begins with `/`, with `~/` or with a variable, such \
             as `$CODEX_HOME/`",
            place.text
        ))
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.text
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Place {
    /// The variable that it begins with, and the rest.
    fn parts(&self) -> (Option<&str>, &str) {
        let text = self.text.as_str();
        let (first, rest) = text.split_once('/').unwrap_or((text, ""));
        match first {
            "~" => (Some("HOME"), rest),
            first => match first.strip_prefix('$') {
                Some(variable) => (Some(variable), rest),
                None => (None, text),
            },
        }
    }

    /// Nothing when its variable is not set.
    fn path(&self, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        match self.parts() {
            (Some(name), rest) => {
                let base = variable(name).filter(|base| !base.as_os_str().is_empty())?;
                Some(if rest.is_empty() {
                    base
                } else {
                    base.join(rest)
                })
            }
            (None, path) => Some(path.into()),
        }
    }
}

fn is_name(variable: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !variable.is_empty() && variable.bytes().all(fits)
}

impl FolderGrant {
    /// Where it is on this machine, or why that cannot be said.
    pub(crate) fn path(&self) -> Result<PathBuf, String> {
        self.path_with(|name| std::env::var_os(name).map(PathBuf::from))
    }

    fn path_with(&self, variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, String> {
        let path = self.places.iter().find_map(|place| place.path(&variable));
        match path {
            Some(path) if path.is_absolute() => Ok(path),
            Some(path) => Err(format!("{} is no absolute path", path.display())),
            None => {
                let places: Vec<_> = self.places.iter().map(ToString::to_string).collect();
                Err(format!("no variable of {} is set", places.join(", ")))
            }
        }
    }
}

/// As tables have it.
impl fmt::Display for FolderGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Ok(path) => path.display().fmt(f),
            Err(_) => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(places: &str) -> Result<FolderGrant, toml::de::Error> {
        toml::from_str(&format!("name = \"store\"\nplaces = {places}"))
    }

    #[test]
    fn the_first_place_counts_whose_variable_is_set() {
        let grant = grant(r#"["$STORE/projects", "$OTHER", "~/.agent/projects", "/var/x"]"#);
        let grant = grant.unwrap();
        let path = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(known, _)| *known == name);
            grant.path_with(|name| find(name).map(|(_, value)| value.into()))
        };
        for (set, expected) in [
            (vec![("STORE", "/s"), ("HOME", "/h")], "/s/projects"),
            (vec![("STORE", ""), ("OTHER", "/o")], "/o"),
            (vec![("HOME", "/h")], "/h/.agent/projects"),
            (vec![], "/var/x"),
        ] {
            assert_eq!(path(&set).unwrap(), PathBuf::from(expected), "{set:?}");
        }
        let relative = path(&[("STORE", "here")]).unwrap_err();
        assert!(relative.contains("here/projects is no absolute path"));
    }

    #[test]
    fn what_is_no_place_is_an_error_that_says_what_one_is() {
        for text in ["", "x", "./x", "~x", "$", "$/x", "$A-B/x"] {
            let error = grant(&format!("[{text:?}]")).unwrap_err().to_string();
            assert!(error.contains("begins with `/`"), "{text}: {error}");
        }
    }
}
