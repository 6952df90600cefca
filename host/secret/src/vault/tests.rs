use std::collections::HashMap as Rows;

use super::*;

struct Memory(Mutex<Rows<String, Vec<u8>>>);

impl StoredSecrets for Memory {
    fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

fn with(source: SecretSource) -> Vault {
    let sources = BTreeMap::from([(name("A"), source)]);
    Vault::new(None, sources, Mask::default())
}

fn command(words: &[&str]) -> SecretSource {
    SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
}

#[tokio::test]
async fn a_stored_secret_is_read_at_each_use_and_masked_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let key = SealKey::load_or_create(dir.path()).unwrap();
    let rows = Arc::new(Memory(Mutex::default()));
    let stored: Arc<dyn StoredSecrets> = rows.clone();
    let stored = Some((stored, dir.path().to_owned()));
    let vault = Vault::new(stored, BTreeMap::new(), Mask::default());
    let message = vault.get(&name("A")).await.unwrap_err().to_string();
    assert!(message.contains("hostler secret set A"), "{message}");
    for text in ["correct horse", "battery staple"] {
        let value = SecretValue::new("A", text.into()).unwrap();
        let sealed = key.seal(&name("A"), &value).unwrap();
        rows.0.lock().unwrap().insert("A".into(), sealed);
        assert_eq!(vault.get(&name("A")).await.unwrap().expose(), text);
        assert_eq!(vault.mask().text(text), "[secret A]");
    }
    assert!(!format!("{vault:?}").contains("horse"));
}

#[tokio::test]
async fn a_variable_of_the_environment_is_a_secret() {
    let vault = with(SecretSource::Env("CARGO_MANIFEST_DIR".into()));
    let value = vault.get(&name("A")).await.unwrap();
    assert_eq!(value.expose(), env!("CARGO_MANIFEST_DIR"));
    let vault = with(SecretSource::Env("HOSTLER_TEST_NOT_SET".into()));
    let message = vault.get(&name("A")).await.unwrap_err().to_string();
    assert!(message.contains("HOSTLER_TEST_NOT_SET"), "{message}");
}

#[tokio::test]
async fn the_output_of_a_command_is_a_secret_and_is_kept_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let script = format!("echo run >> {}; echo correct horse", ran.display());
    let vault = with(command(&["/bin/sh", "-c", &script]));
    let a = name("A");
    let (one, two) = tokio::join!(vault.get(&a), vault.get(&a));
    assert_eq!(one.unwrap().expose(), "correct horse");
    assert_eq!(two.unwrap().expose(), "correct horse");
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "run\n");
}

#[tokio::test]
async fn a_command_that_gives_nothing_usable_is_named_and_its_output_is_not() {
    let cases: [(&[&str], &str); 5] = [
        (&["/bin/sh", "-c", "echo correct horse; exit 3"], "failed"),
        (&["/bin/sh", "-c", "echo tiny7"], "at least 8"),
        (&["/bin/sh", "-c", "yes correct horse"], "more than"),
        (&["/no/such/program"], "cannot be started"),
        (&[], "cannot be started"),
    ];
    for (words, reason) in cases {
        let error = with(command(words)).get(&name("A")).await.unwrap_err();
        let message = format!("{error} {error:?}");
        assert!(message.contains(reason), "{message}");
        assert!(!message.contains("horse") && !message.contains("tiny7"));
    }
}
