//! Devices with a screen that keeps what is done to it: a field, a button, a link
//! to a second page, what must be scrolled to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use hostler_provider::{
    Answer, BoxFuture, Call, Capabilities, DeviceError, DeviceInfo, DeviceSession, OpenDevice,
    Opened, Progress, Provider, ProviderError,
};

use super::{BROWSER, PHONE, page::Page};

/// The provider of both.
#[derive(Debug)]
pub(crate) struct Screens {
    pages: Arc<Mutex<HashMap<String, Page>>>,
    /// How long an opening takes.
    pub(crate) boots: Mutex<Duration>,
    /// How long a call takes.
    pub(crate) calls: Arc<Mutex<Duration>>,
}

impl Screens {
    pub(crate) fn new() -> Arc<Self> {
        let pages = [PHONE, BROWSER].map(|id| (id.to_owned(), Page::default()));
        Arc::new(Self {
            pages: Arc::new(Mutex::new(pages.into())),
            boots: Mutex::default(),
            calls: Arc::default(),
        })
    }

    pub(crate) fn page(&self, id: &str) -> Page {
        self.pages.lock().unwrap().get(id).cloned().unwrap()
    }
}

fn info(id: &str) -> DeviceInfo {
    let phone = id == PHONE;
    DeviceInfo {
        platform: if phone { "android" } else { "chromium" }.into(),
        hardware_id: id.into(),
        name: if phone { "Pixel_7" } else { "Tab" }.into(),
        kind: if phone { "emulator" } else { "browser" }.into(),
        target: "mobile".into(),
        version: None,
        booted: true,
        aliases: vec![format!("alias-{id}")],
        capabilities: Capabilities {
            apps: phone,
            install: phone,
            launch: phone,
            open_url: true,
            snapshot: true,
            act: true,
            movement: true,
            text: true,
            keys: true,
            buttons: true,
            screenshot: true,
            recording: phone,
            logs: true,
            alert: true,
            clipboard: true,
            orientation: true,
            ..Capabilities::default()
        },
    }
}

impl Provider for Screens {
    fn id(&self) -> &str {
        "screens"
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>> {
        Box::pin(async { Ok(vec![info(PHONE), info(BROWSER)]) })
    }

    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        let boots = *self.boots.lock().unwrap();
        Box::pin(async move {
            progress.report("booting the device");
            tokio::time::sleep(boots).await;
            let mut pages = self.pages.lock().unwrap();
            let page = pages.get_mut(&open.hardware_id).unwrap();
            page.base = open.first_ref;
            page.log.push("open".into());
            let session = Session {
                pages: self.pages.clone(),
                calls: self.calls.clone(),
                id: open.hardware_id,
            };
            Ok(Opened {
                session: Box::new(session),
            })
        })
    }

    fn end_services(&self, _: &str) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[derive(Debug)]
struct Session {
    pages: Arc<Mutex<HashMap<String, Page>>>,
    calls: Arc<Mutex<Duration>>,
    id: String,
}

impl DeviceSession for Session {
    fn call(&mut self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        Box::pin(async move {
            let name = call.name().to_owned();
            self.pages
                .lock()
                .unwrap()
                .get_mut(&self.id)
                .unwrap()
                .log
                .push(name);
            let calls = *self.calls.lock().unwrap();
            if !calls.is_zero() {
                tokio::time::sleep(calls).await;
            }
            let mut pages: MutexGuard<'_, _> = self.pages.lock().unwrap();
            let page = pages.get_mut(&self.id).unwrap();
            page.answer(call, self.id == PHONE)
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.pages
            .lock()
            .unwrap()
            .get_mut(&self.id)
            .unwrap()
            .log
            .push("end".into());
        Box::pin(async move { drop(self) })
    }
}
