//! Uploads that were announced: what will come, and a ticket to bring it with.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hostler_lease::Principal;
use tokio::time::Instant;

use crate::{
    fault::Fault,
    request::Fields,
    spool::{Kept, Kind, MAX_PACKAGE, Spool, SpoolError, hex, random_id},
};

/// How long an announced upload may take to come and be finished.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Announced uploads of one principal.
const MAX_OF_ONE: usize = 16;

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) name: String,
    pub(crate) sha256: [u8; 32],
    /// Not known of uploads that come in one go.
    pub(crate) size: Option<u64>,
}

impl Announced {
    /// Of the body of a preflight.
    pub(crate) fn read(fields: &Fields) -> Result<Self, Fault> {
        let missing = |name| Fault::args(format!("`{name}` is missing"));
        let name = fields
            .text("fileName")?
            .ok_or_else(|| missing("fileName"))?;
        let sha256 = fields.text("sha256")?.ok_or_else(|| missing("sha256"))?;
        let size = fields
            .whole("sizeBytes")?
            .ok_or_else(|| missing("sizeBytes"))?;
        let archived = fields.text("artifactType")? == Some("app-bundle");
        Self::new(name, sha256, Some(size), archived)
    }

    /// Checks what is said. A folder comes as an archive, and says so in its name.
    pub(crate) fn new(
        name: &str,
        sha256: &str,
        size: Option<u64>,
        archived: bool,
    ) -> Result<Self, Fault> {
        if size.is_some_and(|size| size > MAX_PACKAGE) {
            return Err(SpoolError::TooLarge(MAX_PACKAGE).into());
        }
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let plain = !last.is_empty() && last.len() <= 200 && !last.contains(char::is_control);
        if !plain || matches!(last, "." | "..") {
            return Err(Fault::args(
                "the file name must be 1 to 200 plain characters",
            ));
        }
        let archived = if archived { ".tar.gz" } else { "" };
        Ok(Self {
            name: format!("{last}{archived}"),
            sha256: digest(sha256)?,
            size,
        })
    }

    /// Whether that is what came.
    pub(crate) fn check(&self, kept: &Kept) -> Result<(), Fault> {
        if self.size.is_some_and(|size| size != kept.size) {
            let message = format!(
                "{} bytes came, not the {} that were announced",
                kept.size,
                self.size.unwrap_or_default()
            );
            return Err(Fault::new("INVALID_ARGS", "UPLOAD_SIZE_MISMATCH", message));
        }
        if kept.sha256 != self.sha256 {
            let message = format!("the bytes that came have the hash {}", hex(&kept.sha256));
            return Err(Fault::new("INVALID_ARGS", "UPLOAD_HASH_MISMATCH", message)
                .hint("The file changed or was damaged on the way: send it again."));
        }
        Ok(())
    }
}

fn digest(text: &str) -> Result<[u8; 32], Fault> {
    let odd = || Fault::args("a SHA-256 is 64 hexadecimal digits");
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(odd());
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * place..2 * place + 2).ok_or_else(odd)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| odd())?;
    }
    Ok(bytes)
}

/// All that was announced and is not finished.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Pending>>);

#[derive(Debug)]
struct Pending {
    owner: Principal,
    announced: Announced,
    /// Whoever brings the bytes must have it.
    ticket: String,
    way: Way,
    since: Instant,
}

/// How far the bytes have come.
#[derive(Debug)]
enum Way {
    /// Nobody brings them.
    Open,
    /// Somebody does: one at a time, for every other would take room of its own.
    Coming,
    /// They are there.
    Came(Kept),
}

/// Somebody who brings the bytes of an upload. Dropped, another may.
#[derive(Debug)]
pub(crate) struct Bringing<'a> {
    uploads: &'a Uploads,
    id: String,
    /// Whose upload it is.
    pub(crate) owner: Principal,
    pub(crate) announced: Announced,
}

/// What a client needs to bring its file.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Uploads {
    /// Takes an announcement.
    pub(crate) fn announce(
        &self,
        owner: &Principal,
        announced: Announced,
    ) -> Result<Ticket, Fault> {
        let ticket = Ticket {
            id: random_id()?,
            secret: random_id()?,
        };
        let mut pending = self.lock();
        let now = Instant::now();
        pending.retain(|_, one| one.lives(now));
        if pending.values().filter(|one| one.owner == *owner).count() >= MAX_OF_ONE {
            let message = format!("{MAX_OF_ONE} uploads of yours are not finished yet");
            return Err(Fault::new("COMMAND_FAILED", "UPLOADS_FULL", message));
        }
        let one = Pending {
            owner: owner.clone(),
            announced,
            ticket: ticket.secret.clone(),
            way: Way::Open,
            since: now,
        };
        pending.insert(ticket.id.clone(), one);
        Ok(ticket)
    }

    /// What is to come under that id, for whoever has its ticket.
    pub(crate) fn bring(&self, id: &str, ticket: &str) -> Result<Bringing<'_>, Fault> {
        let mut pending = self.lock();
        let now = Instant::now();
        let one = pending.get_mut(id);
        let one = one.filter(|one| one.ticket == ticket && one.lives(now));
        let one = one.ok_or_else(unknown)?;
        if matches!(one.way, Way::Coming) {
            let message = "somebody brings the bytes of this upload already";
            return Err(Fault::new("INVALID_ARGS", "UPLOAD_BUSY", message)
                .status(axum::http::StatusCode::CONFLICT)
                .hint("Wait until that has ended, or begin an upload of your own."));
        }
        // What came before has no more use, and its room is free.
        one.way = Way::Coming;
        Ok(Bringing {
            uploads: self,
            id: id.to_owned(),
            owner: one.owner.clone(),
            announced: one.announced.clone(),
        })
    }

    /// Removes what was announced and not finished in time.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.lock().retain(|_, one| one.lives(now));
    }

    /// Ends it: the file is the principal's upload from now on.
    pub(crate) fn finish(
        &self,
        spool: &Spool,
        owner: &Principal,
        id: &str,
    ) -> Result<String, Fault> {
        let kept = {
            let mut pending = self.lock();
            let own = pending.get(id).is_some_and(|one| one.owner == *owner);
            if !own {
                return Err(unknown());
            }
            let came = |one: &Pending| matches!(one.way, Way::Came(_));
            if !pending.get(id).is_some_and(came) {
                let message = "nothing came under this upload yet";
                return Err(Fault::new("INVALID_ARGS", "UPLOAD_MISSING", message));
            }
            match pending.remove(id).map(|one| one.way) {
                Some(Way::Came(kept)) => kept,
                _ => return Err(unknown()),
            }
        };
        Ok(spool.add(owner, Kind::Upload, kept)?)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn lives(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < PATIENCE
    }
}

