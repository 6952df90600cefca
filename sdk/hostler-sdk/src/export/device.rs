//! Calls of the host to a [`DeviceProvider`].

use std::{cell::RefCell, marker::PhantomData};

use super::{device_values::open_params, log_panics};
use crate::bindings::device::{
    exports::hostler::device::provider as wit,
    hostler::device::types::{self, Error as Refusal},
};
use crate::bindings::hostler::host::blob::Blob as Handle;
use crate::device::{DeviceProvider, DeviceSession, Error, fence::Fence};
use crate::{Blob, backend};

/// The plugin as the contract sees it.
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

/// The session resource: the contract's methods take `&self`.
#[derive(Debug)]
pub struct Session<P: DeviceProvider>(RefCell<Fence<P::Session>>);

impl<P: DeviceProvider> wit::Guest for Component<P> {
    type Session = Session<P>;

    fn describe() -> Result<types::Description, Refusal> {
        log_panics();
        let about = P::describe();
        Ok(types::Description {
            title: about.title,
            version: about.version,
        })
    }

    fn devices() -> Result<Vec<types::Device>, Refusal> {
        log_panics();
        Ok(P::devices()?.into_iter().map(Into::into).collect())
    }
}

impl<P: DeviceProvider> Session<P> {
    /// Does it, unless the token is stale.
    fn on<T>(
        &self,
        token: u64,
        call: impl FnOnce(&mut P::Session) -> Result<T, Error>,
    ) -> Result<T, Refusal> {
        Ok(call(self.0.borrow_mut().pass(token)?)?)
    }
}

/// An argument that lasts as long as the call; the session may keep it.
fn kept(blob: &Handle) -> Result<Blob, Error> {
    Ok(Blob(backend::Blob::of_handle(blob)?))
}

impl<P: DeviceProvider> wit::GuestSession for Session<P> {
    fn open(params: types::OpenParams) -> Result<wit::Session, Refusal> {
        log_panics();
        let token = params.token;
        let session = P::open(open_params(params))?;
        let session = Self(RefCell::new(Fence::new(session, token)));
        Ok(wit::Session::new(session))
    }

    fn screen(&self, token: u64) -> Result<types::Screen, Refusal> {
        Ok(self.on(token, P::Session::screen)?.into())
    }

    fn snapshot(&self, token: u64) -> Result<types::Tree, Refusal> {
        Ok(self.on(token, P::Session::snapshot)?.into())
    }

    fn act(&self, token: u64, target: types::Target, act: types::Act) -> Result<(), Refusal> {
        self.on(token, |device| device.act(target.into(), act.into()))
    }

    fn move_(&self, token: u64, movement: types::Movement) -> Result<(), Refusal> {
        self.on(token, |device| device.movement(movement.into()))
    }

    fn fill(&self, token: u64, target: types::Target, text: String) -> Result<(), Refusal> {
        self.on(token, |device| device.fill(target.into(), &text))
    }

    fn type_text(&self, token: u64, text: String) -> Result<(), Refusal> {
        self.on(token, |device| device.type_text(&text))
    }

    fn press(&self, token: u64, key: String) -> Result<(), Refusal> {
        self.on(token, |device| device.press(&key))
    }

    fn wait_idle(&self, token: u64, timeout_ms: u32) -> Result<(), Refusal> {
        self.on(token, |device| device.wait_idle(timeout_ms))
    }

    fn screenshot(&self, token: u64, full: bool) -> Result<types::Image, Refusal> {
        let image = self.on(token, |device| device.screenshot(full))?;
        Ok(types::Image::try_from(image)?)
    }

    fn frame(&self, token: u64) -> Result<types::Image, Refusal> {
        let image = self.on(token, P::Session::frame)?;
        Ok(types::Image::try_from(image)?)
    }

    fn record_start(&self, token: u64) -> Result<(), Refusal> {
        self.on(token, P::Session::record_start)
    }

    fn record_stop(&self, token: u64) -> Result<types::Image, Refusal> {
        let film = self.on(token, P::Session::record_stop)?;
        Ok(types::Image::try_from(film)?)
    }

    fn logs(&self, token: u64, since: u64) -> Result<types::Logs, Refusal> {
        Ok(self.on(token, |device| device.logs(since))?.into())
    }

    fn apps(&self, token: u64) -> Result<Vec<types::App>, Refusal> {
        let apps = self.on(token, P::Session::apps)?;
        Ok(apps.into_iter().map(Into::into).collect())
    }

    fn app_state(&self, token: u64, app: String) -> Result<types::AppState, Refusal> {
        Ok(self.on(token, |device| device.app_state(&app))?.into())
    }

    fn install(&self, token: u64, name: String, content: &Handle) -> Result<types::App, Refusal> {
        let app = self.on(token, |device| device.install(&name, &kept(content)?))?;
        Ok(app.into())
    }

    fn uninstall(&self, token: u64, app: String) -> Result<(), Refusal> {
        self.on(token, |device| device.uninstall(&app))
    }

    fn launch(&self, token: u64, app: String) -> Result<(), Refusal> {
        self.on(token, |device| device.launch(&app))
    }

    fn terminate(&self, token: u64, app: String) -> Result<(), Refusal> {
        self.on(token, |device| device.terminate(&app))
    }

    fn open_url(&self, token: u64, url: String) -> Result<(), Refusal> {
        self.on(token, |device| device.open_url(&url))
    }

    fn alert(
        &self,
        token: u64,
        answer: types::AlertAnswer,
    ) -> Result<Option<types::Alert>, Refusal> {
        let alert = self.on(token, |device| device.alert(answer.into()))?;
        Ok(alert.map(Into::into))
    }

    fn clipboard(&self, token: u64) -> Result<String, Refusal> {
        self.on(token, P::Session::clipboard)
    }

    fn set_clipboard(&self, token: u64, text: String) -> Result<(), Refusal> {
        self.on(token, |device| device.set_clipboard(&text))
    }

    fn orientation(&self, token: u64) -> Result<types::Orientation, Refusal> {
        Ok(self.on(token, P::Session::orientation)?.into())
    }

    fn set_orientation(&self, token: u64, to: types::Orientation) -> Result<(), Refusal> {
        self.on(token, |device| device.set_orientation(to.into()))
    }

    fn push(&self, token: u64, path: String, data: &Handle) -> Result<(), Refusal> {
        self.on(token, |device| device.push(&path, &kept(data)?))
    }

    fn pull(&self, token: u64, path: String) -> Result<Handle, Refusal> {
        let data = self.on(token, |device| device.pull(&path))?;
        Ok(data.0.into_handle().map_err(Error::from)?)
    }

    fn native(&self, token: u64, method: String, params: String) -> Result<String, Refusal> {
        self.on(token, |device| device.native(&method, &params))
    }

    fn alive(&self, token: u64) -> Result<(), Refusal> {
        self.on(token, P::Session::alive)
    }

    fn shutdown(&self, token: u64) -> Result<(), Refusal> {
        self.on(token, P::Session::shutdown)
    }

    fn close(&self, token: u64) -> Result<(), Refusal> {
        self.on(token, P::Session::close)
    }
}
