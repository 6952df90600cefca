//! How it stands with devices, in words.

use std::{fmt::Write as _, time::Duration};

use hostler_device::json::{Busy, DeviceState, DeviceStatus, Holder};

use crate::client::text::one_line;

/// Longest name in a sentence or a table, in characters.
pub(super) const NAME: usize = 60;

/// A time in its two largest units.
pub(super) fn time(ms: u64) -> String {
    let time = Duration::from_millis(ms);
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

pub(super) fn state(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Free => "free",
        DeviceState::HandingOver => "getting ready",
        DeviceState::Held => "held",
        DeviceState::TearingDown => "being freed",
        DeviceState::Absent => "absent",
    }
}

/// Who, in which of its sessions, with what.
pub(super) fn holder(holder: &Holder) -> String {
    let mut text = format!(
        "{} (session {}",
        one_line(&holder.principal, NAME),
        one_line(&holder.session, NAME)
    );
    if let Some(client) = &holder.client {
        let _ = write!(text, ", {}", one_line(client, NAME));
    }
    text.push(')');
    text
}

/// What is in the way, and what to do about it.
pub(super) fn busy(busy: &Busy) -> String {
    let want = one_line(busy.device.as_deref().unwrap_or(&busy.want), NAME);
    let mut text = match &busy.status {
        Some(status) => format!("{want} {}", situation(status)),
        None => format!("no device of {want} is free"),
    };
    let _ = writeln!(text, "; {}.", queue(busy.waiting));
    let asked = one_line(&busy.want, NAME);
    let _ = write!(
        text,
        "  to wait for it:            hostler device open {asked} --wait 5m\n  \
         to see who waits:          hostler lease show {asked}\n  \
         an operator can end it:    hostler lease release {want} --force"
    );
    text
}

/// What a device is doing, for whom, until when.
pub(super) fn situation(status: &DeviceStatus) -> String {
    let who = status
        .holder
        .as_ref()
        .map_or_else(|| "somebody else".to_owned(), holder);
    let mut text = match status.state {
        DeviceState::Free => "is free".to_owned(),
        DeviceState::HandingOver => format!("is being made ready for {who}"),
        DeviceState::Held => format!("is held by {who}"),
        DeviceState::TearingDown => "is being freed".to_owned(),
        DeviceState::Absent => "is not connected".to_owned(),
    };
    if let Some(left) = status.ends_in_ms {
        let _ = write!(text, ", for {} unless it is used", time(left));
    }
    match status.idle_ms {
        Some(idle) => {
            let _ = write!(text, ", idle for {}", time(idle));
        }
        None if status.state == DeviceState::Held => text.push_str(", in use now"),
        None => {}
    }
    text
}

pub(super) fn queue(waiting: usize) -> String {
    match waiting {
        0 => "nobody waits for it".to_owned(),
        1 => "one waits for it".to_owned(),
        more => format!("{more} wait for it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> DeviceStatus {
        DeviceStatus {
            state: DeviceState::Held,
            holder: Some(Holder {
                principal: "ann".into(),
                session: "ci\u{1b}[2J".into(),
                client: Some("hostler".into()),
            }),
            ends_in_ms: Some(200_000),
            idle_ms: Some(12_345),
            readers: 0,
            waiting: 2,
        }
    }

    #[test]
    fn busy_says_who_until_when_since_when_how_many_and_what_to_do() {
        let text = busy(&Busy {
            want: "pixel".into(),
            device: Some("android:1".into()),
            status: Some(status()),
            waiting: 2,
        });
        for part in [
            "android:1 is held by ann (session ci\\u{1b}[2J, hostler)",
            "for 3m 20s unless it is used",
            "idle for 12s",
            "2 wait for it",
            "hostler device open pixel --wait 5m",
            "hostler lease release android:1 --force",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn of_a_holder_that_may_not_be_known_nothing_is_said() {
        let status = DeviceStatus {
            holder: None,
            idle_ms: None,
            ..status()
        };
        let text = situation(&status);
        assert!(text.contains("held by somebody else"), "{text}");
        assert!(text.contains("in use now"), "{text}");
        let none = Busy {
            want: "@phones".into(),
            device: None,
            status: None,
            waiting: 0,
        };
        assert!(busy(&none).starts_with("no device of @phones is free; nobody waits"));
    }

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        for (ms, text) in [
            (999, "0s"),
            (59_000, "59s"),
            (60_000, "1m"),
            (61_000, "1m 1s"),
            (3_600_000, "1h 0m"),
            (90_000_000, "25h 0m"),
        ] {
            assert_eq!(time(ms), text);
        }
    }
}
