//! What happens in sessions goes into the audit record, and to whoever is to be
//! told.

use hostler_session::{Happening, Observer, SessionEvent};
use hostler_store::{Audit, AuditRecord};
use serde_json::json;

use crate::notify::{Event, Notification, Notifier};

/// Hands on; never waits.
#[derive(Debug)]
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
