//! One lease as a row of the table, and back.

use std::{fmt::Display, sync::Arc, time::Duration};

use hostler_lease::{
    Ask, Choice, DeviceKey, FencingToken, HandOver, Label, LeaseId, LeaseScope, Mode, Principal,
    Selector, Standing, Stored, Terms, Want,
};
use rusqlite::{Row, Transaction, named_params};
use serde_json::{Value, json};

pub(super) const SELECT: &str = "SELECT id, principal, tenant, run, client, backend, policy,
    session, selector, mode, bearer, ttl_ms, wait_ms, readers, hand_over, snapshot, standing,
    turn, wants, device, token, used, surface FROM lease";

pub(super) fn put(change: &Transaction<'_>, stored: &Stored) -> rusqlite::Result<()> {
    let Stored { ask, standing } = stored;
    let scope = &ask.scope;
    let (mode, bearer, surface) = match &scope.mode {
        Mode::Explicit => ("explicit", None, None),
        Mode::Implicit { token, surface } => {
            ("implicit", Some(token.as_str()), Some(surface.as_str()))
        }
        Mode::Reader => ("reader", None, None),
    };
    let (hand_over, snapshot) = match ask.terms.hand_over() {
        HandOver::Keep => ("keep", None),
        HandOver::ClearApps => ("clear-apps", None),
        HandOver::Erase => ("erase", None),
        HandOver::Snapshot(name) => ("snapshot", Some(name.as_str())),
    };
    let (turn, wants) = match standing {
        Standing::Waiting { turn, wants } => (Some(*turn), Some(wants_text(wants))),
        Standing::Held { .. } | Standing::Reading { .. } => (None, None),
    };
    let (standing, device, token, used) = match standing {
        Standing::Waiting { .. } => ("waiting", None, None, false),
        Standing::Held { key, token, used } => ("held", Some(key), Some(token), *used),
        Standing::Reading { key, token, used } => ("reading", Some(key), Some(token), *used),
    };
    let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    change
        .prepare_cached(
            "INSERT OR REPLACE INTO lease (id, principal, tenant, run, client, backend, policy,
                session, selector, mode, bearer, ttl_ms, wait_ms, readers, hand_over, snapshot,
                standing, turn, wants, device, token, used, surface)
             VALUES (:id, :principal, :tenant, :run, :client, :backend, :policy,
                :session, :selector, :mode, :bearer, :ttl_ms, :wait_ms, :readers, :hand_over,
                :snapshot, :standing, :turn, :wants, :device, :token, :used, :surface)",
        )?
        .execute(named_params! {
            ":id": ask.id.reveal(),
            ":principal": ask.principal.as_str(),
            ":tenant": text(&scope.tenant),
            ":run": text(&scope.run),
            ":client": text(&scope.client),
            ":backend": text(&scope.backend),
            ":policy": text(&scope.policy),
            ":session": scope.session.as_str(),
            ":selector": selector_text(&scope.selector),
            ":mode": mode,
            ":bearer": bearer,
            ":ttl_ms": millis(ask.terms.ttl()),
            ":wait_ms": ask.terms.wait().map(millis),
            ":readers": ask.terms.readers(),
            ":hand_over": hand_over,
            ":snapshot": snapshot,
            ":standing": standing,
            ":turn": turn.map(u64::cast_signed),
            ":wants": wants,
            ":device": device.map(DeviceKey::as_str),
            ":token": token.map(|token| token.number().cast_signed()),
            ":used": used,
            ":surface": surface,
        })?;
    Ok(())
}

