//! Ending a child that does not do as its protocol says: an interrupt, then TERM,
//! then KILL. The delays are those of the host's own supervisor, which does the
//! same when a session ends.

use std::time::Duration;

use crate::{
    Error, Result,
    process::{Child, Signal},
};

/// From the interrupt to TERM: time to stop a turn and save it.
pub const INTERRUPT_GRACE: Duration = Duration::from_millis(500);

/// From TERM to KILL: time to write files that are open.
pub const TERMINATE_GRACE: Duration = Duration::from_millis(1500);

/// How far a child is on the way to its end. It has ended when
/// [`Event::Exited`](crate::Event::Exited) says so, which may be after any step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    last: Option<Signal>,
}

impl Ending {
    /// Whether it was asked to go already.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Sends the next signal. The time is what the child has to follow it: set a
    /// timer, and when it fires before the child has ended, call this again. None:
    /// it was killed, or has ended already.
    ///
    /// # Errors
    /// None that a plugin could mend.
    pub fn go_on(&mut self, child: Child) -> Result<Option<Duration>> {
        let (signal, grace) = match self.last {
            None => (Signal::Interrupt, Some(INTERRUPT_GRACE)),
            Some(Signal::Interrupt) => (Signal::Terminate, Some(TERMINATE_GRACE)),
            Some(Signal::Terminate | Signal::Kill) => (Signal::Kill, None),
        };
        self.last = Some(signal);
        match child.kill(signal) {
            Ok(()) => Ok(grace),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, INTERRUPT_GRACE, TERMINATE_GRACE};
    use crate::testing::{Bench, Effect};
    use crate::{
        Description, Event, Harness, OpenParams, Origin, Prompt, PromptCapabilities, RequestId,
        Result, Status,
        process::{Child, Command, Exit, Signal},
        timer,
    };

    /// Ends its child when it is cancelled.
    struct Impatient(Child, Ending);

    impl Harness for Impatient {
        fn describe() -> Description {
            Description {
                title: "Impatient".to_owned(),
                version: "1".to_owned(),
                prompt: PromptCapabilities::default(),
                fork: false,
            }
        }

        fn probe() -> Result<Status> {
            Ok(Status::ready("always"))
        }

        fn open(_: RequestId, _: OpenParams, _: Origin) -> Result<Self> {
            Ok(Self(Command::new("deaf").spawn()?, Ending::default()))
        }

        fn prompt(&mut self, _: RequestId, _: Prompt) -> Result {
            Ok(())
        }

        fn cancel(&mut self) -> Result {
            match self.1.go_on(self.0)? {
                Some(grace) => timer::set(1, grace),
                None => Ok(()),
            }
        }

        fn on_event(&mut self, event: Event) -> Result {
            match event {
                Event::Timer(1) => self.cancel(),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn a_child_is_interrupted_then_terminated_then_killed() {
        let mut bench = Bench::<Impatient>::new();
        let (child, _) = bench.open().spawned();
        let kill = |signal| Effect::Kill { child, signal };
        let effects = bench.cancel();
        assert!(effects.contains(&kill(Signal::Interrupt)));
        assert!(effects.contains(&Effect::TimerSet {
            id: 1,
            after: INTERRUPT_GRACE
        }));
        let effects = bench.timer(1);
        assert!(effects.contains(&kill(Signal::Terminate)));
        assert!(effects.contains(&Effect::TimerSet {
            id: 1,
            after: TERMINATE_GRACE
        }));
        let effects = bench.timer(1);
        assert!(effects.contains(&kill(Signal::Kill)));
        assert!(bench.timers().is_empty(), "nothing comes after it");
    }

    #[test]
    fn a_child_that_has_ended_is_left_alone() {
        let mut bench = Bench::<Impatient>::new();
        let (child, _) = bench.open().spawned();
        bench.exited(child, Exit::code(0));
        let effects = bench.cancel();
        assert_eq!(effects.failed(), None);
        assert!(bench.timers().is_empty());
    }
}
