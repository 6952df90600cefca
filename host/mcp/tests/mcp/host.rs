//! A host that lends played devices, and clients of it.

use std::sync::{Arc, Mutex};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use hostler_auth::{Identity, Principal, Scope, Token, TokenId, TokenStore, bearer};
use hostler_device::Devices;
use hostler_test_devices::{Kept, Played};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult, ProgressNotificationParam},
    service::{NotificationContext, RunningService},
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub(crate) struct Host {
    pub(crate) devices: Devices,
    pub(crate) played: Played,
    pub(crate) tokens: TokenStore,
    kept: Arc<Kept>,
    addr: std::net::SocketAddr,
    stop: CancellationToken,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::on(Arc::default(), TokenStore::new(), 1, None).await
    }

    async fn on(
        kept: Arc<Kept>,
        tokens: TokenStore,
        starts: u32,
        addr: Option<std::net::SocketAddr>,
    ) -> Self {
        let (devices, played) = hostler_test_devices::devices(&kept, starts);
        let stop = CancellationToken::new();
        let router = hostler_mcp::router(devices.clone(), stop.clone())
            .layer(middleware::from_fn_with_state(tokens.clone(), guard));
        let addr = addr.unwrap_or(([127, 0, 0, 1], 0).into());
        let listener = tokio::net::TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let server = axum::serve(listener, router);
            server.with_graceful_shutdown(stopped).await.unwrap();
        });
        Self {
            devices,
            played,
            tokens,
            kept,
            addr,
            stop,
        }
    }

    /// The same host once more, at the same address.
    pub(crate) async fn again(self) -> Self {
        self.stop.cancel();
        self.devices.stop().await;
        let (kept, tokens, addr) = (self.kept.clone(), self.tokens.clone(), self.addr);
        drop(self);
        Self::on(kept, tokens, 2, Some(addr)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.addr)
    }

    pub(crate) fn token(&self, principal: &str, scopes: &[Scope]) -> String {
        let token = Token::random().unwrap();
        let identity = Identity {
            principal: Principal::new(principal),
            scopes: scopes.iter().copied().collect(),
            token: TokenId::random().unwrap(),
        };
        self.tokens.insert(&token, identity);
        token.expose().to_owned()
    }

    pub(crate) async fn client(&self) -> Client {
        self.client_with(&self.token("ann", &[Scope::Lease])).await
    }

    pub(crate) async fn client_with(&self, token: &str) -> Client {
        let config = StreamableHttpClientTransportConfig::with_uri(self.url()).auth_header(token);
        let transport = StreamableHttpClientTransport::from_config(config);
        let heard = Heard::default();
        let service = heard.clone().serve(transport).await.unwrap();
        Client { service, heard }
    }
}

async fn guard(State(tokens): State<TokenStore>, mut request: Request, next: Next) -> Response {
    let header = request.headers().get("authorization");
    let token = header.and_then(|header| bearer(header.to_str().ok()?));
    match token.map(|token| tokens.verify(token)) {
        Some(Ok(grant)) => {
            request.extensions_mut().insert(grant);
            next.run(request).await
        }
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// What a client was told on the way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(pub(crate) Arc<Mutex<Vec<String>>>);

impl ClientHandler for Heard {
    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let text = params.message.unwrap_or_default();
        self.0.lock().unwrap().push(text);
    }
}

pub(crate) struct Client {
    pub(crate) service: RunningService<RoleClient, Heard>,
    pub(crate) heard: Heard,
}

pub(crate) fn params(tool: &str, arguments: Value) -> CallToolRequestParams {
    let arguments: Map<_, _> = serde_json::from_value(arguments).unwrap();
    CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)
}

impl Client {
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> CallToolResult {
        self.service
            .call_tool(params(tool, arguments))
            .await
            .unwrap()
    }

    /// The text of a tool that did what it should.
    pub(crate) async fn text(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        let text = text(&result);
        assert_ne!(result.is_error, Some(true), "{text}");
        text
    }

    /// The code and the message of a tool that did not.
    pub(crate) async fn refused(&self, tool: &str, arguments: Value) -> (String, String) {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(true), "{result:?}");
        let failure = result.structured_content.unwrap();
        let text = |name: &str| failure[name].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }
}

pub(crate) fn text(result: &CallToolResult) -> String {
    let texts = result
        .content
        .iter()
        .filter_map(|content| content.as_text());
    texts.map(|text| text.text.as_str()).collect()
}