impl Bringing<'_> {
    /// It came, and is what was announced.
    pub(crate) fn came(self, kept: Kept) -> Result<(), Fault> {
        let mut pending = self.uploads.lock();
        let one = pending.get_mut(&self.id).ok_or_else(unknown)?;
        one.way = Way::Came(kept);
        Ok(())
    }
}

impl Drop for Bringing<'_> {
    fn drop(&mut self) {
        if let Some(one) = self.uploads.lock().get_mut(&self.id)
            && matches!(one.way, Way::Coming)
        {
            one.way = Way::Open;
        }
    }
}

fn unknown() -> Fault {
    let message = "there is no such upload of yours; it may have expired";
    Fault::new("INVALID_ARGS", "UPLOAD_UNKNOWN", message)
        .status(axum::http::StatusCode::NOT_FOUND)
        .hint("Begin the upload again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_is_announced_is_checked() {
        let announced = Announced::new("a/b/App.app", HASH, Some(3), true).unwrap();
        assert_eq!(announced.name, "App.app.tar.gz");
        assert_eq!(hex(&announced.sha256), HASH);
        let reason = |name: &str, hash: &str, size| {
            Announced::new(name, hash, size, false)
                .unwrap_err()
                .reason()
        };
        assert_eq!(reason("a", HASH, Some(MAX_PACKAGE + 1)), "UPLOAD_TOO_LARGE");
        assert_eq!(reason("..", HASH, None), "INVALID_ARGS");
        assert_eq!(reason("a\n", HASH, None), "INVALID_ARGS");
        assert_eq!(reason("a", "ba78", None), "INVALID_ARGS");
        assert_eq!(reason("a", &"é".repeat(32), None), "INVALID_ARGS");
    }

    #[tokio::test]
    async fn only_whoever_announced_it_can_finish_an_upload() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let uploads = Uploads::default();
        let (ann, bob) = (
            Principal::new("ann").unwrap(),
            Principal::new("bob").unwrap(),
        );
        let announced = Announced::new("a.apk", HASH, Some(3), false).unwrap();
        let ticket = uploads.announce(&ann, announced).unwrap();
        assert_eq!(
            uploads.bring(&ticket.id, "guess").unwrap_err().reason(),
            "UPLOAD_UNKNOWN"
        );
        drop(uploads.bring(&ticket.id, &ticket.secret).unwrap());
        let bringing = uploads.bring(&ticket.id, &ticket.secret).unwrap();
        let second = uploads.bring(&ticket.id, &ticket.secret).unwrap_err();
        assert_eq!(second.reason(), "UPLOAD_BUSY");
        let expected = bringing.announced.clone();
        let early = uploads.finish(&spool, &ann, &ticket.id).unwrap_err();
        assert_eq!(early.reason(), "UPLOAD_MISSING");
        let mut draft = spool.draft(&ann, Some(3)).await.unwrap();
        draft.write(b"abc", MAX_PACKAGE).await.unwrap();
        let kept = draft.finish("a.apk".into()).await.unwrap();
        expected.check(&kept).unwrap();
        bringing.came(kept).unwrap();
        assert_eq!(
            uploads
                .finish(&spool, &bob, &ticket.id)
                .unwrap_err()
                .reason(),
            "UPLOAD_UNKNOWN"
        );
        let id = uploads.finish(&spool, &ann, &ticket.id).unwrap();
        assert!(spool.find(&ann, Kind::Upload, &id).is_some());
        assert_eq!(spool.same(&ann, &expected.sha256), Some(id));
        assert_eq!(spool.same(&bob, &expected.sha256), None);
    }

    #[tokio::test]
    async fn other_bytes_than_were_announced_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let mut draft = spool
            .draft(&Principal::new("ann").unwrap(), None)
            .await
            .unwrap();
        draft.write(b"abd", MAX_PACKAGE).await.unwrap();
        let kept = draft.finish("a".into()).await.unwrap();
        let reason = |size| {
            let announced = Announced::new("a", HASH, size, false).unwrap();
            announced.check(&kept).unwrap_err().reason()
        };
        assert_eq!(reason(Some(3)), "UPLOAD_HASH_MISMATCH");
        assert_eq!(reason(None), "UPLOAD_HASH_MISMATCH");
        assert_eq!(reason(Some(4)), "UPLOAD_SIZE_MISMATCH");
    }
}
