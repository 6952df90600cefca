//! Elements of the screen: what is aimed at, and what is waited for.

use std::{sync::Arc, time::Duration};

use hostler_lease::{LeaseId, Refused, Status};
use hostler_provider::{Answer, Call, DeviceError, Movement, Target};
use tokio::time::{Instant, sleep_until};

use super::Devices;
use crate::{
    Refusal, Who,
    query::{Condition, Element, QueryError, Snapshot},
};

/// How often a snapshot is taken while something is waited for: as fast as
/// people see a change.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Elements.
impl Devices {
    /// The latest snapshot since the device was opened, if one was taken.
    ///
    /// # Errors
    /// The lease is not held.
    pub fn snapshot(&self, who: &Who, id: LeaseId) -> Result<Option<Arc<Snapshot>>, Refusal> {
        let state = self.0.lock();
        let Status::Held { key, token, .. } = state.registry.status(&who.principal, id)? else {
            return Err(Refused::NotYet.into());
        };
        let holding = state.holdings.get(&key);
        let holding = holding.filter(|holding| holding.token == token);
        let latest = holding.and_then(|holding| holding.snapshot.as_ref());
        Ok(latest.map(|latest| Arc::clone(&latest.snapshot)))
    }

    /// Takes a snapshot. A reader gets the latest if it is not too old: a new
    /// one would make the holder's refs stale.
    ///
    /// # Errors
    /// As for [`Devices::run`].
    pub async fn look(
        &self,
        who: &Who,
        id: LeaseId,
        limit: Duration,
    ) -> Result<Arc<Snapshot>, Refusal> {
        match self.run(who, id, Call::Snapshot, limit).await? {
            Answer::Tree(tree) => Ok(Arc::new(Snapshot::new(tree))),
            _ => Err(nonsense("snapshot")),
        }
    }

    /// What a caller aims at: `@e12` of the latest snapshot, or a selector, for
    /// which a new snapshot is taken.
    ///
    /// # Errors
    /// As for [`Devices::run`]; or no element fits, or several do.
    pub async fn aim(
        &self,
        who: &Who,
        id: LeaseId,
        text: &str,
        limit: Duration,
    ) -> Result<Target, Refusal> {
        let element = Element::parse(text)?;
        if let Element::Ref(number) = element {
            check_ref(self.snapshot(who, id)?.as_deref(), number)?;
            return Ok(Target::Ref(number));
        }
        let snapshot = self.look(who, id, limit).await?;
        Ok(Target::Ref(snapshot.find(&element)?.number))
    }

    /// Waits until a condition holds of an element, by taking snapshots.
    ///
    /// # Errors
    /// As for [`Devices::run`]; it did not hold in time; or several elements fit.
    pub async fn wait_for(
        &self,
        who: &Who,
        id: LeaseId,
        element: &Element,
        condition: &Condition,
        limit: Duration,
    ) -> Result<(), Refusal> {
        let until = Instant::now() + limit;
        loop {
            let began = Instant::now();
            let left = until.saturating_duration_since(began);
            if left.is_zero() {
                let why = format!("{element} was not so within {}s", limit.as_secs_f64());
                return Err(DeviceError::TimedOut(why).into());
            }
            let snapshot = self.look(who, id, left).await?;
            match snapshot.holds(element, condition) {
                Ok(true) => return Ok(()),
                // It may come yet.
                Ok(false) | Err(QueryError::NoMatch(_)) => {}
                Err(error) => return Err(error.into()),
            }
            sleep_until((began + LOOK_AGAIN).min(until)).await;
        }
    }
}

/// The ref that a call is aimed at.
pub(super) fn aimed_at(call: &Call) -> Option<u32> {
    let target = match call {
        Call::Act(target, _) | Call::Fill(target, _) => Some(target),
        Call::Move(Movement::Scroll { target, .. }) => target.as_ref(),
        _ => None,
    };
    match target {
        Some(Target::Ref(number)) => Some(*number),
        _ => None,
    }
}

pub(super) fn check_ref(latest: Option<&Snapshot>, number: u32) -> Result<(), Refusal> {
    let latest = latest.ok_or(QueryError::NoSnapshot(number))?;
    match latest.node(number) {
        Some(_) => Ok(()),
        None => Err(DeviceError::StaleRef(number).into()),
    }
}

pub(super) fn nonsense(command: &str) -> Refusal {
    let why = format!("the provider answered `{command}` with something else");
    DeviceError::Broken(why).into()
}
