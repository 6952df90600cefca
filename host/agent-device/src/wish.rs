//! Which device a client wants, from what it writes.

use hostler_device::{DeviceView, Refusal};
use hostler_lease::{Condition, MAX_CHOICES};
use hostler_provider::{Choice, DeviceInfo, Wish};

use crate::{
    caller::Caller,
    fault::Fault,
    platform::{is_platform, target},
    request::Fields,
    scope,
    state::Shared,
};

/// The members by which a client names a device; they stand in the flags of a
/// command, and in the parameters of an allocation.
const NAMES: [&str; 3] = ["device", "udid", "serial"];

/// What the client wrote.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    names: Vec<String>,
    pub(crate) platform: Option<String>,
    pub(crate) target: Option<String>,
}

impl Asked {
    pub(crate) fn read(fields: &Fields) -> Result<Self, Fault> {
        let mut names = Vec::new();
        for name in NAMES {
            names.extend(fields.text(name)?.map(str::to_owned));
        }
        Ok(Self {
            names,
            platform: fields.text("platform")?.map(str::to_owned),
            target: fields.text("target")?.map(str::to_owned),
        })
    }

    /// Whether it says anything.
    pub(crate) fn says_something(&self) -> bool {
        !self.names.is_empty() || self.platform.is_some() || self.target.is_some()
    }

    /// Whether it names one device.
    pub(crate) fn names_one(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether it could be this one, by platform and target.
    pub(crate) fn fits(&self, info: &DeviceInfo) -> bool {
        let platform = self.platform.as_deref();
        let wanted = self.target.as_deref();
        platform.is_none_or(|wanted| is_platform(info, wanted))
            && wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(target(info)))
    }

    /// Whether it could be this one, by its names too.
    pub(crate) fn is(&self, view: &DeviceView) -> bool {
        let info = &view.info;
        let own = [view.key.as_str(), &info.hardware_id, &info.name];
        let aliases = info.aliases.iter().map(String::as_str);
        let mut own = own.into_iter().chain(aliases).map(str::to_lowercase);
        let named = |wanted: &String| own.any(|own| own == wanted.to_lowercase());
        self.fits(info) && self.names.iter().all(named)
    }

    /// The wish, for the rules of leasing. `key` is a client's device key.
    pub(crate) async fn wish(
        &self,
        shared: &Shared,
        caller: &Caller,
        key: Option<&str>,
    ) -> Result<Wish, Fault> {
        let mut wish = Wish::default();
        if !self.says_something() && key.is_none() {
            return Ok(wish);
        }
        shared.devices.listed().await;
        let mut chosen = None;
        let names = self.names.iter().map(String::as_str);
        for name in key.into_iter().chain(names) {
            let found = scope::named(&shared.devices, name)?;
            if chosen.as_ref().is_some_and(|chosen| *chosen != found) {
                let message = format!("{name:?} is another device than the one named before it");
                return Err(Fault::args(message));
            }
            chosen = Some(found);
        }
        if let Some(chosen) = chosen {
            let view = shared.devices.device(&caller.who, &chosen);
            if let (Some(view), Some(key)) = (&view, key) {
                scope::agrees(key, &view.info)?;
            }
            if view.is_some_and(|view| !self.fits(&view.info)) {
                let platform = self.platform.clone().unwrap_or_default();
                let key = chosen.to_string();
                return Err(Refusal::WrongPlatform { key, platform }.into());
            }
            wish.choices.push(Choice::Device(chosen.to_string()));
            return Ok(wish);
        }
        let listing = shared.devices.devices(&caller.who, false).await;
        let mut fitting: Vec<_> = listing
            .devices
            .iter()
            .filter(|view| self.fits(&view.info))
            .collect();
        let Some(first) = fitting.first() else {
            return Err(Refusal::NoDevice(self.platform.clone()).into());
        };
        let platform = &first.info.platform;
        if self.target.is_none() && fitting.iter().all(|view| view.info.platform == *platform) {
            // The policy chooses among all of that platform.
            wish.platform = Some(platform.clone());
            return Ok(wish);
        }
        fitting.sort_by_key(|view| view.status.condition != Condition::Free);
        let keys = fitting
            .iter()
            .take(MAX_CHOICES)
            .map(|view| view.key.to_string());
        wish.choices = keys.map(Choice::Device).collect();
        Ok(wish)
    }
}
