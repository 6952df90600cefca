//! Calls of the host to a [`Policy`].

use std::marker::PhantomData;

use super::log_panics;
use crate::bindings::policy::{
    exports::hostler::policy::policy as wit,
    hostler::policy::types::{self, Error as Refusal},
};
use crate::policy::{Caller, Choice, Device, Error, HandOver, Policy, Terms, Wish};

/// The plugin as the contract sees it.
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

impl<P: Policy> wit::Guest for Component<P> {
    fn describe() -> Result<types::Description, Refusal> {
        log_panics();
        let about = P::describe();
        Ok(types::Description {
            title: about.title,
            version: about.version,
        })
    }

    fn needs_lease(caller: types::Caller, command: String) -> Result<bool, Refusal> {
        log_panics();
        Ok(P::needs_lease(&caller.into(), &command)?)
    }

    fn resolve(
        caller: types::Caller,
        wish: types::Wish,
        devices: Vec<types::Device>,
    ) -> Result<Vec<types::Choice>, Refusal> {
        log_panics();
        let devices: Vec<Device> = devices.into_iter().map(Into::into).collect();
        let choices = P::resolve(&caller.into(), &wish.into(), &devices)?;
        Ok(choices.into_iter().map(Into::into).collect())
    }

    fn terms(caller: types::Caller, wish: types::Wish) -> Result<types::LeaseTerms, Refusal> {
        log_panics();
        Ok(P::terms(&caller.into(), &wish.into())?.into())
    }

    fn admit(caller: types::Caller, device: types::Device, command: String) -> Result<(), Refusal> {
        log_panics();
        Ok(P::admit(&caller.into(), &device.into(), &command)?)
    }
}

impl From<types::Caller> for Caller {
    fn from(caller: types::Caller) -> Self {
        Self {
            principal: caller.principal,
            session: caller.session,
            tenant: caller.tenant,
            run: caller.run,
            client: caller.client,
            backend: caller.backend,
            implicit: caller.implicit,
        }
    }
}

impl From<types::Wish> for Wish {
    fn from(wish: types::Wish) -> Self {
        Self {
            choices: wish.choices.into_iter().map(Into::into).collect(),
            platform: wish.platform,
            reader: wish.reader,
            ttl_ms: wish.ttl_ms,
            wait_ms: wish.wait_ms,
            hand_over: wish.hand_over.map(Into::into),
        }
    }
}

impl From<types::Choice> for Choice {
    fn from(choice: types::Choice) -> Self {
        match choice {
            types::Choice::Device(selector) => Self::Device(selector),
            types::Choice::Pool(name) => Self::Pool(name),
        }
    }
}

impl From<Choice> for types::Choice {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Device(selector) => Self::Device(selector),
            Choice::Pool(name) => Self::Pool(name),
        }
    }
}

impl From<types::HandOver> for HandOver {
    fn from(hand_over: types::HandOver) -> Self {
        match hand_over {
            types::HandOver::Keep => Self::Keep,
            types::HandOver::ClearApps => Self::ClearApps,
            types::HandOver::Erase => Self::Erase,
            types::HandOver::Snapshot(name) => Self::Snapshot(name),
        }
    }
}

impl From<HandOver> for types::HandOver {
    fn from(hand_over: HandOver) -> Self {
        match hand_over {
            HandOver::Keep => Self::Keep,
            HandOver::ClearApps => Self::ClearApps,
            HandOver::Erase => Self::Erase,
            HandOver::Snapshot(name) => Self::Snapshot(name),
        }
    }
}

impl From<types::Device> for Device {
    fn from(device: types::Device) -> Self {
        Self {
            key: device.key,
            name: device.name,
            platform: device.platform,
            kind: device.kind,
            pools: device.pools,
            free: device.free,
        }
    }
}

impl From<Terms> for types::LeaseTerms {
    fn from(terms: Terms) -> Self {
        Self {
            ttl_ms: terms.ttl_ms,
            wait_ms: terms.wait_ms,
            readers: terms.readers,
            hand_over: terms.hand_over.into(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(why) => Self::Denied(why),
            Error::Other(why) => Self::Other(Some(why)),
        }
    }
}
