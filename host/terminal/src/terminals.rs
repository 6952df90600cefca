//! The terminals of one session.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{
    error::TerminalError,
    program::{Exit, Program, Spawner},
    ring::RING,
    size::{Size, ViewerId},
    state::lock,
    terminal::{Opening, Terminal},
};

/// Terminals of one session unless told otherwise: more than a person looks at,
/// and with their rings little memory.
pub const TERMINALS: usize = 8;

/// What an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Terminals of one session, [`TERMINALS`] by default.
    pub terminals: usize,
    /// Bytes of output that are kept of each, [`RING`] by default.
    pub ring: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            terminals: TERMINALS,
            ring: RING,
        }
    }
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub id: String,
    /// As it was started, for people.
    pub command: String,
    pub size: Size,
    /// How its program ended, if it has.
    pub exit: Option<Exit>,
}

/// All terminals of a session, by the ids `t-1`, `t-2` and so on. One whose
/// program has ended stays to be looked at until it is closed or its place is
/// needed. Dropping this ends all programs.
#[derive(Debug)]
pub struct Terminals {
    spawner: Arc<dyn Spawner>,
    limits: Limits,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// By number, so that the oldest comes first.
    terminals: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    command: String,
    /// `None` while the program is being started: its place is taken.
    terminal: Option<Terminal>,
}

impl Terminals {
    #[must_use]
    pub fn new(spawner: Arc<dyn Spawner>, limits: Limits) -> Self {
        Self {
            spawner,
            limits,
            table: Mutex::default(),
        }
    }

    /// Starts `program` in a new terminal. If there is no place, the oldest one
    /// whose program has ended gives up its own.
    ///
    /// # Errors
    /// All places are taken by programs that run, or it could not be started.
    pub async fn open(
        &self,
        program: Program,
        viewer: ViewerId,
        size: Size,
    ) -> Result<(String, Terminal), TerminalError> {
        let place = self.reserve(&program)?;
        let ring = self.limits.ring;
        let opening = Opening { viewer, size, ring };
        let terminal = Terminal::open(self.spawner.as_ref(), program, opening).await?;
        let id = name(place.number);
        // Closed meanwhile: then its program ends with the caller's handle.
        if let Some(entry) = lock(&self.table).terminals.get_mut(&place.number) {
            entry.terminal = Some(terminal.clone());
        }
        Ok((id, terminal))
    }

    fn reserve(&self, program: &Program) -> Result<Place<'_>, TerminalError> {
        let mut table = lock(&self.table);
        if table.terminals.len() >= self.limits.terminals {
            let mut all = table.terminals.iter();
            let ended = all.find(|(_, entry)| entry.exit().is_some());
            let Some((&oldest, _)) = ended else {
                return Err(TerminalError::TooMany {
                    limit: self.limits.terminals,
                });
            };
            table.terminals.remove(&oldest);
        }
        table.last += 1;
        let number = table.last;
        let words: Vec<_> = program
            .argv
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        table.terminals.insert(
            number,
            Entry {
                command: words.join(" "),
                terminal: None,
            },
        );
        Ok(Place {
            table: &self.table,
            number,
        })
    }

    /// # Errors
    /// There is none of this id, or it is just being opened.
    pub fn get(&self, id: &str) -> Result<Terminal, TerminalError> {
        let table = lock(&self.table);
        let entry = number(id).and_then(|number| table.terminals.get(&number));
        let terminal = entry.and_then(|entry| entry.terminal.clone());
        terminal.ok_or_else(|| unknown(id))
    }

    /// Ends the program and forgets the terminal. Whoever views it still sees
    /// the end.
    ///
    /// # Errors
    /// There is none of this id.
    pub fn close(&self, id: &str) -> Result<(), TerminalError> {
        let mut table = lock(&self.table);
        let entry = number(id).and_then(|number| table.terminals.remove(&number));
        let entry = entry.ok_or_else(|| unknown(id))?;
        if let Some(terminal) = entry.terminal {
            terminal.close();
        }
        Ok(())
    }

    /// All that can be viewed, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Summary> {
        let table = lock(&self.table);
        let all = table.terminals.iter();
        all.filter_map(|(number, entry)| {
            let terminal = entry.terminal.as_ref()?;
            Some(Summary {
                id: name(*number),
                command: entry.command.clone(),
                size: terminal.size(),
                exit: terminal.exit(),
            })
        })
        .collect()
    }

    /// A viewer is gone, from all of them.
    pub fn leave(&self, viewer: ViewerId) {
        let table = lock(&self.table);
        for terminal in table
            .terminals
            .values()
            .filter_map(|entry| entry.terminal.as_ref())
        {
            terminal.leave(viewer);
        }
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        // Others may hold handles.
        for entry in lock(&self.table).terminals.values() {
            if let Some(terminal) = &entry.terminal {
                terminal.close();
            }
        }
    }
}

impl Entry {
    fn exit(&self) -> Option<Exit> {
        self.terminal.as_ref()?.exit()
    }
}

/// A terminal that is being opened. Dropped before that, the place is free again.
struct Place<'a> {
    table: &'a Mutex<Table>,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut table = lock(self.table);
        let entry = table.terminals.get(&self.number);
        if entry.is_some_and(|entry| entry.terminal.is_none()) {
            table.terminals.remove(&self.number);
        }
    }
}

fn name(number: u64) -> String {
    format!("t-{number}")
}

fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("t-")?;
    // One spelling for each.
    let number = digits.parse().ok()?;
    (name(number) == id).then_some(number)
}

fn unknown(id: &str) -> TerminalError {
    TerminalError::Unknown { id: id.to_owned() }
}
