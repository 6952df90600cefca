//! One browser in use: each call goes to the module that does it.

use std::time::Duration;

use hostler_sdk::device::{
    Act, Alert, AlertAnswer, DeviceSession, Error, Image, Logs, Movement, Orientation, Result,
    Screen, Target as At, Tree,
};
use hostler_sdk::service;
use serde_json::{Value, json};

use crate::frames::frames;
use crate::logs::Log;
use crate::settings::Target;
use crate::snapshot::{self, refs::Refs};
use crate::view::View;
use crate::wire::{COMMAND, Fault, Kind, Wire};
use crate::{address, alert, clipboard, gesture, held, idle, keys, open, picture, text};

/// How long a page may take to load; after that the driver gives up.
const PAGE_LOAD: Duration = Duration::from_secs(60);

/// How long a browser may take to say that it is there.
const ALIVE: Duration = Duration::from_secs(10);

/// A browser in use.
#[derive(Debug)]
pub struct Browser {
    pub(crate) wire: Wire,
    pub(crate) target: Target,
    pub(crate) refs: Refs,
    pub(crate) held: Orientation,
    pub(crate) log: Log,
    /// The window in use, once there was more than one.
    window: Option<String>,
}

impl Browser {
    pub(crate) fn new(wire: Wire, target: Target, first_ref: u32) -> Self {
        Self {
            wire,
            target,
            refs: Refs::new(first_ref),
            held: Orientation::Portrait,
            log: Log::default(),
            window: None,
        }
    }

    /// What the first holder of the session must find.
    pub(crate) fn begin(&mut self) -> Result {
        self.limit()?;
        match self.target.start_page.clone() {
            Some(page) => self.show(&page),
            None => Ok(()),
        }
    }

    fn limit(&self) -> Result {
        let limits = json!({"pageLoad": PAGE_LOAD.as_millis() as u64, "script": 30_000});
        Ok(self.wire.run("/timeouts", &limits)?)
    }

    /// A new browser in the place of one that is of no use any more. Refs of
    /// before stay stale: its documents have other ids.
    fn replace(&mut self) -> Result {
        // It may be past that.
        let _ = self.end();
        self.wire.session = open::new_session(&self.wire.endpoint, &self.target)?;
        self.window = None;
        self.limit()
    }

    /// Ends the session at the endpoint.
    pub(crate) fn end(&mut self) -> Result {
        Ok(self.wire.delete()?)
    }

    pub(crate) fn view(&self) -> Result<View> {
        Ok(View::look(&self.wire, self.target.metrics)?)
    }

    /// Makes the window that is in front the one in use, and the screen be held
    /// as it was turned: a page that is loaded undoes that.
    pub(crate) fn ready(&mut self) -> Result {
        let (newest, others) = self.newest()?;
        if (others || self.window.is_some()) && self.window.as_ref() != Some(&newest) {
            self.wire.switch_to(&newest)?;
            self.window = Some(newest);
        }
        held::restore(self)
    }

    /// Shows a page, whatever its scheme: what a holder asks for is checked before.
    fn show(&mut self, url: &str) -> Result {
        self.ready()?;
        let body = json!({"url": url});
        let opened = self.wire.post_for::<Value>("/url", &body, load());
        opened.map_err(|fault| match fault.kind {
            Kind::Invalid => Error::Invalid(format!(
                "{url:?} is no URL that the browser opens; write it with its scheme: https://…"
            )),
            // `net::ERR_CONNECTION_REFUSED` and its like.
            Kind::Other if fault.text.contains("net::ERR_") => {
                Error::NotFound(format!("{url:?} could not be loaded: {}", fault.text))
            }
            _ => fault.into(),
        })?;
        // Some drivers call the browser's own page of errors a success.
        let failed = match frames(&self.wire) {
            Ok(frames) => frames.first().is_some_and(|frame| frame.failed),
            // No Chrome, or an alert at once: the page is there.
            Err(Fault {
                kind: Kind::Unsupported | Kind::AlertOpen,
                ..
            }) => false,
            Err(fault) => return Err(fault.into()),
        };
        if failed {
            return Err(Error::NotFound(format!("{url:?} could not be loaded")));
        }
        Ok(())
    }

    /// The window that was opened last, and whether there are others.
    fn newest(&self) -> Result<(String, bool)> {
        let mut handles: Vec<String> = self.wire.get("/window/handles")?;
        let newest = handles
            .pop()
            .ok_or_else(|| Error::Lost("the last window of the browser was closed".to_owned()))?;
        Ok((newest, !handles.is_empty()))
    }
}

impl DeviceSession for Browser {
    fn screen(&mut self) -> Result<Screen> {
        self.ready()?;
        let view = self.view()?;
        Ok(Screen {
            width: view.width,
            height: view.height,
            scale: view.scale,
            orientation: self.held,
        })
    }

    fn snapshot(&mut self) -> Result<Tree> {
        self.ready()?;
        snapshot::take(self)
    }

    fn act(&mut self, target: At, act: Act) -> Result {
        self.ready()?;
        gesture::act(self, target, act)
    }

