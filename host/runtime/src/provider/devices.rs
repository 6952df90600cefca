//! What `devices` returned, checked.

use hostler_provider::{Capabilities, DeviceInfo, ProviderError};

use crate::bindings::device::exports::hostler::device::provider::Device;
use crate::bindings::device::hostler::device::types::Capabilities as Flags;

/// Devices of one provider.
const DEVICES: usize = 10_000;

/// Bytes of a platform.
const PLATFORM: usize = 32;

/// Bytes of a hardware id, and of an alias.
const ID: usize = 128;

/// Other names of one device.
const ALIASES: usize = 16;

/// Bytes of what people read; the rest is cut.
const TEXT: usize = 256;

/// A device that breaks the contract is left out, and the log says why: it must
/// not hide the others. Too many are an error.
pub(super) fn checked(
    plugin: &str,
    devices: Vec<Device>,
) -> Result<Vec<DeviceInfo>, ProviderError> {
    if devices.len() > DEVICES {
        return Err(ProviderError::Broken(format!(
            "plugin {plugin} lists {} devices; at most {DEVICES} are taken",
            devices.len()
        )));
    }
    Ok(devices
        .into_iter()
        .filter_map(|device| {
            let id = device.hardware_id.clone();
            one(device)
                .inspect_err(|wrong| {
                    tracing::warn!(
                        target: "plugin", plugin, "the device {id:.128?} is left out: {wrong}"
                    );
                })
                .ok()
        })
        .collect())
}

fn one(device: Device) -> Result<DeviceInfo, String> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if device.platform.is_empty()
        || device.platform.len() > PLATFORM
        || !device.platform.chars().all(lower)
    {
        return Err(format!(
            "its platform {:.64?} is not 1 to {PLATFORM} lower-case letters, digits and `-`",
            device.platform
        ));
    }
    let graphic = |c: char| c.is_ascii_graphic();
    if device.hardware_id.is_empty()
        || device.hardware_id.len() > ID
        || !device.hardware_id.chars().all(graphic)
    {
        return Err(format!(
            "its hardware id is not 1 to {ID} printable ASCII characters without spaces"
        ));
    }
    if device.aliases.len() > ALIASES {
        return Err(format!(
            "it has {} aliases; at most {ALIASES} are taken",
            device.aliases.len()
        ));
    }
    if let Some(alias) = device
        .aliases
        .iter()
        .find(|alias| alias.trim().is_empty() || alias.len() > ID)
    {
        return Err(format!("its alias {alias:.64?} is not 1 to {ID} bytes"));
    }
    Ok(DeviceInfo {
        platform: device.platform,
        hardware_id: device.hardware_id,
        name: cut(device.name),
        kind: cut(device.kind),
        target: cut(device.target),
        version: device.version.map(cut),
        booted: device.booted,
        aliases: device.aliases,
        capabilities: capabilities(device.capabilities),
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT));
    text
}

fn capabilities(flags: Flags) -> Capabilities {
    let has = |flag| flags.contains(flag);
    Capabilities {
        apps: has(Flags::APPS),
        install: has(Flags::INSTALL),
        launch: has(Flags::LAUNCH),
        open_url: has(Flags::OPEN_URL),
        snapshot: has(Flags::SNAPSHOT),
        act: has(Flags::ACT),
        movement: has(Flags::MOVE),
        text: has(Flags::TEXT),
        keys: has(Flags::KEYS),
        buttons: has(Flags::BUTTONS),
        wait_idle: has(Flags::WAIT_IDLE),
        screenshot: has(Flags::SCREENSHOT),
        frame: has(Flags::FRAME),
        recording: has(Flags::RECORDING),
        logs: has(Flags::LOGS),
        alert: has(Flags::ALERT),
        clipboard: has(Flags::CLIPBOARD),
        orientation: has(Flags::ORIENTATION),
        files: has(Flags::FILES),
        native: has(Flags::NATIVE),
        shutdown: has(Flags::SHUTDOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device {
            platform: "chromium".into(),
            hardware_id: "phone-1".into(),
            name: "Phone".into(),
            kind: "browser".into(),
            target: "mobile".into(),
            version: None,
            booted: true,
            aliases: vec!["one".into()],
            capabilities: Flags::SNAPSHOT | Flags::MOVE,
        }
    }

    #[test]
    fn a_device_that_breaks_the_contract_is_left_out_and_hides_no_other() {
        let broken = [
            Device {
                platform: String::new(),
                ..device()
            },
            Device {
                platform: "iOS".into(),
                ..device()
            },
            Device {
                platform: "x".repeat(33),
                ..device()
            },
            Device {
                hardware_id: String::new(),
                ..device()
            },
            Device {
                hardware_id: "a b".into(),
                ..device()
            },
            Device {
                hardware_id: "é".into(),
                ..device()
            },
            Device {
                hardware_id: "x".repeat(10_000_000),
                ..device()
            },
            Device {
                aliases: vec!["x".into(); 17],
                ..device()
            },
            Device {
                aliases: vec![" ".into()],
                ..device()
            },
        ];
        for broken in broken {
            let listed = checked("p", vec![broken.clone(), device()]).unwrap();
            assert_eq!(listed.len(), 1, "{broken:.200?}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_too_many_devices_are_an_error() {
        let long = Device {
            name: "é".repeat(1000),
            ..device()
        };
        let listed = checked("p", vec![long]).unwrap();
        assert_eq!(listed[0].name.len(), 256);
        assert!(listed[0].capabilities.movement && listed[0].capabilities.snapshot);
        assert!(!listed[0].capabilities.shutdown);
        let error = checked("p", vec![device(); DEVICES + 1]).unwrap_err();
        assert!(
            error.to_string().contains("plugin p lists 10001"),
            "{error}"
        );
    }

    #[test]
    fn every_capability_has_its_flag() {
        for (name, there) in capabilities(Flags::all()).named() {
            assert!(there, "{name}");
        }
    }
}
