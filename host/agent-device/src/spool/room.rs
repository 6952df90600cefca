//! Room on the disk: of files that are there and of those that are being written,
//! whoever has them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_lease::Principal;
use tokio::time::Instant;

use super::{Shelf, SpoolError};

/// Bytes of one principal; its oldest files go first.
pub(super) const MAX_OF_ONE: u64 = 2 << 30;

/// Bytes of all; whoever would go over it is refused.
pub(super) const MAX_OF_ALL: u64 = 8 << 30;

/// Files of one principal, so that a list of them is short.
pub(super) const MAX_FILES_OF_ONE: usize = 256;

/// All room that is taken.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    of: HashMap<Principal, Own>,
}

/// What one principal has.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    bytes: u64,
    files: usize,
}

/// The room of one file, until this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    rooms: Arc<Rooms>,
    pub(super) owner: Principal,
    pub(super) bytes: u64,
}

impl Shelf {
    /// Room for a new file.
    pub(super) fn room(&self, owner: &Principal, bytes: u64) -> Result<Room, SpoolError> {
        self.take(owner, bytes, 1)?;
        Ok(Room {
            rooms: Arc::clone(&self.rooms),
            owner: owner.clone(),
            bytes,
        })
    }

    /// More room for a file that grew to `bytes`.
    pub(super) fn grow(&self, room: &mut Room, bytes: u64) -> Result<(), SpoolError> {
        let more = bytes.saturating_sub(room.bytes);
        if more > 0 {
            self.take(&room.owner, more, 0)?;
            room.bytes += more;
        }
        Ok(())
    }

    /// Takes room. If the principal has too much then, the oldest of its files go
    /// that nobody reads; none of them does if that is not enough.
    fn take(&self, owner: &Principal, bytes: u64, files: usize) -> Result<(), SpoolError> {
        let mut index = self.lock();
        if self
            .rooms
            .lock()
            .take(owner, bytes, files, Own::default())
            .is_ok()
        {
            return Ok(());
        }
        index.expire(Instant::now());
        let mut going = Vec::new();
        let mut freed = Own::default();
        let mut idle = index.idle(owner);
        loop {
            match self.rooms.lock().take(owner, bytes, files, freed) {
                Ok(()) => break,
                Err(refused) => {
                    let (id, size) = idle.next().ok_or(refused)?;
                    going.push(id.to_owned());
                    freed.bytes += size;
                    freed.files += 1;
                }
            }
        }
        drop(idle);
        for id in going {
            index.remove(&id);
        }
        Ok(())
    }
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are taken, of all.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes
    }
}

impl Taken {
    /// Takes room if there is enough when `freed` is free.
    fn take(
        &mut self,
        owner: &Principal,
        bytes: u64,
        files: usize,
        freed: Own,
    ) -> Result<(), SpoolError> {
        let own = self.of.get(owner).copied().unwrap_or_default();
        let then = Own {
            bytes: own.bytes.saturating_add(bytes),
            files: own.files + files,
        };
        let too_much = then.bytes.saturating_sub(freed.bytes) > MAX_OF_ONE;
        if too_much || then.files.saturating_sub(freed.files) > MAX_FILES_OF_ONE {
            return Err(SpoolError::TooMany);
        }
        let all = self.bytes.saturating_add(bytes);
        if all.saturating_sub(freed.bytes) > MAX_OF_ALL {
            return Err(SpoolError::Full);
        }
        self.bytes = all;
        self.of.insert(owner.clone(), then);
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.rooms.lock();
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
        if let Some(own) = taken.of.get_mut(&self.owner) {
            own.bytes = own.bytes.saturating_sub(self.bytes);
            own.files = own.files.saturating_sub(1);
            if own.files == 0 {
                taken.of.remove(&self.owner);
            }
        }
    }
}
