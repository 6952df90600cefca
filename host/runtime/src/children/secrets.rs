//! Variables of a child that are secrets: their values are asked for when it
//! starts, and stand nowhere else.

use std::ffi::OsStr;

use hostler_secret::{SecretError, SecretName, Vault};

use super::ChildSpec;

/// What a grant binds to the variables of one program.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretEnv {
    pub(crate) vault: Vault,
    pub(crate) variables: Vec<(String, SecretName)>,
}

impl SecretEnv {
    /// Sets the variables. What the host's own environment has under such a name
    /// gives way.
    pub(crate) async fn fill(&self, spec: &mut ChildSpec) -> Result<(), SecretError> {
        for (variable, name) in &self.variables {
            let value = self.vault.get(name).await?;
            spec.env.retain(|(set, _)| set != OsStr::new(variable));
            spec.env.push((variable.into(), value.expose().into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use hostler_secret::{Mask, SecretSource};

    use super::*;

    fn spec() -> ChildSpec {
        ChildSpec {
            program: PathBuf::from("/bin/agent"),
            args: vec!["--version".into()],
            env: vec![
                ("KEY".into(), "of the host".into()),
                ("HOME".into(), "/".into()),
            ],
            cwd: PathBuf::from("/"),
        }
    }

    fn bound(source: SecretSource) -> SecretEnv {
        let name: SecretName = "NAME".parse().unwrap();
        let sources = BTreeMap::from([(name.clone(), source)]);
        SecretEnv {
            vault: Vault::new(None, sources, Mask::default()),
            variables: vec![("KEY".into(), name)],
        }
    }

    #[tokio::test]
    async fn a_secret_is_in_the_variable_of_the_grant_and_nowhere_else() {
        let words = ["/bin/echo", "correct horse"].map(str::to_owned);
        let secrets = bound(SecretSource::Command(words.into()));
        let mut spec = spec();
        secrets.fill(&mut spec).await.unwrap();
        let set: Vec<_> = spec.env.iter().filter(|(name, _)| name == "KEY").collect();
        assert_eq!(set, [&("KEY".into(), "correct horse".into())]);
        assert_eq!(spec.args, ["--version"]);
        let shown = format!("{spec:?} {secrets:?}");
        assert!(shown.contains("KEY") && !shown.contains("horse"), "{shown}");
        // Before the program can say it.
        let mask = secrets.vault.mask();
        assert_eq!(mask.text("correct horse"), "[secret NAME]");
    }

    #[tokio::test]
    async fn without_its_secret_a_program_is_not_started() {
        let secrets = bound(SecretSource::Env("HOSTLER_TEST_NOT_SET".into()));
        let error = secrets.fill(&mut spec()).await.unwrap_err().to_string();
        assert!(error.contains("HOSTLER_TEST_NOT_SET"), "{error}");
    }
}
