//! A host with two devices that keep what is done to them, for tests.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses a part of it"
)]

mod page;
mod rules;
mod screen;
mod store;

use std::{sync::Arc, time::Duration};

use axum::Router;
use hostler_agent_device::{Options, routes};
use hostler_auth::{Identity, Principal, Scope, Scopes, Token, TokenId, TokenStore};
use hostler_device::{Config, Devices, Unobserved, Who};
use hostler_lease::Label;
use tempfile::TempDir;

pub(crate) use page::PNG;
pub(crate) use rules::Rules;
pub(crate) use screen::Screens;
pub(crate) use store::Memory;

/// The Android device.
pub(crate) const PHONE: &str = "emulator-5554";

/// The device of a platform that clients do not know.
pub(crate) const BROWSER: &str = "tab-1";

/// A host with a phone and a browser.
pub(crate) struct World {
    pub(crate) devices: Devices,
    pub(crate) screens: Arc<Screens>,
    pub(crate) store: Arc<Memory>,
    pub(crate) tokens: TokenStore,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Memory::new(), Screens::new()).await
    }

    /// Whose leases live so long at most.
    pub(crate) async fn with_ttl(ttl: Duration) -> Self {
        Self::start(Memory::new(), Screens::new(), ttl).await
    }

    /// On what an earlier host kept.
    pub(crate) async fn on(store: Arc<Memory>, screens: Arc<Screens>) -> Self {
        Self::start(store, screens, Duration::from_secs(600)).await
    }

    async fn start(store: Arc<Memory>, screens: Arc<Screens>, ttl: Duration) -> Self {
        let (saved, starts) = store.load();
        let mut config = Config::new("plain");
        config.policies = vec!["proxy".to_owned(), "strict".to_owned()];
        let devices = Devices::start(config, saved, starts, store.clone(), Arc::new(Unobserved));
        for policy in ["plain", "proxy", "strict", "unlisted"] {
            devices.set_policy(Arc::new(Rules::named(policy, ttl)));
        }
        devices.set_provider(screens.clone());
        let world = Self {
            devices,
            screens,
            store,
            tokens: TokenStore::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        world.devices.devices(&world.who("root"), false).await;
        world
    }

    /// The routes of this host.
    pub(crate) fn routes(&self) -> Router {
        routes(Options {
            devices: self.devices.clone(),
            tokens: self.tokens.clone(),
            spool: self.folder.path().to_owned(),
            tls: false,
        })
        .unwrap()
    }

    /// A token of that principal, which may do everything but administer.
    pub(crate) fn token(&self, principal: &str) -> String {
        self.token_with(principal, Scopes::local())
    }

    /// A token that may only look.
    pub(crate) fn looking(&self, principal: &str) -> String {
        self.token_with(principal, [Scope::View].into_iter().collect())
    }

    fn token_with(&self, principal: &str, scopes: Scopes) -> String {
        let token = Token::random().unwrap();
        let identity = Identity {
            principal: Principal::parse(principal).unwrap(),
            scopes,
            token: TokenId::random().unwrap(),
        };
        self.tokens.insert(&token, identity);
        token.expose().to_owned()
    }

    /// Somebody, towards the device service itself.
    pub(crate) fn who(&self, principal: &str) -> Who {
        Who {
            principal: hostler_lease::Principal::new(principal).unwrap(),
            token: Label::new("of the test").unwrap(),
            surface: Label::new("of the test").unwrap(),
            admin: principal == "root",
        }
    }

    /// Who holds a device, by its key.
    pub(crate) async fn holder(&self, key: &str) -> Option<String> {
        let listing = self.devices.devices(&self.who("root"), false).await;
        let mut devices = listing.devices.into_iter();
        let view = devices.find(|view| view.key.as_str() == key).unwrap();
        view.status
            .holder
            .map(|holder| holder.principal.to_string())
    }

    /// Files that clients sent or may fetch.
    #[allow(dead_code, reason = "not every test binary looks")]
    pub(crate) fn files(&self) -> usize {
        let folders = std::fs::read_dir(self.folder.path()).unwrap();
        folders
            .map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count())
            .sum()
    }

    /// Serves on a port of its own; returns its address. Ends with the runtime.
    pub(crate) async fn serve(&self) -> String {
        self.serve_until().await.0
    }

    /// The same, with what ends it at once.
    pub(crate) async fn serve_until(&self) -> (String, tokio::task::JoinHandle<()>) {
        self.listen("127.0.0.1:0").await
    }

    /// Serves there.
    pub(crate) async fn serve_at(&self, address: &str) {
        self.listen(address).await;
    }

    async fn listen(&self, address: &str) -> (String, tokio::task::JoinHandle<()>) {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = self.routes();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (format!("http://{address}"), task)
    }
}
