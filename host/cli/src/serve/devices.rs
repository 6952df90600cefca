//! Devices on lease, in the host.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use hostler_device::{Config, Devices, Who};
use hostler_lease::{Label, Principal};
use hostler_store::{Leases, Records};

use crate::observer::Recorder;

/// Starts the service on the leases that were kept. Nothing that an earlier host
/// started is left by now.
pub(super) fn start(config: Config, records: &Records, observer: Recorder) -> Result<Devices> {
    let loaded = records.load_leases().context("the leases cannot be read")?;
    for why in &loaded.unreadable {
        tracing::warn!("a lease that was kept cannot be read and is over: {why}");
    }
    let store = Leases::start(records.clone()).context("the leases cannot be kept")?;
    Ok(Devices::start(
        config,
        loaded.saved,
        loaded.starts,
        Arc::new(store),
        Arc::new(observer),
    ))
}

/// Whether anybody holds a device or waits for one: then the host is needed.
pub(super) fn are_leased(devices: &Devices) -> bool {
    // The host itself may see all there is.
    let (Ok(principal), Ok(token)) = (Principal::new("host"), Label::new("host")) else {
        return false;
    };
    let host = Who {
        principal,
        token,
        admin: true,
    };
    devices
        .leases(&host, true)
        .is_ok_and(|leases| !leases.is_empty())
}
