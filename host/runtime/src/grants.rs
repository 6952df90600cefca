//! What the operator lets a plugin do. Everything that is not granted is
//! denied; a denial names the lines of `hostler.toml` that would allow it.

use std::collections::BTreeMap;

use hostler_egress::HttpGrant;
use hostler_secret::SecretName;
use serde::{Deserialize, Serialize};

use crate::folder::FolderGrant;

/// `[plugins.ID.grants]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// Programs that it may run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub process: Vec<ProcessGrant>,
    /// Hosts that it may send requests to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpGrant>,
    /// Folders of the host's disk that it may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folder: Vec<FolderGrant>,
    /// Whether the host answers its agent's file requests, inside the
    /// session's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FileAccess>,
    /// Whether the host answers its agent's terminal requests by running
    /// commands in the session's root.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
}

/// How far file requests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAccess {
    Read,
    ReadWrite,
}

/// `[[plugins.ID.grants.process]]`: one program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessGrant {
    /// As the plugin writes it: a name that the host looks up on its own PATH,
    /// or an absolute path.
    pub program: String,
    /// The allowed command lines, each a list of words: exact text, `*` inside
    /// a word for any text, and a last word `**` for any further words.
    pub args: Vec<Vec<String>>,
    /// Variables that the program gets from the host's own environment; `*`
    /// matches any text. Nothing else of it is passed.
    #[serde(default)]
    pub env: Vec<String>,
    /// Variables that the plugin may set.
    #[serde(default)]
    pub set: Vec<String>,
    /// Variables of the program whose values are secrets: `VARIABLE = "NAME"`.
    /// The plugin neither sees nor sets them; the program is trusted with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretName>,
}

impl Grants {
    /// The first grant that allows this command, or the sentence that says
    /// what is missing.
    pub(crate) fn process(
        &self,
        plugin: &str,
        program: &str,
        args: &[String],
        env: &[(String, String)],
    ) -> Result<&ProcessGrant, String> {
        let grant = self
            .process
            .iter()
            .find(|grant| {
                grant.program == program && grant.args.iter().any(|line| line_matches(line, args))
            })
            .ok_or_else(|| {
                format!(
                    "running {program:?} with {args:?} is not granted; to allow it, add to hostler.toml: \
                     [[plugins.{plugin}.grants.process]] program = {program:?}, args = [{args:?}]"
                )
            })?;
        for (name, _) in env {
            if let Some(secret) = grant.secrets.get(name) {
                return Err(format!(
                    "the variable {name} of {program:?} is secret {secret} and cannot be set; to allow \
                     it, take {name} out of `secrets` of its [[plugins.{plugin}.grants.process]] in \
                     hostler.toml"
                ));
            }
            if !grant.set.iter().any(|allowed| allowed == name) {
                return Err(format!(
                    "setting the variable {name} for {program:?} is not granted; to allow it, add {name:?} \
                     to `set` of its [[plugins.{plugin}.grants.process]] in hostler.toml"
                ));
            }
        }
        Ok(grant)
    }

    /// The folder that the plugin calls so, or the sentence that says what is
    /// missing.
    pub(crate) fn folder(&self, plugin: &str, name: &str) -> Result<&FolderGrant, String> {
        let found = self.folder.iter().find(|grant| grant.name == name);
        found.ok_or_else(|| {
            format!(
                "reading the folder {name:?} is not granted; to allow it, add to hostler.toml: \
                 [[plugins.{plugin}.grants.folder]] name = {name:?}, places = [\"/where/it/is\"]"
            )
        })
    }

    /// Whether any secret is granted.
    pub(crate) fn have_secrets(&self) -> bool {
        self.process.iter().any(|grant| !grant.secrets.is_empty())
            || self.http.iter().any(|grant| !grant.secrets.is_empty())
    }
}

impl ProcessGrant {
    /// Whether a variable of the host's environment is passed on.
    pub(crate) fn passes(&self, variable: &str) -> bool {
        self.env
            .iter()
            .any(|pattern| word_matches(pattern, variable))
    }
}

