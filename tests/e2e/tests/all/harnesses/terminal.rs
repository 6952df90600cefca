//! A terminal with nobody at it, for a program that asks only where there is one.

use std::{fs::File, io::Read, process::Stdio, thread};

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

pub(super) struct Terminal(OwnedFd);

impl Terminal {
    pub(super) fn open() -> Self {
        let mine = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let mine = mine.expect("a terminal");
        grantpt(&mine).expect("its other end");
        unlockpt(&mine).expect("its other end");
        let name = ptsname(&mine, Vec::new()).expect("its name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let end = open(&name, flags, Mode::empty()).expect("its other end");
        // What is shown is read by nobody, but must not fill it up. This ends when
        // the program and this have closed its other end.
        thread::spawn(move || {
            let mut shown = [0; 4096];
            let mut mine = File::from(mine);
            while let Ok(1..) = mine.read(&mut shown) {}
        });
        Self(end)
    }

    /// For a program's input or output.
    pub(super) fn end(&self) -> Stdio {
        self.0.try_clone().expect("a descriptor").into()
    }
}