    fn movement(&mut self, movement: Movement) -> Result {
        self.ready()?;
        gesture::movement(self, movement)
    }

    fn fill(&mut self, target: At, text: &str) -> Result {
        self.ready()?;
        text::fill(self, target, text)
    }

    fn type_text(&mut self, text: &str) -> Result {
        self.ready()?;
        text::type_text(self, text)
    }

    fn press(&mut self, key: &str) -> Result {
        self.ready()?;
        match key {
            "back" => Ok(self
                .wire
                .post_for::<Value>("/back", &json!({}), load())
                .map(drop)?),
            "home" => {
                let page = self.target.start_page.clone();
                self.show(page.as_deref().unwrap_or("about:blank"))
            }
            "app-switcher" => Err(Error::unsupported("switch apps: it is a browser")),
            _ => keys::press(&self.wire, key),
        }
    }

    fn wait_idle(&mut self, timeout_ms: u32) -> Result {
        self.ready()?;
        idle::wait(&self.wire, Duration::from_millis(timeout_ms.into()))
    }

    fn screenshot(&mut self, full: bool) -> Result<Image> {
        self.ready()?;
        picture::screenshot(self, full)
    }

    fn frame(&mut self) -> Result<Image> {
        picture::frame(self)
    }

    fn logs(&mut self, since: u64) -> Result<Logs> {
        self.log.read(&self.wire, since)
    }

    fn launch(&mut self, app: &str) -> Result {
        Err(Error::Unsupported(format!(
            "a browser has no apps to launch; to show a page, open {app:?} as a URL"
        )))
    }

    fn terminate(&mut self, app: &str) -> Result {
        Err(Error::Unsupported(format!(
            "a browser has no apps, so {app:?} cannot be ended; open about:blank instead"
        )))
    }

    fn open_url(&mut self, url: &str) -> Result {
        address::check(url)?;
        let shown = self.show(url);
        let crashed = |fault: Fault| fault.kind == Kind::Crashed;
        if matches!(shown, Err(Error::Other(_))) && self.wire.ask(ALIVE).is_err_and(crashed) {
            self.replace()?;
            return self.show(url);
        }
        shown
    }

    fn alert(&mut self, answer: AlertAnswer) -> Result<Option<Alert>> {
        alert::alert(&self.wire, answer)
    }

    fn clipboard(&mut self) -> Result<String> {
        self.ready()?;
        clipboard::read(&self.wire)
    }

    fn set_clipboard(&mut self, text: &str) -> Result {
        self.ready()?;
        clipboard::write(&self.wire, text)
    }

    fn orientation(&mut self) -> Result<Orientation> {
        held::supported(self).map(|_| self.held)
    }

    fn set_orientation(&mut self, orientation: Orientation) -> Result {
        self.ready()?;
        held::turn(self, orientation)
    }

    /// A command of the Chrome DevTools Protocol, such as `Page.reload`. Some of
    /// them read and write files of the machine, so the operator must allow it.
    fn native(&mut self, method: &str, params: &str) -> Result<String> {
        if !self.target.native {
            return Err(Error::Unsupported(format!(
                "commands of Chrome's own reach the files of its machine, so the operator allows \
                 them with `native = true` in the target {:?} of the plugin's configuration",
                self.target.name
            )));
        }
        let is_command = method.split_once('.').is_some_and(|(domain, name)| {
            let word = |text: &str| {
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            word(domain) && word(name)
        });
        if !is_command {
            return Err(Error::Unsupported(format!(
                "{method:?} is no command of the Chrome DevTools Protocol; those are called as \
                 `Page.reload`"
            )));
        }
        let params: Value = serde_json::from_str(if params.is_empty() { "{}" } else { params })
            .map_err(|error| Error::Invalid(format!("the params are not JSON: {error}")))?;
        if !params.is_object() {
            return Err(Error::Invalid(
                "the params are not a JSON object".to_owned(),
            ));
        }
        Ok(self.wire.cdp::<Value>(method, params)?.to_string())
    }

    fn alive(&mut self) -> Result {
        match self.wire.ask(ALIVE) {
            Ok(()) => Ok(()),
            // It is there, and something is in the way.
            Err(Fault {
                kind: Kind::AlertOpen | Kind::Interrupted,
                ..
            }) => Ok(()),
            // Another window may be left; with the last one the browser ends, and
            // not every driver notices.
            Err(fault) if fault.kind == Kind::NoWindow => self.newest().map(drop),
            Err(Fault {
                kind: Kind::TimedOut,
                text,
            }) => Err(Error::Lost(text)),
            Err(fault) => Err(fault.into()),
        }
    }

    fn shutdown(&mut self) -> Result {
        let ended = self.end();
        if self.target.driver.is_some() {
            // With it ends every browser that it started.
            service::stop(&self.target.name)?;
            return Ok(());
        }
        ended
    }

    fn close(&mut self) -> Result {
        self.end()
    }
}

/// For a command that waits for a page: longer than the driver waits itself.
fn load() -> Duration {
    PAGE_LOAD + COMMAND
}
