//! A lease policy that does on demand what the host must contain: the command,
//! the caller's session or the device's name says what.

use std::{cell::Cell, hint::black_box};

use hostler_sdk::About;
use hostler_sdk::policy::{Caller, Choice, Device, Error, HandOver, Policy, Result, Terms, Wish};

thread_local! {
    /// Calls of this instance.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The policy.
#[derive(Debug)]
pub struct Scripted;

/// Does what the word says; other words are for the caller.
fn obey(word: &str) -> Result {
    CALLS.set(CALLS.get() + 1);
    match word {
        "panic" => panic!("panicked on purpose"),
        "loop" => {
            let mut turns = 0_u64;
            loop {
                turns = black_box(turns.wrapping_add(1));
            }
        }
        "hoard" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![black_box(1_u8); 1 << 20]);
            }
        }
        "deny" => Err(Error::Denied("not on a Sunday".into())),
        "shrug" => Err(Error::Other("no idea".into())),
        _ => Ok(()),
    }
}

impl Policy for Scripted {
    fn describe() -> About {
        About {
            title: "Scripted".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn needs_lease(caller: &Caller, command: &str) -> Result<bool> {
        obey(command)?;
        Ok(!caller.implicit)
    }

    fn resolve(caller: &Caller, _: &Wish, devices: &[Device]) -> Result<Vec<Choice>> {
        obey(&caller.session)?;
        if caller.session == "many" {
            return Ok(vec![Choice::Pool("all".into()); 9]);
        }
        if caller.session == "long" {
            return Ok(vec![Choice::Device("x".repeat(100_000))]);
        }
        let free = devices.iter().filter(|device| device.free).take(8);
        Ok(free
            .map(|device| Choice::Device(device.key.clone()))
            .collect())
    }

    /// `readers` is how many calls this instance has had.
    fn terms(caller: &Caller, wish: &Wish) -> Result<Terms> {
        obey(&caller.session)?;
        Ok(Terms {
            ttl_ms: wish.ttl_ms.unwrap_or(300_000),
            wait_ms: wish.wait_ms,
            readers: CALLS.get().try_into().unwrap_or(u16::MAX),
            hand_over: HandOver::Snapshot("clean".into()),
        })
    }

    fn admit(_: &Caller, device: &Device, command: &str) -> Result {
        obey(&device.name)?;
        obey(command)
    }
}

hostler_sdk::export_policy!(Scripted);
