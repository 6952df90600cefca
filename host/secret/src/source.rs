use serde::{Deserialize, Serialize};

/// `[secrets.NAME]`: a secret that Hostler does not keep itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// `env = "VARIABLE"`: of the environment that the host was started with.
    Env(String),
    /// `command = ["PROGRAM", "ARGUMENT"…]`: what this prints, without its last
    /// line end. Run when the secret is needed and the last output is too old.
    Command(Vec<String>),
}

impl SecretSource {
    /// Where the value comes from, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Env(variable) => format!("variable {variable}"),
            Self::Command(words) => {
                format!("command {}", words.first().map_or("", String::as_str))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_of_two_and_nothing_else() {
        let read = |text: &str| toml::from_str::<SecretSource>(text);
        assert_eq!(read("env = \"A\"").unwrap(), SecretSource::Env("A".into()));
        let command = SecretSource::Command(vec!["op".into(), "read".into()]);
        assert_eq!(read("command = [\"op\", \"read\"]").unwrap(), command);
        assert!(read("value = \"x\"").is_err());
        assert!(read("env = \"A\"\ncommand = [\"op\"]").is_err());
    }
}