fn line_matches(pattern: &[String], words: &[String]) -> bool {
    let (pattern, open_end) = match pattern.split_last() {
        Some((last, head)) if last == "**" => (head, true),
        _ => (pattern, false),
    };
    (words.len() == pattern.len() || (open_end && words.len() > pattern.len()))
        && pattern.iter().zip(words).all(|(p, w)| word_matches(p, w))
}

/// `*` matches any text, also none; every other character is itself.
fn word_matches(pattern: &str, word: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| word.strip_prefix(head)) else {
        return false;
    };
    let Some(tail) = parts.next_back() else {
        return rest.is_empty();
    };
    // Leftmost matches leave the most text for what follows.
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_star_matches_any_text_and_nothing_else_is_special() {
        for (pattern, word, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("*", "anything at all", true),
            ("--resume=*", "--resume=", true),
            ("--resume=*", "--resum", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("*.rs", "lib.rs", true),
            ("a?c", "abc", false),
            ("**", "x", true),
        ] {
            assert_eq!(word_matches(pattern, word), expected, "{pattern} / {word}");
        }
    }

    #[test]
    fn only_a_final_double_star_takes_further_words() {
        for (pattern, line, expected) in [
            ("", "", true),
            ("", "x", false),
            ("**", "", true),
            ("**", "a b", true),
            ("a **", "a", true),
            ("a **", "b", false),
            ("a b", "a b", true),
            ("a b", "a", false),
            ("a b", "a b c", false),
            ("** a", "x y a", false),
        ] {
            assert_eq!(
                line_matches(&words(pattern), &words(line)),
                expected,
                "{pattern} / {line}"
            );
        }
    }

    #[test]
    fn nothing_is_granted_by_default_and_the_denial_names_the_line() {
        let denial = Grants::default()
            .process("demo", "/bin/sh", &words("-c ls"), &[])
            .unwrap_err();
        assert!(
            denial.contains("[[plugins.demo.grants.process]]"),
            "{denial}"
        );
        assert!(denial.contains(r#"args = [["-c", "ls"]]"#), "{denial}");
    }

    #[test]
    fn a_variable_that_is_not_listed_cannot_be_set() {
        let grants = Grants {
            process: vec![ProcessGrant {
                program: "agent".into(),
                args: vec![words("**")],
                env: vec!["AGENT_*".into()],
                set: vec!["MODE".into(), "KEY".into()],
                secrets: BTreeMap::from([("KEY".into(), "NAME".parse().unwrap())]),
            }],
            ..Grants::default()
        };
        let set = |name: &str| {
            grants
                .process("demo", "agent", &[], &[(name.into(), "1".into())])
                .map(|_| ())
        };
        assert!(set("MODE").is_ok());
        assert!(set("LD_PRELOAD").unwrap_err().contains("LD_PRELOAD"));
        let denial = set("KEY").unwrap_err();
        assert!(denial.contains("secret NAME"), "{denial}");
        assert!(grants.process[0].passes("AGENT_KEY"));
        assert!(!grants.process[0].passes("HOME"));
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = toml::from_str::<Grants>("terminals = true").unwrap_err();
        assert!(error.to_string().contains("terminals"), "{error}");
    }

    #[test]
    fn grants_with_and_without_secrets_are_told_apart() {
        for (text, expected) in [
            ("", false),
            ("http = [{ hosts = [\"a\"] }]", false),
            ("http = [{ hosts = [\"a\"], secrets = [\"K\"] }]", true),
            ("process = [{ program = \"a\", args = [] }]", false),
            (
                "process = [{ program = \"a\", args = [], secrets = { V = \"K\" } }]",
                true,
            ),
        ] {
            let grants: Grants = toml::from_str(text).unwrap();
            assert_eq!(grants.have_secrets(), expected, "{text}");
        }
    }
}
