//! What happens in sessions and to leases goes into the audit record, and to
//! whoever is to be told.

use hostler_device::LeaseAct;
use hostler_lease::EndCause;
use hostler_session::{Happening, Observer, SessionEvent};
use hostler_store::{Audit, AuditRecord};
use serde_json::json;

use crate::notify::{Event, Notification, Notifier};

/// Hands on; never waits.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    pub(crate) audit: Audit,
    pub(crate) notifier: Notifier,
}

impl Observer for Recorder {
    fn observe(&self, event: &SessionEvent<'_>) {
        if let Some(record) = record(event) {
            self.audit.add(record);
        }
        if let Some((what, text)) = news(&event.what) {
            self.notifier.tell(Notification {
                event: what,
                session: event.session.to_owned(),
                owner: event.owner.to_string(),
                title: event.title.map(str::to_owned),
                text,
            });
        }
    }
}

impl hostler_device::Observer for Recorder {
    fn lease(&self, act: LeaseAct<'_>) {
        self.audit.add(lease_record(&act));
    }
}

fn lease_record(act: &LeaseAct<'_>) -> AuditRecord {
    let (who, key, action, detail) = match act {
        LeaseAct::Leased {
            to,
            session,
            key,
            token,
            policy,
            ttl,
        } => {
            let detail = json!({
                "session": session,
                "fencing_token": token,
                "policy": policy,
                "ttl_seconds": ttl.as_secs(),
            });
            (to, key, "device.lease", detail)
        }
        LeaseAct::Ended { of, key, cause } => {
            let action = match cause {
                EndCause::Released => "device.release",
                EndCause::Expired => "device.expire",
                _ => "device.end",
            };
            (of, key, action, json!({ "cause": cause.text() }))
        }
        LeaseAct::Forced { by, key } => (by, key, "device.force-release", json!({})),
    };
    AuditRecord::now(who.to_string(), action, key.to_string(), detail.to_string())
}

/// What somebody did; what an agent does by itself is in the session's history.
fn record(event: &SessionEvent<'_>) -> Option<AuditRecord> {
    let (by, action, detail) = match &event.what {
        Happening::Answered { by, option } => {
            (by, "permission.answer", json!({ "option": option }))
        }
        Happening::Shared { by, to, scope } => {
            let scope = scope.map(|scope| scope.name());
            (
                by,
                "session.share",
                json!({ "to": to.as_str(), "scope": scope }),
            )
        }
        Happening::Forked { by, copy } => (by, "session.fork", json!({ "copy": copy })),
        Happening::Control { by, mode, taken } => {
            let action = if *taken {
                "control.take"
            } else {
                "control.release"
            };
            (by, action, json!({ "mode": mode.name() }))
        }
        Happening::Ended { by, deleted } => {
            let action = if *deleted {
                "session.delete"
            } else {
                "session.end"
            };
            (by, action, json!({}))
        }
        Happening::Asked { .. } | Happening::TurnEnded { .. } | Happening::Failed { .. } => {
            return None;
        }
    };
    Some(AuditRecord::now(
        by.as_str(),
        action,
        event.session,
        detail.to_string(),
    ))
}

/// What a person who is elsewhere wants to know.
fn news(what: &Happening) -> Option<(Event, String)> {
    match what {
        Happening::Asked { title } => {
            let what = title.as_deref().unwrap_or("a permission");
            Some((Event::Asked, format!("The agent asks: {what}")))
        }
        Happening::TurnEnded {
            outcome: Ok(reason),
        } => Some((Event::TurnEnded, format!("The turn has ended: {reason}"))),
        Happening::TurnEnded {
            outcome: Err(error),
        } => Some((Event::TurnEnded, format!("The turn has failed: {error}"))),
        Happening::Failed { message } => Some((Event::Failed, message.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hostler_auth::Principal;

    use super::*;

    fn event<'a>(owner: &'a Principal, what: Happening) -> SessionEvent<'a> {
        SessionEvent {
            session: "s",
            owner,
            title: None,
            what,
        }
    }

    #[test]
    fn a_lease_is_recorded_from_its_grant_to_its_end_with_who_ended_it() {
        let ann = hostler_lease::Principal::new("ann").unwrap();
        let op = hostler_lease::Principal::new("op").unwrap();
        let key = hostler_lease::DeviceKey::from_store("chromium:x").unwrap();
        let leased = LeaseAct::Leased {
            to: &ann,
            session: "ci",
            key: &key,
            token: 7,
            policy: "local",
            ttl: std::time::Duration::from_secs(300),
        };
        let ended = |cause| LeaseAct::Ended {
            of: &ann,
            key: &key,
            cause,
        };
        for (act, who, action, part) in [
            (leased, "ann", "device.lease", "\"fencing_token\":7"),
            (
                ended(EndCause::Released),
                "ann",
                "device.release",
                "released",
            ),
            (ended(EndCause::Expired), "ann", "device.expire", "renewed"),
            (
                ended(EndCause::DeviceLost),
                "ann",
                "device.end",
                "connected",
            ),
            (
                LeaseAct::Forced { by: &op, key: &key },
                "op",
                "device.force-release",
                "{}",
            ),
        ] {
            let kept = lease_record(&act);
            let found = (
                kept.principal.as_str(),
                kept.action.as_ref(),
                kept.subject.as_str(),
            );
            assert_eq!(found, (who, action, "chromium:x"));
            assert!(kept.detail.contains(part), "{}", kept.detail);
        }
    }

    #[test]
    fn what_people_do_is_recorded_and_what_agents_do_is_told() {
        let (ann, bob) = (Principal::new("ann"), Principal::new("bob"));
        let answered = Happening::Answered {
            by: bob,
            option: Some("allow".into()),
        };
        let kept = record(&event(&ann, answered.clone())).unwrap();
        assert_eq!(
            (
                kept.principal.as_str(),
                kept.action.as_ref(),
                kept.subject.as_str()
            ),
            ("bob", "permission.answer", "s")
        );
        assert!(kept.detail.contains("allow"));
        assert!(news(&answered).is_none());

        let asked = Happening::Asked {
            title: Some("rm -r".into()),
        };
        assert!(record(&event(&ann, asked.clone())).is_none());
        let (what, text) = news(&asked).unwrap();
        assert_eq!(what, Event::Asked);
        assert!(text.contains("rm -r"));

        let failed = Happening::TurnEnded {
            outcome: Err("broken".into()),
        };
        assert!(news(&failed).unwrap().1.contains("broken"));
    }
}
