use std::sync::Arc;

use bytes::Bytes;
use hostler_auth::Principal;

use super::*;
use crate::{History, Outlet, Who};

#[derive(Debug)]
struct Nowhere;

impl Outlet for Nowhere {
    fn send(&self, _: Bytes) -> bool {
        true
    }

    fn replay(&self, _: History) -> bool {
        true
    }

    fn room(&self) -> crate::BoxFuture<'_, bool> {
        Box::pin(async { true })
    }
}

fn client(principal: &str, tag: Option<&str>, access: Access) -> Client {
    Client {
        id: ClientId::next(),
        outlet: Arc::new(Nowhere),
        notices: true,
        positioned: true,
        forms: false,
        access,
        shell: true,
        who: Arc::new(Who {
            principal: Principal::new(principal),
            tag: tag.map(str::to_owned),
            name: "test".into(),
        }),
    }
}

fn driver() -> Client {
    client("ann", None, Access::Drive)
}

fn viewer() -> Client {
    client("ann", None, Access::View)
}

#[test]
fn with_shared_control_everybody_who_may_drive_does() {
    let mut control = Control::new(ControlMode::Shared);
    let (a, b) = (driver(), driver());
    control.attached(&a);
    for client in [&a, &b] {
        assert!(control.allows(client));
        assert_eq!(control.claim(client), Ok(false));
        assert!(control.take(client).is_err());
        assert!(control.release(client).is_err());
    }
    assert_eq!(control.claim(&viewer()), Err(SessionError::ViewOnly));
    assert_eq!(control.to_json(&a)["holder"], Value::Null);
}

#[test]
fn the_first_connection_is_the_owner_and_all_later_ones_follow() {
    let mut control = Control::new(ControlMode::First);
    let (owner, follower) = (driver(), driver());
    assert!(control.attached(&owner));
    assert!(!control.attached(&follower));
    assert_eq!(control.claim(&owner), Ok(false));
    let refused = control.claim(&follower).unwrap_err();
    assert_eq!(refused.fault().code, -32010);
    assert!(control.take(&follower).is_err());
}

#[test]
fn when_the_owner_leaves_the_next_new_connection_owns_and_no_follower_is_promoted() {
    let mut control = Control::new(ControlMode::First);
    let (owner, follower) = (driver(), driver());
    control.attached(&owner);
    control.attached(&follower);
    assert!(control.detached(owner.id, true));
    assert!(!control.allows(&follower));
    control.detached(follower.id, false);
    assert!(!control.attached(&follower), "it is no new connection");
    assert!(!control.attached(&viewer()), "it may never drive");
    let next = driver();
    assert!(control.attached(&next));
    assert!(control.allows(&next));
    assert!(!control.allows(&follower));
}

#[test]
fn the_first_who_drives_holds_the_lease_without_a_new_epoch() {
    let mut control = Control::new(ControlMode::Lease);
    let (a, b) = (driver(), driver());
    control.attached(&a);
    control.attached(&b);
    assert!(control.allows(&a) && control.allows(&b));
    assert_eq!(control.claim(&b), Ok(true));
    assert_eq!(control.claim(&b), Ok(false));
    let refused = control.claim(&a).unwrap_err();
    assert_eq!(refused.fault().code, -32010);
    assert_eq!(control.to_json(&a)["controlEpoch"], 0);
    assert_eq!(control.to_json(&a)["you"], false);
    assert_eq!(control.to_json(&b)["you"], true);
}

#[test]
fn control_is_taken_and_released_by_those_who_may_and_each_raises_the_epoch() {
    let mut control = Control::new(ControlMode::Lease);
    let (a, b) = (driver(), driver());
    control.claim(&a).unwrap();
    control.take(&b).unwrap();
    assert!(control.allows(&b) && !control.allows(&a));
    assert!(control.release(&a).is_err(), "it does not hold it");
    control.release(&b).unwrap();
    assert!(control.allows(&a) && control.allows(&b));
    assert_eq!(control.to_json(&a)["controlEpoch"], 2);
    assert_eq!(control.take(&viewer()), Err(SessionError::ViewOnly));
}

#[test]
fn the_holder_survives_its_reconnect_and_one_without_a_name_does_not() {
    let mut control = Control::new(ControlMode::Lease);
    let named = client("ann", Some("tablet"), Access::Drive);
    control.claim(&named).unwrap();
    assert!(!control.detached(named.id, true));
    let other = driver();
    assert!(!control.allows(&other));
    let back = client("ann", Some("tablet"), Access::Drive);
    control.attached(&back);
    assert!(control.allows(&back));
    let impostor = client("bob", Some("tablet"), Access::Drive);
    assert!(!control.allows(&impostor), "a name proves nothing");

    control.take(&other).unwrap();
    assert!(!control.detached(other.id, false), "it is still connected");
    assert!(control.detached(other.id, true));
    assert!(control.allows(&back));
}
