//! The clock behind the limit of CPU time: it ticks while guests run, and rests
//! when none has run for a while, so that a host at rest wakes no processor.

use std::{
    io,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread::{self, Thread},
    time::Duration,
};

/// Ticks without a call before the clock rests: waking it costs a call more
/// than a look at it, so it goes on through the pauses of a stream.
const PATIENCE: u32 = 100;

/// Ends with its last holder.
#[derive(Debug)]
pub(crate) struct Clock {
    calls: Arc<Calls>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Calls {
    running: AtomicUsize,
    /// One began since the last tick.
    begun: AtomicBool,
    /// The clock rests, or is about to.
    resting: AtomicBool,
    /// Nobody holds the clock any more.
    over: AtomicBool,
}

/// A call that the clock ticks for.
#[derive(Debug)]
pub(crate) struct Running(Arc<Clock>);

impl Clock {
    /// A clock that calls `tick` once in every `period`.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(crate) fn start(
        period: Duration,
        tick: impl Fn() + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let calls = Arc::new(Calls::default());
        // An OS thread, because a busy async pool must not stop the clock.
        let thread = thread::Builder::new().name("hostler-epoch".into()).spawn({
            let calls = Arc::clone(&calls);
            move || calls.count(period, tick)
        })?;
        Ok(Arc::new(Self {
            calls,
            thread: thread.thread().clone(),
        }))
    }

    /// To be called before a guest runs, and kept until it has returned.
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        self.calls.begun.store(true, Relaxed);
        // Announced before the look at the clock, which itself announces its
        // rest before it looks for calls: one of the two sees the other.
        self.calls.running.fetch_add(1, SeqCst);
        if self.calls.resting.load(SeqCst) {
            self.thread.unpark();
        }
        Running(Arc::clone(self))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.calls.running.fetch_sub(1, SeqCst);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.calls.over.store(true, SeqCst);
        self.thread.unpark();
    }
}

impl Calls {
    fn count(&self, period: Duration, tick: impl Fn()) {
        let mut quiet = 0;
        while !self.over.load(SeqCst) {
            thread::sleep(period);
            tick();
            let busy = self.begun.swap(false, Relaxed) || self.running.load(SeqCst) > 0;
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet >= PATIENCE {
                self.rest();
                quiet = 0;
            }
        }
    }

    /// Until the next call, or the end.
    fn rest(&self) {
        self.resting.store(true, SeqCst);
        while self.running.load(SeqCst) == 0 && !self.over.load(SeqCst) {
            thread::park();
        }
        self.resting.store(false, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for any machine.
    const LIMIT: Duration = Duration::from_secs(30);

    fn clock() -> (Arc<Clock>, Arc<AtomicUsize>) {
        let ticks = Arc::new(AtomicUsize::new(0));
        let clock = Clock::start(Duration::from_micros(10), {
            let ticks = Arc::clone(&ticks);
            move || {
                ticks.fetch_add(1, SeqCst);
            }
        });
        (clock.unwrap(), ticks)
    }

    fn wait_until(what: &str, holds: impl Fn() -> bool) {
        let begin = std::time::Instant::now();
        while !holds() {
            assert!(begin.elapsed() < LIMIT, "{what} did not happen");
            thread::yield_now();
        }
    }

    #[test]
    fn it_ticks_for_as_long_as_a_call_runs() {
        let (clock, ticks) = clock();
        let _running = clock.run();
        let enough = 10 * PATIENCE as usize;
        wait_until("ticking", || ticks.load(SeqCst) > enough);
    }

    #[test]
    fn it_rests_without_calls_and_ticks_again_for_the_next() {
        let (clock, ticks) = clock();
        for _ in 0..20 {
            wait_until("resting", || clock.calls.resting.load(SeqCst));
            let rested = ticks.load(SeqCst);
            let running = clock.run();
            wait_until("ticking", || ticks.load(SeqCst) > rested + 2);
            drop(running);
        }
    }

    #[test]
    fn its_thread_ends_with_it_even_at_rest() {
        for rests in [false, true] {
            let (clock, ticks) = clock();
            if rests {
                wait_until("resting", || clock.calls.resting.load(SeqCst));
            }
            drop(clock);
            // The thread drops the counter that it held.
            wait_until("the end", || Arc::strong_count(&ticks) == 1);
        }
    }
}
