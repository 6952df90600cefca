//! The worlds of the contract, as far as they differ before anything is called.

use std::{fmt, future::Future};

use wasmtime::{
    Engine, Store,
    component::{HasSelf, InstancePre, Linker},
};

use crate::{
    about::{Description, PromptCapabilities},
    bindings::{
        HarnessPlugin, HarnessPluginPre,
        device::{DeviceProvider, DeviceProviderPre, hostler::device::types::Error as DeviceError},
        hostler::types::types::Error,
        policy::{LeasePolicy, LeasePolicyPre, hostler::policy::types::Error as PolicyError},
    },
    state::State,
};

/// Which world a plugin is of: what it exports decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// `hostler:harness/harness-plugin`.
    Harness,
    /// `hostler:device/device-provider`.
    DeviceProvider,
    /// `hostler:policy/lease-policy`.
    LeasePolicy,
}

impl World {
    const ALL: [Self; 3] = [Self::Harness, Self::DeviceProvider, Self::LeasePolicy];

    /// The interface that only plugins of this world export.
    fn interface(self) -> &'static str {
        match self {
            Self::Harness => "hostler:harness/harness",
            Self::DeviceProvider => "hostler:device/provider",
            Self::LeasePolicy => "hostler:policy/policy",
        }
    }

    /// The world that these exports make, or what is wrong with them.
    pub(crate) fn of(exports: &[String]) -> Result<Self, String> {
        let without_version = |export: &'_ String| -> String {
            export.split('@').next().unwrap_or_default().to_owned()
        };
        let names: Vec<_> = exports.iter().map(without_version).collect();
        let mut worlds = Self::ALL
            .into_iter()
            .filter(|world| names.iter().any(|name| name == world.interface()));
        match (worlds.next(), worlds.next()) {
            (Some(world), None) => Ok(world),
            (Some(_), Some(_)) => Err(format!(
                "it exports {}, and a plugin is of one world only",
                exports.join(" and ")
            )),
            (None, _) => {
                let exported = match exports {
                    [] => "nothing".to_owned(),
                    exports => exports.join(", "),
                };
                Err(format!(
                    "it exports {exported}, and a plugin exports one of {}",
                    Self::ALL.map(Self::interface).join(", ")
                ))
            }
        }
    }
}

/// As tables and messages have it.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Harness => "harness",
            Self::DeviceProvider => "device-provider",
            Self::LeasePolicy => "lease-policy",
        })
    }
}

/// A guest's own refusal, as a sentence.
pub(crate) type Refusal = String;

/// A component of one world, linked and ready to be instantiated.
pub(crate) trait Pre: Clone + Send + Sync + 'static {
    type Guest: Send + Sync;

    /// Adds what this world imports.
    fn link(linker: &mut Linker<State>) -> wasmtime::Result<()>;

    /// Looks for what it exports.
    fn new(pre: InstancePre<State>) -> wasmtime::Result<Self>;

    fn engine(&self) -> &Engine;

    fn instantiate(
        &self,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Self::Guest>> + Send;

    fn describe(
        guest: &Self::Guest,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Result<Description, Refusal>>> + Send;
}

/// All but `describe` is the same for all worlds.
macro_rules! generated {
    ($guest:ident) => {
        type Guest = $guest;

        fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
            $guest::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
        }

        fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
            Self::new(pre)
        }

        fn engine(&self) -> &Engine {
            self.engine()
        }

        async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Self::Guest> {
            self.instantiate_async(store).await
        }
    };
}

impl Pre for HarnessPluginPre<State> {
    generated!(HarnessPlugin);

    async fn describe(
        guest: &HarnessPlugin,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Result<Description, Refusal>> {
        let answer = guest.hostler_harness_harness().call_describe(store).await?;
        Ok(answer
            .map(|description| Description {
                title: description.title,
                version: description.version,
                prompt: PromptCapabilities {
                    image: description.prompt.image,
                    audio: description.prompt.audio,
                    embedded_context: description.prompt.embedded_context,
                },
                fork: description.fork,
            })
            .map_err(|error| sentence(&error)))
    }
}

impl Pre for DeviceProviderPre<State> {
    generated!(DeviceProvider);

    async fn describe(
        guest: &DeviceProvider,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Result<Description, Refusal>> {
        let answer = guest.hostler_device_provider().call_describe(store).await?;
        Ok(answer
            .map(|description| Description::without_prompt(description.title, description.version))
            .map_err(|error| device_sentence(&error)))
    }
}

impl Pre for LeasePolicyPre<State> {
    generated!(LeasePolicy);

    async fn describe(
        guest: &LeasePolicy,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Result<Description, Refusal>> {
        let answer = guest.hostler_policy_policy().call_describe(store).await?;
        Ok(answer
            .map(|description| Description::without_prompt(description.title, description.version))
            .map_err(policy_sentence))
    }
}

const NO_REASON: &str = "it gave no reason";

pub(crate) fn sentence(error: &Error) -> Refusal {
    match error {
        Error::Denied(text) | Error::Limit(text) | Error::Invalid(text) | Error::NotFound(text) => {
            text.clone()
        }
        Error::WouldBlock => "it would have to wait for a child to read".into(),
        Error::Other(text) => text.clone().unwrap_or_else(|| NO_REASON.into()),
    }
}

pub(crate) fn device_sentence(error: &DeviceError) -> Refusal {
    match error {
        DeviceError::NotFound(text)
        | DeviceError::Unsupported(text)
        | DeviceError::Invalid(text)
        | DeviceError::TimedOut(text)
        | DeviceError::Lost(text) => text.clone(),
        DeviceError::StaleRef(number) => format!("the ref {number} is stale"),
        DeviceError::AlertOpen(text) => format!("an alert is open: {text}"),
        DeviceError::Fenced => "a greater fencing token was seen".into(),
        DeviceError::Cancelled => "the call was cancelled".into(),
        DeviceError::Other(text) => text.clone().unwrap_or_else(|| NO_REASON.into()),
    }
}

pub(crate) fn policy_sentence(error: PolicyError) -> Refusal {
    match error {
        PolicyError::Denied(text) => text,
        PolicyError::Other(text) => text.unwrap_or_else(|| NO_REASON.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(exports: &[&str]) -> Result<World, String> {
        let exports: Vec<_> = exports.iter().map(ToString::to_string).collect();
        World::of(&exports)
    }

    #[test]
    fn what_a_component_exports_says_of_which_world_it_is() {
        for (export, world) in [
            ("hostler:harness/harness@0.1.0-draft", World::Harness),
            ("hostler:device/provider@0.1.0-draft", World::DeviceProvider),
            ("hostler:policy/policy@0.2.0", World::LeasePolicy),
        ] {
            assert_eq!(of(&[export]), Ok(world));
            assert_eq!(of(&["other:thing/else", export]), Ok(world));
        }
    }

    #[test]
    fn a_component_of_no_world_or_of_two_is_an_error_that_names_its_exports() {
        assert!(of(&[]).unwrap_err().contains("exports nothing"));
        let error = of(&["hostler:device/types@0.1.0-draft"]).unwrap_err();
        assert!(error.contains("hostler:device/types"), "{error}");
        assert!(error.contains("hostler:device/provider"), "{error}");
        let two = ["hostler:harness/harness", "hostler:policy/policy"];
        let error = of(&two).unwrap_err();
        assert!(two.iter().all(|name| error.contains(name)), "{error}");
    }
}