/// The lease of a row; or why the row is none.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Result<Stored, String>> {
    let principal: String = row.get("principal")?;
    Ok(stored(row)?.map_err(|why| format!("a lease of {principal:?}: {why}")))
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Result<Stored, String>> {
    let text = |name| row.get::<_, String>(name);
    let some = |name| row.get::<_, Option<String>>(name);
    let number = |name| row.get::<_, Option<i64>>(name);
    let (id, principal, session) = (text("id")?, text("principal")?, text("session")?);
    let labels = ["tenant", "run", "client", "backend", "policy"];
    let labels = labels.map(some);
    let [tenant, run, client, backend, policy] = labels;
    let (tenant, run, client, backend, policy) = (tenant?, run?, client?, backend?, policy?);
    let (selector_json, mode_text) = (text("selector")?, text("mode")?);
    let (bearer, surface) = (some("bearer")?, some("surface")?);
    let (ttl, wait): (i64, _) = (row.get("ttl_ms")?, number("wait_ms")?);
    let (readers, how, snapshot): (u16, _, _) =
        (row.get("readers")?, text("hand_over")?, some("snapshot")?);
    let (kind, turn, wants_json) = (text("standing")?, number("turn")?, some("wants")?);
    let (device, token, used) = (some("device")?, number("token")?, row.get("used")?);

    let all = || -> Result<Stored, String> {
        let scope = LeaseScope {
            tenant: label(tenant)?,
            run: label(run)?,
            client: label(client)?,
            backend: label(backend)?,
            policy: label(policy)?,
            session: Label::new(&session).map_err(said)?,
            selector: selector(&selector_json)?,
            mode: match mode_text.as_str() {
                "explicit" => Mode::Explicit,
                "implicit" => Mode::Implicit {
                    token: label(bearer)?.ok_or("no bearer")?,
                    surface: label(surface)?.ok_or("no surface")?,
                },
                "reader" => Mode::Reader,
                other => return Err(format!("mode {other:?}")),
            },
        };
        let how = match how.as_str() {
            "keep" => HandOver::Keep,
            "clear-apps" => HandOver::ClearApps,
            "erase" => HandOver::Erase,
            "snapshot" => HandOver::Snapshot(label(snapshot)?.ok_or("no snapshot")?),
            other => return Err(format!("hand-over {other:?}")),
        };
        let wait = wait.map(duration).transpose()?;
        let ask = Ask {
            id: LeaseId::parse(&id).map_err(said)?,
            principal: Principal::new(&principal).map_err(said)?,
            scope,
            terms: Terms::new(duration(ttl)?, wait, readers, how).map_err(said)?,
        };
        let on = || -> Result<_, String> {
            let key = device.as_deref().ok_or("no device")?;
            let key = DeviceKey::from_store(key).map_err(said)?;
            let token = token.ok_or("no token")?.cast_unsigned();
            Ok((key, FencingToken::from_number(token)))
        };
        let standing = match kind.as_str() {
            "waiting" => Standing::Waiting {
                turn: turn.ok_or("no turn")?.cast_unsigned(),
                wants: wants(wants_json.as_deref().unwrap_or_default())?,
            },
            "held" => on().map(|(key, token)| Standing::Held { key, token, used })?,
            "reading" => on().map(|(key, token)| Standing::Reading { key, token, used })?,
            other => return Err(format!("standing {other:?}")),
        };
        Ok(Stored {
            ask: Arc::new(ask),
            standing,
        })
    };
    Ok(all())
}

fn selector_text(selector: &Selector) -> String {
    let choices = selector.choices().iter().map(|choice| match choice {
        Choice::Device(name) => json!({ "device": name.as_str() }),
        Choice::Pool(name) => json!({ "pool": name.as_str() }),
    });
    Value::from_iter(choices).to_string()
}

fn selector(text: &str) -> Result<Selector, String> {
    let choices = entries(text, |what, name| match what {
        "device" => Ok(Choice::Device(Label::new(name).map_err(said)?)),
        "pool" => Ok(Choice::Pool(Label::new(name).map_err(said)?)),
        other => Err(format!("choice {other:?}")),
    })?;
    Selector::any_of(choices).map_err(said)
}

fn wants_text(wants: &[Want]) -> String {
    let wants = wants.iter().map(|want| match want {
        Want::Device(key) => json!({ "device": key.as_str() }),
        Want::Pool(name) => json!({ "pool": name.as_str() }),
    });
    Value::from_iter(wants).to_string()
}

fn wants(text: &str) -> Result<Vec<Want>, String> {
    entries(text, |what, name| match what {
        "device" => Ok(Want::Device(DeviceKey::from_store(name).map_err(said)?)),
        "pool" => Ok(Want::Pool(Label::new(name).map_err(said)?)),
        other => Err(format!("want {other:?}")),
    })
}

/// Of a JSON array of objects with one member each.
fn entries<T>(
    text: &str,
    entry: impl Fn(&str, &str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let Ok(Value::Array(all)) = serde_json::from_str(text) else {
        return Err(format!("{text:?} is no list"));
    };
    all.iter()
        .map(|one| {
            let member = one.as_object().and_then(|members| members.iter().next());
            match member {
                Some((what, Value::String(name))) => entry(what, name),
                _ => Err(format!("{text:?} is no list of choices")),
            }
        })
        .collect()
}

fn label(text: Option<String>) -> Result<Option<Label>, String> {
    text.map(|text| Label::new(&text)).transpose().map_err(said)
}

fn said(error: impl Display) -> String {
    error.to_string()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn duration(millis: i64) -> Result<Duration, String> {
    let millis = u64::try_from(millis).map_err(said)?;
    Ok(Duration::from_millis(millis))
}
