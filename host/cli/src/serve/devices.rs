//! Devices on lease, in the host.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use hostler_device::{Config, Devices, Who};
use hostler_lease::{Label, Principal};
use hostler_store::{Leases, Records};
use tokio::time::timeout;

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

/// How long the sessions of devices may take to end when the host stops: as long
/// as closing an app takes, and below the ninety seconds after which service
/// managers kill.
const ENDING: Duration = Duration::from_secs(30);

/// Ends what is open on devices. One that does not end is left to the end of the
/// host, and of its programs with it.
pub(super) async fn stop(devices: &Devices) {
    ended(devices.stop()).await;
}

async fn ended(stop: impl Future<Output = ()>) -> bool {
    let ended = timeout(ENDING, stop).await.is_ok();
    if !ended {
        tracing::warn!(
            "a device did not end within {} seconds; the host stops without it",
            ENDING.as_secs()
        );
    }
    ended
}

/// Whether anybody holds a device or waits for one: then the host is needed.
pub(super) fn are_leased(devices: &Devices) -> bool {
    // The host itself may see all there is.
    let (Ok(principal), Ok(name)) = (Principal::new("host"), Label::new("host")) else {
        return false;
    };
    let host = Who {
        principal,
        token: name.clone(),
        surface: name,
        admin: true,
    };
    devices
        .leases(&host, true)
        .is_ok_and(|leases| !leases.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_device_that_never_ends_does_not_keep_the_host_from_stopping() {
        assert!(!ended(std::future::pending()).await);
        assert!(ended(async {}).await);
    }
}
