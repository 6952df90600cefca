//! How it stands with devices, in words.

use std::{fmt::Write as _, time::Duration};

use hostler_device::json::{Busy, DeviceState, DeviceStatus, Holder};

use crate::client::text::one_line;

/// How a pool is written on the command line.
pub(super) const POOL: &str = "pool:";

/// Longest name in a sentence or a table, in characters.
pub(super) const NAME: usize = 60;

/// Longest list of names in a sentence: as many as one may ask for.
const LIST: usize = 8 * NAME;

/// Longest argument of a command that is suggested: a command that was cut does
/// something else, so this is more than what names are made of.
const ARGUMENT: usize = 4096;

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

/// What was asked for, as it was written.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// Devices and pools; empty if the policy chose.
    pub(super) selector: String,
    /// Further arguments, as a shell takes them.
    pub(super) options: String,
}

/// What is in the way, and what to do about it: with the words of who asked, or
/// else with the host's.
pub(super) fn busy(busy: &Busy, wish: &Wish) -> String {
    let wants: Vec<_> = busy.wants.iter().map(|want| selector(want)).collect();
    let wants = wants.join(",");
    let one = matches!(&busy.wants[..], [want] if !want.starts_with('@'));
    let device = busy.device.as_deref();
    let mut text = if one {
        device.map_or_else(String::new, |key| format!("{} ", one_line(key, NAME)))
    } else {
        format!("no device of {} is free", one_line(&wants, LIST))
    };
    if let (Some(key), false) = (device, one) {
        let _ = write!(text, "; the next could be {}, which ", one_line(key, NAME));
    }
    if let Some(status) = &busy.status {
        text.push_str(&situation(status));
    }
    let _ = writeln!(text, "; {}.", queue(busy.waiting));
    let show = match wish.selector.is_empty() {
        true => argument(&wants),
        false => argument(&wish.selector),
    };
    let again = match wish.selector.is_empty() {
        true if wish.options.is_empty() && !wants.is_empty() => format!(" {show}"),
        true => String::new(),
        false => format!(" {show}"),
    };
    let _ = write!(
        text,
        "  to wait for it:            hostler device open{again}{} --wait 5m\n  \
         to see who waits:          hostler lease show {show}",
        wish.options
    );
    if let Some(key) = device {
        let _ = write!(
            text,
            "\n  an operator can end it:    hostler lease release {} --force",
            argument(key)
        );
    }
    text
}

/// What a host calls a pool, `@NAME`, as it is written here.
pub(super) fn selector(want: &str) -> String {
    match want.strip_prefix('@') {
        Some(pool) => format!("{POOL}{pool}"),
        None => want.to_owned(),
    }
}

/// A text as an argument that a shell takes as it is.
pub(super) fn argument(text: &str) -> String {
    let text = one_line(text, ARGUMENT);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/@+=%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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
        let held = Busy {
            wants: vec!["android:1".into()],
            device: Some("android:1".into()),
            status: Some(status()),
            waiting: 2,
        };
        let wish = Wish {
            selector: "Pixel 8".into(),
            options: " --policy local".into(),
        };
        let text = busy(&held, &wish);
        for part in [
            "android:1 is held by ann (session ci\\u{1b}[2J, hostler)",
            "for 3m 20s unless it is used",
            "idle for 12s",
            "2 wait for it",
            "hostler device open 'Pixel 8' --policy local --wait 5m",
            "hostler lease show 'Pixel 8'",
            "hostler lease release android:1 --force",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        // Whose words are not known is answered with the host's.
        let text = busy(&held, &Wish::default());
        assert!(
            text.contains("hostler device open android:1 --wait 5m"),
            "{text}"
        );
    }

    #[test]
    fn of_several_the_one_that_is_free_soonest_is_told_and_the_command_can_be_run() {
        let held = Busy {
            wants: vec!["@phones".into(), "android:9".into()],
            device: Some("android:1".into()),
            status: Some(status()),
            waiting: 1,
        };
        let text = busy(&held, &Wish::default());
        for part in [
            "no device of pool:phones,android:9 is free; the next could be android:1, which is held",
            "for 3m 20s unless it is used",
            "one waits for it",
            "hostler device open pool:phones,android:9 --wait 5m",
            "hostler lease show pool:phones,android:9",
            "hostler lease release android:1 --force",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let wish = Wish {
            selector: String::new(),
            options: " --platform android".into(),
        };
        let text = busy(&held, &wish);
        assert!(
            text.contains("hostler device open --platform android --wait 5m"),
            "{text}"
        );
        assert_eq!(argument("it's"), r"'it'\''s'");
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
            wants: vec!["@phones".into()],
            device: None,
            status: None,
            waiting: 0,
        };
        let text = busy(&none, &Wish::default());
        assert!(
            text.starts_with("no device of pool:phones is free; nobody waits"),
            "{text}"
        );
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
