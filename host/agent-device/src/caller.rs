//! Who asks, and what they may.

use hostler_auth::{Grant, GrantEnd, Scope};
use hostler_device::{Labels, Refusal, Who};
use hostler_lease::{Label, Principal};

use crate::{fault::Fault, request::Claims};

/// What this protocol is called where several are told apart.
const SURFACE: &str = "agent-device";

/// Who the token says it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    grant: Grant,
}

impl Caller {
    /// Of a token that counts.
    pub(crate) fn of(grant: Grant) -> Result<Self, Fault> {
        let identity = &grant.identity;
        let principal = Principal::new(identity.principal.as_str())
            .map_err(|error| Fault::internal("the token has an odd principal", &error))?;
        let token = label(identity.token.as_str())?;
        let who = Who {
            principal,
            token,
            surface: label(SURFACE)?,
            admin: identity.scopes.contains(Scope::Admin),
        };
        Ok(Self { who, grant })
    }

    /// Does it, unless the token is revoked or its life ends meanwhile.
    pub(crate) async fn while_valid<T>(
        &self,
        act: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::select! {
            biased;
            end = self.grant.ended() => Err(Fault::token(match end {
                GrantEnd::Revoked => "the token was revoked while this was done",
                GrantEnd::Expired => "the life of the token ended while this was done",
            })),
            outcome = act => outcome,
        }
    }

    /// The token must have this scope.
    pub(crate) fn needs(&self, scope: Scope) -> Result<(), Fault> {
        if self.grant.identity.scopes.contains(scope) {
            return Ok(());
        }
        let message = format!("this needs a token with the scope `{scope}`");
        Err(Fault::new("UNAUTHORIZED", "SCOPE_MISSING", message)
            .status(axum::http::StatusCode::FORBIDDEN))
    }
}

/// A name, as the rules of leasing have them.
pub(crate) fn label(text: &str) -> Result<Label, Fault> {
    Ok(Label::new(text).map_err(Refusal::from)?)
}

/// What the client says of itself.
pub(crate) fn labels(session: &str, claims: &Claims) -> Result<Labels, Fault> {
    let said = |text: &Option<String>| text.as_deref().map(label).transpose();
    Ok(Labels {
        session: label(session)?,
        tenant: said(&claims.tenant)?,
        run: said(&claims.run)?,
        client: said(&claims.client)?,
        backend: said(&claims.backend)?,
    })
}
