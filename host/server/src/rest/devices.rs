//! `/v1/devices`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use hostler_auth::{Grant, Scope};
use hostler_device::json::{Device, Devices};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, caller};
use crate::{
    http::{Refusal, body::answer},
    serve::Shared,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/devices",
            "view",
            "Lists the devices, and who has them as far as the caller may know.",
            get(list),
        )
        .query::<Listed>()
        .gives::<Devices>(200),
        Operation::new(
            "get",
            "/v1/devices/{device}",
            "view",
            "Shows one device, by key, hardware id, alias or name.",
            get(show),
        )
        .gives::<Device>(200),
        Operation::new(
            "post",
            "/v1/devices/{device}/release",
            "lease",
            "Ends the lease of a device without its id: an operator any, others those of their \
             own agents' sessions.",
            post(release),
        )
        .gives::<Released>(200),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Ask all providers, instead of using lists that are some seconds old.
    #[serde(default)]
    refresh: bool,
    /// Only devices of this platform.
    platform: Option<String>,
}

/// A device whose lease was ended.
#[derive(Debug, Serialize, JsonSchema)]
struct Released {
    /// Its key.
    device: String,
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    query: Result<Query<Listed>, QueryRejection>,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::View)?;
    let query = caller::query(query)?;
    let listing = caller::devices(&shared)?.devices(&who, query.refresh).await;
    let mut devices = Devices::from(listing);
    if let Some(platform) = query.platform {
        devices
            .devices
            .retain(|device| device.platform.eq_ignore_ascii_case(&platform));
    }
    answer(StatusCode::OK, &devices)
}

async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    Path(device): Path<String>,
) -> Result<Response, Refusal> {
    let who = caller::who(&grant, Scope::View)?;
    let devices = caller::devices(&shared)?;
    // Providers that were not asked for a while are asked by this.
    devices.listed().await;
    let key = devices.find(&device)?;
    let found = devices.device(&who, &key).ok_or_else(|| {
        let message = format!("{key} is not connected now; list the devices");
        Refusal::new(StatusCode::NOT_FOUND, "DEVICE_UNKNOWN", message)
    })?;
    answer(StatusCode::OK, &Device::from(found))
}

async fn release(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    Path(device): Path<String>,
) -> Result<Response, Refusal> {
    // An operator may without holding devices.
    let scope = match grant.identity.scopes.contains(Scope::Admin) {
        true => Scope::Admin,
        false => Scope::Lease,
    };
    let who = caller::who(&grant, scope)?;
    let devices = caller::devices(&shared)?;
    let device = devices.force_release(&who, &device).await?.to_string();
    answer(StatusCode::OK, &Released { device })
}
