//! What a device is called towards clients that know a fixed list of platforms
//! and kinds. Only how it is shown: the device key stays the host's own.

use hostler_provider::DeviceInfo;
use serde_json::{Value, json};

/// The platforms that every supported client knows. Another one in a list of
/// devices makes the client refuse the whole list.
const PLATFORMS: [&str; 5] = ["ios", "macos", "android", "linux", "web"];

/// What a device is shown as whose platform clients do not know: something with
/// a screen that is driven by its elements.
const OTHER_PLATFORM: &str = "web";

/// The platform as clients know it.
pub(crate) fn platform(info: &DeviceInfo) -> &'static str {
    let known = PLATFORMS.into_iter();
    let mut known = known.filter(|known| known.eq_ignore_ascii_case(&info.platform));
    known.next().unwrap_or(OTHER_PLATFORM)
}

/// The kind as clients know it.
pub(crate) fn kind(info: &DeviceInfo) -> &'static str {
    match info.kind.as_str() {
        "simulator" => "simulator",
        "emulator" => "emulator",
        _ => "device",
    }
}

/// The target as clients know it: tablets and the like are `mobile`.
pub(crate) fn target(info: &DeviceInfo) -> &'static str {
    match info.target.as_str() {
        "tv" => "tv",
        "desktop" => "desktop",
        _ => "mobile",
    }
}

/// Whether a client that asks for `wanted` means this device. `apple` is every
/// system of Apple; the host's own name of a platform counts, too.
pub(crate) fn is_platform(info: &DeviceInfo, wanted: &str) -> bool {
    let shown = platform(info);
    wanted.eq_ignore_ascii_case(shown)
        || wanted.eq_ignore_ascii_case(&info.platform)
        || (wanted.eq_ignore_ascii_case("apple") && matches!(shown, "ios" | "macos"))
}

/// A device as `devices` lists it.
pub(crate) fn listed(info: &DeviceInfo) -> Value {
    json!({
        "platform": platform(info), "id": info.hardware_id, "name": info.name,
        "kind": kind(info), "target": target(info), "booted": info.booted,
    })
}

/// The members that name the device of a session.
pub(crate) fn of_session(info: &DeviceInfo) -> Value {
    let mut named = json!({
        "platform": platform(info), "target": target(info), "device": info.name,
        "id": info.hardware_id, "kind": kind(info),
    });
    if let Some(map) = named.as_object_mut() {
        let by = match platform(info) {
            "ios" => Some("device_udid"),
            "android" => Some("serial"),
            _ => None,
        };
        if let Some(by) = by {
            map.insert(by.into(), info.hardware_id.clone().into());
        }
    }
    named
}

/// `<platform>:<target>:<id>`, as clients call a device. The id may have colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientKey<'a> {
    pub(crate) platform: &'a str,
    pub(crate) target: &'a str,
    pub(crate) id: &'a str,
}

impl<'a> ClientKey<'a> {
    /// Nothing if it has not three parts.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (platform, target, id) = (parts.next()?, parts.next()?, parts.next()?);
        let there = !platform.is_empty() && !target.is_empty() && !id.is_empty();
        there.then_some(Self {
            platform,
            target,
            id,
        })
    }

    /// What of it is not so, if anything.
    pub(crate) fn contradicts(&self, info: &DeviceInfo) -> Option<&'static str> {
        if !is_platform(info, self.platform) {
            return Some("platform");
        }
        (!self.target.eq_ignore_ascii_case(target(info))).then_some("target")
    }
}

/// The key of a device as clients write it.
pub(crate) fn client_key(info: &DeviceInfo) -> String {
    format!("{}:{}:{}", platform(info), target(info), info.hardware_id)
}

#[cfg(test)]
mod tests {
    use hostler_provider::Capabilities;

    use super::*;

    fn device(platform: &str, kind: &str, target: &str) -> DeviceInfo {
        DeviceInfo {
            platform: platform.into(),
            hardware_id: "10.0.0.2:5555".into(),
            name: "One".into(),
            kind: kind.into(),
            target: target.into(),
            version: None,
            booted: true,
            aliases: vec![],
            capabilities: Capabilities::default(),
        }
    }

    #[test]
    fn a_device_of_any_provider_is_shown_as_something_that_clients_know() {
        let phone = device("Android", "emulator", "tablet");
        let shown = (platform(&phone), kind(&phone), target(&phone));
        assert_eq!(shown, ("android", "emulator", "mobile"));
        let browser = device("chromium", "browser", "desktop");
        let shown = (platform(&browser), kind(&browser), target(&browser));
        assert_eq!(shown, ("web", "device", "desktop"));
        assert!(is_platform(&browser, "web") && is_platform(&browser, "Chromium"));
        assert!(!is_platform(&browser, "android"));
        assert!(is_platform(&device("ios", "simulator", "mobile"), "apple"));
    }

    #[test]
    fn a_clients_key_is_looked_up_by_its_last_part_and_must_not_contradict() {
        let phone = device("android", "emulator", "mobile");
        let key = ClientKey::parse("Android:Mobile:10.0.0.2:5555").unwrap();
        assert_eq!(key.id, phone.hardware_id);
        assert_eq!(key.contradicts(&phone), None);
        let other = ClientKey::parse("ios:mobile:x").unwrap();
        assert_eq!(other.contradicts(&phone), Some("platform"));
        let other = ClientKey::parse("android:tv:x").unwrap();
        assert_eq!(other.contradicts(&phone), Some("target"));
        for bad in ["", "android", "android:mobile", "android:mobile:", "::x"] {
            assert_eq!(ClientKey::parse(bad), None, "{bad}");
        }
    }
}
