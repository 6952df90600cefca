//! What a prompt can ask for: a name, and the rest of the prompt as its argument.

use std::time::Duration;

use hostler_sdk::process::{Child, Command};
use hostler_sdk::{Error, Failure, RequestId, Result, acp, client, clock, config, random, timer};
use serde_json::Value;

use crate::{Misbehaving, Mischief};

/// How much `fill-stdin` writes at a time, line end included.
const CHUNK: usize = 64 << 10;

/// The update of `big-update` when no size is given: as long as the longest line
/// of a child, which an adapter may well pass on.
const BIG_UPDATE: usize = 32 << 20;

impl Misbehaving {
    pub(crate) fn behave(&mut self, request: RequestId, name: &str, rest: &str) -> Result {
        match name {
            // Well behaved, to see that the instance lives.
            "echo" => self.report(rest),
            "json-roundtrip" => self.report(serde_json::from_str::<Value>(rest)?),
            "config" => self.report(config::raw()?),
            "clock" => self.report(clock::monotonic()?.as_nanos()),
            "uuid" => self.report(random::uuid()?),
            "timer" => timer::set(1, Duration::from_millis(number(rest)?)),
            "ask" => self.ask().map(drop),
            "spawn" => self.spawn(rest).map(drop),
            "remember" => {
                self.remember(rest)?;
                self.report("remembered")
            }
            "recall" => {
                let remembered = self.remembered.clone();
                self.report(remembered.unwrap_or("nothing".to_owned()))
            }

            // Traps. What the same call did before must not happen.
            "panic" => trap(Mischief::Panic),
            "loop" => trap(Mischief::Loop),
            "alloc" => trap(Mischief::Alloc),
            "stack" => trap(Mischief::Stack),
            "echo-then-panic" => {
                client::message(rest)?;
                trap(Mischief::Panic)
            }
            "remember-then-panic" => {
                self.remember(rest)?;
                trap(Mischief::Panic)
            }

            // Too much of something.
            "burn" => self.burn(Duration::from_millis(number(rest)?)),
            "flood-updates" => loop {
                if let Err(error) = client::message("flood") {
                    return self.fail(error);
                }
            },
            "big-update" if rest.is_empty() => self.big_update(BIG_UPDATE),
            "big-update" => self.big_update(usize::try_from(number(rest)?).unwrap_or(usize::MAX)),
            "checkpoint-too-big" => {
                let outcome = client::checkpoint(&vec![0; (64 << 10) + 1]);
                self.report_refusal(outcome)
            }
            "many-timers" => {
                let hour = Duration::from_secs(3600);
                let outcome = (0..=64).try_for_each(|id| timer::set(id, hour));
                self.report_refusal(outcome)
            }
            "fill-stdin" => self.fill_stdin(rest),

            // Against the contract.
            "bad-json" => {
                let outcome = client::update_raw(r#"{"sessionUpdate":"#);
                self.report_refusal(outcome)
            }
            "not-object" => {
                let outcome = client::update_raw("[1, 2]");
                self.report_refusal(outcome)
            }
            "bad-answer" => {
                let outcome = client::answer_raw(request, "{");
                self.report_refusal(outcome)
            }
            "double-answer" => {
                self.end(acp::StopReason::EndTurn)?;
                let outcome = client::end_turn(request, acp::StopReason::EndTurn);
                client::message(format!("second answer: {outcome:?}"))
            }
            "ask-twice-same-id" => {
                let id = self.ask()?;
                let outcome = ask(id);
                client::withdraw(id)?;
                self.report_refusal(outcome)
            }
            "fail" => Err(Error::other("failed on purpose")),
            "hang" => Ok(()),
            "deaf" => {
                self.deaf = true;
                Ok(())
            }

            // Out of the sandbox.
            "spawn-denied" => {
                let outcome = Command::new("/bin/sh").args(["-c", "id"]).spawn();
                self.report_refusal(outcome.map(drop))
            }
            "run-outside-probe" => {
                let outcome = Command::new("true").run(Duration::from_secs(1));
                self.report_refusal(outcome.map(drop))
            }
            "fs" => match std::fs::read_to_string("/etc/hostname") {
                Ok(text) => self.report(format!("read: {text}")),
                Err(error) => self.report(error),
            },
            "env" => {
                let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
                self.report(format!("{} variables: {}", names.len(), names.join(" ")))
            }
            _ => self.fail(Failure::invalid_params(format!("no behaviour {name:?}"))),
        }
    }

    fn fail(&mut self, failure: impl Into<Failure>) -> Result {
        match self.turn.take() {
            Some(request) => client::fail(request, failure),
            None => Ok(()),
        }
    }

    fn remember(&mut self, what: &str) -> Result {
        self.remembered = Some(what.to_owned());
        client::checkpoint(what.as_bytes())
    }

    /// Asks under a new id.
    fn ask(&mut self) -> Result<u64> {
        self.last_ask += 1;
        ask(self.last_ask)?;
        Ok(self.last_ask)
    }

    /// An update whose text has this many bytes. Built by hand, so that memory
    /// holds it once.
    fn big_update(&mut self, size: usize) -> Result {
        let head = r#"{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":""#;
        let mut update = String::with_capacity(size + 256);
        update.push_str(head);
        update.extend(std::iter::repeat_n('x', size));
        update.push_str(r#""}}"#);
        match client::update_raw(&update) {
            Ok(()) => self.end(acp::StopReason::EndTurn),
            Err(error) => self.fail(error),
        }
    }

    /// Uses the processor for this long, by the clock.
    fn burn(&mut self, duration: Duration) -> Result {
        let until = clock::monotonic()? + duration;
        let mut turns = 0_u64;
        while clock::monotonic()? < until {
            turns += 1;
        }
        self.report(turns)
    }

    /// Starts a program; its lines become text and its end ends the turn.
    fn spawn(&mut self, command_line: &str) -> Result<Option<Child>> {
        let mut words = command_line.split_whitespace();
        let program = words.next().unwrap_or_default();
        match Command::new(program).args(words).spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => self.report(error)?,
        }
        Ok(self.child)
    }

    /// Writes to a program until its credit is used up, then says how much that
    /// was; the program's end ends the turn.
    fn fill_stdin(&mut self, command_line: &str) -> Result {
        let Some(child) = self.spawn(command_line)? else {
            return Ok(());
        };
        let mut line = vec![b'x'; CHUNK - 1];
        line.extend(b"\n");
        let mut written = 0;
        let refusal = loop {
            match child.write(&line) {
                Ok(()) => written += line.len(),
                Err(error) => break error,
            }
        };
        client::message(format!("{written} bytes, then: {refusal}\n"))?;
        child.close_stdin()
    }
}

fn ask(id: u64) -> Result {
    let tool_call = acp::ToolCallUpdate::new(
        "call-1",
        acp::ToolCallUpdateFields::new().title("Something".to_owned()),
    );
    let options = [
        acp::PermissionOption::new("allow", "Allow", acp::PermissionOptionKind::AllowOnce),
        acp::PermissionOption::new("reject", "Reject", acp::PermissionOptionKind::RejectOnce),
    ];
    client::request_permission(id, &tool_call, &options)
}

fn trap(mischief: Mischief) -> Result {
    mischief.trap();
    Ok(())
}

fn number(text: &str) -> Result<u64> {
    text.trim()
        .parse()
        .map_err(|_| Error::Invalid(format!("{text:?} is not a number")))
}
