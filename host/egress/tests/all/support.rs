use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hostler_egress::{
    Authorities, Caller, Egress, FetchError, HttpGrant, Request, Resolve, Resolving, Response,
};
use hostler_secret::{Mask, SealKey, SecretValue, StoredSecrets, Vault};

/// Tells the answers one after the other, and the last one from then on.
#[derive(Debug)]
pub(crate) struct Answers {
    answers: Vec<Vec<IpAddr>>,
    pub(crate) asked: AtomicUsize,
}

impl Resolve for Answers {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let last = self.answers.len().checked_sub(1);
        let answer = last.map(|last| self.answers[number.min(last)].clone());
        let error = io::Error::new(io::ErrorKind::NotFound, format!("no {name} in this test"));
        Box::pin(async move { answer.ok_or(error) })
    }
}

/// One plugin, `demo`, and what stands behind it.
pub(crate) struct World {
    pub(crate) egress: Egress,
    pub(crate) answers: Arc<Answers>,
    pub(crate) grants: Vec<HttpGrant>,
    pub(crate) vault: Vault,
    pub(crate) in_flight: u32,
}

impl World {
    /// Names have these addresses, one answer after the other. `grants` are the
    /// tables of `[[http]]`.
    pub(crate) fn new(answers: &[&[&str]], grants: &str) -> Self {
        Self::with(answers, grants, Authorities::System)
    }

    pub(crate) fn with(answers: &[&[&str]], grants: &str, authorities: Authorities) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let answers = Arc::new(Answers {
            answers: answers.iter().map(parse).collect(),
            asked: AtomicUsize::new(0),
        });
        let mut tables: BTreeMap<String, Vec<HttpGrant>> = toml::from_str(grants).unwrap();
        Self {
            egress: Egress::new(answers.clone(), authorities),
            answers,
            grants: tables.remove("http").unwrap_or_default(),
            vault: Vault::default(),
            in_flight: 8,
        }
    }

    /// With a stored secret.
    pub(crate) fn secret(mut self, name: &str, value: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = SealKey::load_or_create(dir.path()).unwrap();
        let value = SecretValue::new(name, value.into()).unwrap();
        let sealed = key.seal(&name.parse().unwrap(), &value).unwrap();
        let rows = Rows(Mutex::new((name.to_owned(), sealed)), dir);
        let place = rows.1.path().to_owned();
        let stored: Option<(Arc<dyn StoredSecrets>, _)> = Some((Arc::new(rows), place));
        self.vault = Vault::new(stored, BTreeMap::new(), Mask::default());
        self
    }

    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller {
            plugin: "demo",
            grants: &self.grants,
            vault: &self.vault,
            in_flight: self.in_flight,
        }
    }

    pub(crate) async fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        self.egress.fetch(self.caller(), request).await
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Response, FetchError> {
        self.fetch(get(url)).await
    }

    /// The sentence of a denial.
    pub(crate) async fn denied(&self, url: &str) -> String {
        match self.get(url).await {
            Err(FetchError::Denied(sentence)) => sentence,
            other => panic!("{url} was not denied: {other:?}"),
        }
    }
}

struct Rows(Mutex<(String, Vec<u8>)>, tempfile::TempDir);

impl StoredSecrets for Rows {
    fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let row = self.0.lock().unwrap();
        Ok((row.0 == name).then(|| row.1.clone()))
    }
}

pub(crate) fn get(url: &str) -> Request {
    Request {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(20),
        redirects: 0,
    }
}

pub(crate) fn post(url: &str, body: &str) -> Request {
    Request {
        method: "POST".into(),
        body: body.to_owned().into(),
        ..get(url)
    }
}

pub(crate) fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
