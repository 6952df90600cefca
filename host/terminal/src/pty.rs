//! The PTY device.
//!
//! By system calls that rustix makes safe, and without threads of its own: the
//! master is never blocked on, so that closing a terminal never waits for a
//! program.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStringExt, fs::OpenOptionsExt},
    },
    path::PathBuf,
};

use rustix::{
    io::{FdFlags, fcntl_setfd, ioctl_fionbio},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::size::Size;

/// Both ends of a PTY.
#[derive(Debug)]
pub(crate) struct Pty {
    /// Reading and writing never block.
    pub(crate) master: File,
    /// Held until the program has ended: without it a program that closes its
    /// terminal for a moment would look like one that has ended.
    pub(crate) slave: OwnedFd,
    /// The slave's device.
    pub(crate) tty: PathBuf,
}

impl Pty {
    pub(crate) fn open(size: Size) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        // At once where that is possible: a program that got it would keep its
        // own terminal alive.
        #[cfg(target_os = "linux")]
        let flags = flags | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        fcntl_setfd(&master, FdFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        ioctl_fionbio(&master, true)?;
        let tty = ptsname(&master, Vec::new())?;
        let tty = PathBuf::from(OsString::from_vec(tty.into_bytes()));
        let mut options = File::options();
        options.read(true).write(true);
        // It is the program's terminal and never the host's.
        options.custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed());
        let slave = options.open(&tty)?;
        resize(&slave, size)?;
        Ok(Self {
            master: File::from(master),
            slave: slave.into(),
            tty,
        })
    }
}

/// Sets the size that the program sees, and tells it.
pub(crate) fn resize(pty: impl AsFd, size: Size) -> io::Result<()> {
    let size = Winsize {
        ws_row: size.rows(),
        ws_col: size.cols(),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(tcsetwinsize(pty, size)?)
}
