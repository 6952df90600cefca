//! Whether the other side is still there.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{
    client::halves::Heard,
    exit::{Exit, Failure},
};

/// After so long without a word the host of another machine is asked for one,
/// and after as long again the connection is taken for dead. A network that is
/// gone, or a machine that slept, tells nobody.
const QUIET: Duration = Duration::from_secs(10);

/// Whether a host that says nothing is still there.
pub(super) struct Watch {
    /// None: it need not be watched.
    heard: Option<Heard>,
    asked: Option<Instant>,
}

impl Watch {
    pub(super) fn new(heard: Option<Heard>) -> Self {
        Self { heard, asked: None }
    }

    /// Nothing could be heard until now.
    pub(super) fn begin_anew(&mut self) {
        self.asked = None;
    }

    /// Resolves when it is time to look.
    pub(super) async fn silence(&self) {
        let heard = self.heard.as_ref().map(Heard::last);
        until(
            heard
                .max(self.asked.filter(|_| heard.is_some()))
                .map(|since| since + QUIET),
        )
        .await;
    }

    /// It was asked, and has said nothing since. Otherwise it is asked now.
    pub(super) fn is_dead(&mut self) -> bool {
        let heard = self.heard.as_ref().map(Heard::last);
        if self.asked.is_some() && heard <= self.asked {
            return true;
        }
        self.asked = Some(Instant::now());
        false
    }
}

/// Resolves then; without a time never.
pub(super) async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

pub(super) fn dead() -> Failure {
    let seconds = 2 * QUIET.as_secs();
    Failure::new(
        Exit::HostLost,
        format!("nothing was heard of the host for {seconds} seconds"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_does_not_answer_when_it_is_asked_is_dead() {
        let heard = Heard::new();
        let mut watch = Watch::new(Some(heard.clone()));
        let begin = Instant::now();
        watch.silence().await;
        assert!(!watch.is_dead(), "it is asked first");
        watch.silence().await;
        assert!(watch.is_dead());
        assert_eq!(begin.elapsed().as_secs(), 2 * QUIET.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_answers_is_asked_again_and_again() {
        let heard = Heard::new();
        let mut watch = Watch::new(Some(heard.clone()));
        for _ in 0..5 {
            watch.silence().await;
            assert!(!watch.is_dead());
            tokio::time::sleep(Duration::from_millis(10)).await;
            heard.now();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_the_next_moment_is_one() {
        let heard = Heard::new();
        let mut watch = Watch::new(Some(heard.clone()));
        watch.silence().await;
        let moment = Duration::from_micros(1);
        tokio::time::advance(moment).await;
        assert!(!watch.is_dead(), "it is asked");
        tokio::time::advance(moment).await;
        heard.now();
        watch.silence().await;
        assert!(!watch.is_dead(), "it has answered");
    }

    #[tokio::test(start_paused = true)]
    async fn the_host_of_this_machine_is_not_asked() {
        let watch = Watch::new(None);
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(timeout(day, watch.silence()).await.is_err());
    }
}
