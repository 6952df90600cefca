//! Waiting until nothing moves.

use std::time::Duration;

use hostler_sdk::clock;
use hostler_sdk::device::{Error, Result};

use crate::wire::{COMMAND, Kind, Wire};

/// How long the page itself watches before it is asked again.
const WATCH: Duration = Duration::from_millis(500);

/// Between two questions to a page that was just left.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether nothing changed, scrolled, ran or was loaded for 300 ms. An animation
/// without an end is no reason to wait for ever.
const WATCHER: &str = "new Promise((done) => {
    const began = performance.now();
    let last = began, loaded = performance.getEntriesByType('resource').length;
    const moved = () => { last = performance.now(); };
    const seen = new MutationObserver(moved);
    seen.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
    addEventListener('scroll', moved, true);
    const runs = (animation) => animation.playState === 'running'
        && Number.isFinite(animation.effect?.getComputedTiming().endTime);
    const timer = setInterval(() => {
        const entries = performance.getEntriesByType('resource').length;
        if (entries !== loaded || document.readyState !== 'complete'
            || document.getAnimations().some(runs)) { loaded = entries; moved(); }
        const now = performance.now();
        if (now - last < 300 && now - began < WATCH_MS) return;
        clearInterval(timer);
        seen.disconnect();
        removeEventListener('scroll', moved, true);
        done(now - last >= 300);
    }, 30);
})";

pub(crate) fn wait(wire: &Wire, timeout: Duration) -> Result {
    let watcher = WATCHER.replace("WATCH_MS", &WATCH.as_millis().to_string());
    let until = clock::monotonic()? + timeout;
    loop {
        let quiet = match wire.evaluate(&watcher, COMMAND) {
            Ok(quiet) => quiet,
            // The page was left while it watched.
            Err(fault) if fault.kind == Kind::Other => false,
            Err(fault) => return Err(fault.into()),
        };
        if quiet {
            return Ok(());
        }
        if clock::monotonic()? >= until {
            return Err(Error::TimedOut(format!(
                "something still moved on the page after {} ms",
                timeout.as_millis()
            )));
        }
        clock::sleep(PAUSE).map_err(|_| Error::Cancelled)?;
    }
}
